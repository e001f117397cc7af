"""Every operator of ONNX that is read, and exporters' own files, against onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snncc import frontend
from tests.frontend.onnx_oracle import agreed
from tests.onnx_models import CASES, build, samples

DATA = Path(__file__).parents[1] / "data" / "onnx"
FILES = sorted(path.name for path in DATA.glob("*.onnx"))


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
