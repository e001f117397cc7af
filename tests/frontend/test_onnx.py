"""Every operator of ONNX that is read, and exporters' own files, against onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

import snncc
from snncc import frontend
from snncc.graph import Graph
from snncc.lower.calibrate import input_extremes
from snncc.lower.ends import input_scaling
from snncc.lower.populate import populate
from tests.lower.bounds import T, apply_head, float_activations
from tests.onnx_models import CASES, build, samples

DATA = Path(__file__).parents[1] / "data" / "onnx"
FILES = sorted(path.name for path in DATA.glob("*.onnx"))


def runtime(model: Any, x: np.ndarray) -> np.ndarray:
    """What onnxruntime makes of samples, one by one; of scikit-learn's classifiers the probabilities."""
    content = model.read_bytes() if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    real = next(i for i, found in enumerate(session.get_outputs()) if "float" in found.type)
    made = [session.run(None, {name: one[None]})[real] for one in x]
    rows = [[list(one[0].values())] if isinstance(one, list) else one for one in made]
    return np.concatenate(rows).astype(np.float64)


def laid_out(wanted: np.ndarray) -> np.ndarray:
    """The model's output as the graph has it: a map with its channels last."""
    return np.moveaxis(wanted, 1, -1) if wanted.ndim > 2 else wanted


def agreed(model: Any, x: np.ndarray) -> tuple[Graph, np.ndarray]:
    """(graph, onnxruntime's outputs), which the float network has too, and the integer one nearly."""
    graph = frontend.read(model)
    read = graph.channels_last(x)
    gain, offset, _ = input_scaling(graph)
    real = populate(graph, signed_input=input_extremes(read, gain, offset)[0] < 0)
    wanted = laid_out(runtime(model, x))
    values = float_activations(real, read)[real.populations[-1].name].reshape(len(x), *real.output_shape)
    found = apply_head(real.head, values)
    if wanted.shape[1:] == (2,) and found.shape[1:] == (1,):
        found = np.concatenate([1 - found, found], axis=1)
    found = np.log(found) if wanted.max() < 0 and real.head == "softmax" else found
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())
    network = snncc.convert(model, x, signed_bit=16, timesteps=T, calibrate="none", average_pools="all")
    assert np.abs(network.run(x).outputs - values).max() < 0.02 * max(np.ptp(values), 0.1)
    return graph, wanted


@pytest.mark.parametrize("name", CASES)
def test_every_operator_is_onnxruntimes(name: str) -> None:
    model, x = build(name)
    graph, wanted = agreed(model, x)
    assert graph.sample_shape == x.shape[1:]
    assert np.ptp(wanted, axis=0).max() > 1e-3, "the case says nothing: its output hardly depends on the input"


@pytest.mark.parametrize("name", FILES)
def test_every_exporters_file_is_onnxruntimes(name: str) -> None:
    path = DATA / name
    x = samples(frontend.read(path).sample_shape, 8)
    _, wanted = agreed(path, x * 255 if name.startswith("tf2onnx") else x)
    assert np.ptp(wanted, axis=0).max() > 1e-3, "its output hardly depends on the input"
