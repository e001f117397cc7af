"""ONNX files that are broken, too new, or made to harm: one clear error with its code, and nothing else is opened."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import snncc
from snncc import frontend
from snncc.errors import FileFormatError, SnnccError, ToolMissingError, UnsupportedLayerError
from tests.onnx_models import samples
from tests.soak.onnx_inputs import OnnxModels, good


def refused(path: Path, said: str, kind: type[SnnccError] = FileFormatError) -> None:
    with pytest.raises(kind, match=said):
        frontend.read(path)


def saved(folder: Path, model: Any) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07", b"PK\x03\x04" + bytes(60), b"\xff" * 999])
def test_files_that_are_no_models(tmp_path: Path, content: bytes) -> None:
    refused(saved(tmp_path, content), r"model\.onnx: not an? (ONNX|sound ONNX) model")


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    refused(tmp_path / "none.onnx", "no such file")


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    whole = good().SerializeToString()
    for part in range(0, len(whole) - 1, 97):
        with pytest.raises(SnnccError):
            frontend.read(saved(tmp_path, whole[:part]))
    assert frontend.read(saved(tmp_path, whole)).nodes, "the control"


def _opset(model: Any, version: int) -> None:
    model.opset_import[0].version = version


def _cycle(model: Any) -> None:
    model.graph.node[0].input[0] = model.graph.node[1].output[0]


def _functions(model: Any) -> None:
    model.functions.append(helper.make_function("own", "Twice", ["x"], ["y"], [helper.make_node("Add", ["x", "x"],
                                                ["y"])], [helper.make_opsetid("", 21)]))  # fmt: skip


def _dims(*dims: int) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(dims)

    return change


def _large(model: Any) -> None:
    for i, size in enumerate((1 << 20, 1 << 20), 2):
        model.graph.input[0].type.tensor_type.shape.dim[i].dim_value = size


def _other_first(model: Any) -> None:
    model.graph.node[0].op_type = "Own"
    model.graph.node[0].domain = "own"
    model.opset_import.append(helper.make_opsetid("own", 1))


def _bomb(model: Any) -> None:
    """A constant of 2^50 numbers."""
    model.graph.initializer.append(numpy_helper.from_array(np.array([1 << 25, 1 << 25]), "dims"))
    model.graph.node.insert(0, helper.make_node("ConstantOfShape", ["dims"], ["zeros"], name="bomb"))
    model.graph.node[1].input[2] = "zeros"


BROKEN: dict[str, tuple[Callable[[Any], Any], str]] = {
    "an opset too new": (lambda m: _opset(m, 999), r"operator set 999; .* knows those up to \d+"),
    "an opset too old": (lambda m: _opset(m, 9), "operator set 9; the oldest that is read is 11"),
    "a format too new": (lambda m: setattr(m, "ir_version", 999), "not a sound ONNX model: .*ir_version"),
    "a cycle": (_cycle, "not a sound ONNX model: .*topologically sorted"),
    "no initialiser": (lambda m: m.graph.initializer.pop(0), "not a sound ONNX model: .*c0"),
    "no nodes": (lambda m: m.graph.ClearField("node"), "it has no nodes"),
    "functions": (_functions, "functions of its own .* inline them"),
    "huge dims": (_dims(1 << 40, 1 << 40), "sound ONNX model|cannot be read"),
    "negative dims": (_dims(-6, 4, 3, 3), "sound ONNX model|cannot be read"),
    "other dims": (_dims(6, 4, 3, 30), "sound ONNX model|cannot be read|do not fit"),
    "a shape that does not fit": (
        lambda m: m.graph.node[0].attribute[0].ints.append(1),
        "Conv node 'Conv_0': its shapes",
    ),
    "a type that is none": (lambda m: setattr(m.graph.initializer[0], "data_type", 77), "cannot be read: 77"),
    "weights of integers": (
        lambda m: m.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((6, 4, 3, 3), np.int8), "c0")),
        "Conv_0|MatMul|inferred",
    ),
    "an image that is too large": (_large, "too large"),
    "an image that is too large for any layer": (lambda m: (_large(m), _other_first(m)), "tensor 'x' .* is too large"),
    "a constant that is too large": (_bomb, "tensor 'zeros' of shape .* is too large"),
    "a node of the same name": (lambda m: m.graph.node.append(m.graph.node[0]), "not a sound ONNX model"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_models(tmp_path: Path, name: str) -> None:
    change, said = BROKEN[name]
    model = good()
    change(model)
    refused(saved(tmp_path, model), said)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_named(number: float) -> None:
    model = good()
    weights = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights[2, 1, 0, 1] = number
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "c0"))
    with pytest.raises(UnsupportedLayerError, match="Conv node 'Conv_0': its kernel holds NaN or infinity"):
        frontend.read(model)


def test_weights_for_other_channels_are_named() -> None:
    """What onnx's inference lets through."""
    model = good()
    _dims(6, 3, 4, 3)(model)
    with pytest.raises(UnsupportedLayerError, match="Conv node 'Conv_0': its kernel is for 3 channels"):
        frontend.read(model)


# --- data beside the model -------------------------------------------------------------------------------------


def external(folder: Path, **said: str) -> Path:
    """A model whose first weights lie in w.bin, with other words about where."""
    model = good()
    tensor = model.graph.initializer[0]
    (folder / "w.bin").write_bytes(b"four" + tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entries = {"location": "w.bin", "offset": "4", "length": "864"} | said
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return saved(folder, model)


def test_data_in_the_folder_are_read(tmp_path: Path) -> None:
    x = samples((4, 7, 6))
    beside = snncc.convert(external(tmp_path), x, calibrate="none", name="same")
    assert beside.hash == snncc.convert(good(), x, calibrate="none", name="same").hash
    with pytest.raises(FileFormatError, match="give the path of its file"):
        frontend.read(onnx.load(external(tmp_path), load_external_data=False))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"location": "../secret.bin"}, "outside its folder"),
        ({"location": "a/../../secret.bin"}, "outside its folder"),
        ({"location": "/etc/passwd"}, "outside its folder"),
        ({"location": "C:\\secret.bin"}, "outside its folder"),
        ({"location": ""}, "outside its folder"),
        ({"location": "link.bin"}, "no plain file of its folder"),
        ({"location": "links/secret.bin"}, "no plain file of its folder"),
        ({"location": "pipe"}, "no plain file of its folder"),
        ({"location": "."}, "no plain file of its folder"),
        ({"location": "none.bin"}, "no plain file of its folder"),
        ({"offset": "5"}, "has not the 864 bytes from 5 on"),
        ({"offset": "-4"}, "has not the 864 bytes"),
        ({"offset": str(1 << 70)}, "has not the 864 bytes"),
        ({"length": "860"}, "has not the 864 bytes"),
        ({"length": "many"}, "is not understood"),
    ],
)
def test_data_elsewhere_are_never_opened(tmp_path: Path, said: dict[str, str], why: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(900))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "links").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    refused(external(folder, **said), why)


@pytest.mark.filterwarnings("ignore::snncc.errors.SnnccWarning")
def test_hundreds_of_damaged_files_are_converted_or_refused(tmp_path: Path) -> None:
    kind = OnnxModels(tmp_path)
    outcomes: dict[str, int] = {}
    for seed in range(300):
        try:
            outcome = kind.attempt(random.Random(seed))
        except SnnccError as error:
            assert all(c.isprintable() or c == "\n" for c in str(error)), seed
            outcome = error.code
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert outcomes["accepted"] > 20 and outcomes["E105"] > 100 and outcomes["E101"] > 5, outcomes


def test_without_onnx_the_message_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ToolMissingError, match=r"pip install 'snncc\[onnx\]'"):
        frontend.read("model.onnx")
