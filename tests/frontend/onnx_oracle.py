"""What onnxruntime makes of a model, and what the float and the integer network must make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import snncc
from snncc import frontend
from snncc.graph import Graph
from snncc.lower.calibrate import input_extremes
from snncc.lower.ends import input_scaling
from snncc.lower.populate import populate
from tests.lower.bounds import T, apply_head, float_activations


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


def agreed(model: Any, x: np.ndarray, integers: bool = True) -> tuple[Graph, np.ndarray]:
    """(graph, onnxruntime's outputs), which the float network has too, and the one of integers nearly."""
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
    if not integers:
        return graph, wanted
    network = snncc.convert(model, x, signed_bit=16, timesteps=T, calibrate="none", average_pools="all")
    assert np.abs(network.run(x).outputs - values).max() < 0.02 * max(np.ptp(values), 0.1)
    return graph, wanted
