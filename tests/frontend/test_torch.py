"""PyTorch modules, with a stand-in for torch: found by their class, exported in evaluation mode, read as ONNX.

torch itself is no part of the tests: it takes a gigabyte. benchmarks/torch_bench.py runs the same path with it.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

import snncc
from snncc import frontend
from snncc.errors import UnsupportedLayerError
from tests.onnx_models import samples

FILE = Path(__file__).parents[1] / "data" / "onnx" / "torch_resnet.onnx"
SHAPE = (3, 8, 10)


class Module:
    """As torch.nn.Module, as far as a front end sees it."""

    training = True

    def cpu(self) -> Module:
        return self

    def eval(self) -> Module:
        self.training = False
        return self

    def parameters(self) -> Any:
        return iter([SimpleNamespace(dtype="float32")])


Module.__module__ = "torch.nn.modules.module"


class Net(Module):
    """A user's own."""


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A torch whose exporters write the file of a small network, and keep what they were asked."""
    asked = SimpleNamespace(calls=[], error=None)

    def export(module: Any, example: Any, file: Any = None, dynamo: bool = False, **options: Any) -> Any:
        assert not module.training and isinstance(module, Net)
        asked.calls.append((dynamo, example))
        if asked.error:
            raise asked.error
        if dynamo:
            return SimpleNamespace(model_proto=onnx.load(FILE))
        return file.write(FILE.read_bytes())

    made = ModuleType("torch")
    made.__dict__.update(
        float32="float32", zeros=lambda shape, dtype: (shape, dtype), onnx=SimpleNamespace(export=export)
    )
    monkeypatch.setitem(sys.modules, "torch", made)
    return asked


@pytest.fixture
def onnxscript(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that torch's newer exporter needs."""
    made = ModuleType("onnxscript")
    made.__spec__ = ModuleSpec("onnxscript", None)
    monkeypatch.setitem(sys.modules, "onnxscript", made)


def test_a_module_is_exported_and_stays_as_it_is(torch: SimpleNamespace) -> None:
    module, x = Net(), samples(SHAPE, 30)
    network = snncc.convert(module, x, calibrate="none", timesteps=16)
    assert module.training and torch.calls == [(False, (((1, *SHAPE), "float32"),))]
    assert network.ir.name == "Net"
    assert network.hash == snncc.convert(FILE, x, calibrate="none", timesteps=16, name="Net").hash
    assert network.run(x).classes.shape == (30,)


@pytest.mark.usefixtures("onnxscript")
def test_the_newer_exporter_where_it_can_run(torch: SimpleNamespace) -> None:
    assert frontend.read(Net(), SHAPE).sample_shape == SHAPE
    assert [dynamo for dynamo, _ in torch.calls] == [True]


def test_what_torch_cannot_export_is_refused(torch: SimpleNamespace) -> None:
    torch.error = RuntimeError("aten::odd\nis not known")
    with pytest.raises(UnsupportedLayerError, match=r"cannot export 'Net' .* \(RuntimeError: aten::odd is not known\)"):
        snncc.convert(Net(), np.ones((2, *SHAPE)))
    with pytest.raises(UnsupportedLayerError, match="give the shape of a sample"):
        frontend.read(Net())


def test_neither_torch_nor_onnx_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, snncc; from snncc import frontend; [front for front in frontend.frontends()]; "
        "assert not {'torch', 'onnx', 'keras', 'tensorflow'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
