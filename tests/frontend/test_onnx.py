"""Every operator of ONNX that is read, and exporters' own files, against onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from snncc import frontend
from snncc.graph import Graph
from snncc.lower.calibrate import input_extremes
from snncc.lower.ends import input_scaling
from snncc.lower.populate import populate
from tests.lower.bounds import apply_head, float_activations
from tests.onnx_models import CASES, build

DATA = Path(__file__).parents[1] / "data" / "onnx"
FILES = sorted(path.name for path in DATA.glob("*.onnx"))


def runtime(model: Any, x: np.ndarray) -> np.ndarray:
    """What onnxruntime makes of samples, one by one."""
    content = model.read_bytes() if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    real = [i for i, found in enumerate(session.get_outputs()) if "float" in found.type][0]
    return np.concatenate([np.asarray(session.run(None, {name: one[None]})[real]) for one in x]).astype(np.float64)


def laid_out(graph: Graph, wanted: np.ndarray) -> np.ndarray:
    """The model's output as the graph has it: a map with its channels last."""
    return np.moveaxis(wanted, 1, -1) if wanted.ndim > 2 else wanted


def compared(model: Any, x: np.ndarray) -> tuple[Graph, np.ndarray, np.ndarray]:
    """(graph, the float network's outputs, onnxruntime's)."""
    graph = frontend.read(model)
    read = graph.channels_last(x)
    gain, offset, _ = input_scaling(graph)
    real = populate(graph, signed_input=input_extremes(read, gain, offset)[0] < 0)
    wanted = laid_out(graph, runtime(model, x))
    found = float_activations(real, read)[real.populations[-1].name]
    return graph, apply_head(real.head, found.reshape(wanted.shape)), wanted


@pytest.mark.parametrize("name", CASES)
def test_every_operator_is_onnxruntimes(name: str) -> None:
    model, x = build(name)
    graph, found, wanted = compared(model, x)
    if name == "log_softmax":
        found = np.log(found)
    assert graph.sample_shape == x.shape[1:]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())
    assert np.ptp(wanted, axis=0).max() > 1e-3, "the case says nothing: its output hardly depends on the input"
