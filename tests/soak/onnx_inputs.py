"""Hostile .onnx files, the whole way to a network: fields of a good model changed, bytes changed, cut off.

What is planted so that it must be refused (data in another file) is known; an input with a plant that passes is a
finding.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from snncc import api, frontend
from tests.onnx_models import IMAGE, Make
from tests.soak import judge
from tests.soak.judge import Finding

KINDS = ("Relu", "Conv", "Loop", "If", "Concat", "Shape", "Tanh", "Reshape", "Transpose", "Add", "Pad", "Expand", "Own")
SIZES = (0, -1, 1, 2, 7, 1 << 31, 1 << 33, 1 << 62)


def good() -> Any:
    """A sound model: a convolution, a relu, a pool, a matrix, a softmax."""
    m = Make()
    return m.model(m.op("Softmax", m.end(m.op("MaxPool", m.start(), kernel_shape=[2, 2], strides=[2, 2]), 54)))


class OnnxModels:
    """The kind `onnx`: a file is read and converted, and what comes out is judged as a network."""

    def __init__(self, scratch: Path, _: Path | None = None) -> None:
        self.scratch, self.file = scratch, scratch / "folder" / "model.onnx"
        self.file.parent.mkdir()
        self.model = good()
        (scratch / "secret.bin").write_bytes(self.model.graph.initializer[0].raw_data)
        frontend.read(onnx.ModelProto.FromString(self.model.SerializeToString()))  # imports what it needs

    def attempt(self, dice: random.Random) -> str:
        """One input and its outcome."""
        content, planted = self.made(dice)
        self.file.write_bytes(content)
        x = np.random.default_rng(dice.randrange(2**32)).random((3, *IMAGE)).astype(np.float32)
        network = api.convert(self.file, x, timesteps=4, calibrate="none", signed_bit=dice.choice((8, 4)))
        if planted:
            raise Finding("data outside the model's folder were taken")
        return judge.judge(network.ir, dice, self.scratch)

    def tidy(self) -> None:
        """Between inputs."""
        self.file.unlink(missing_ok=True)
        shutil.rmtree(self.scratch / "again", ignore_errors=True)

    def made(self, dice: random.Random) -> tuple[bytes, bool]:
        """(a hostile file, whether its weights lie outside its folder)."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        for _ in range(dice.choice((0, 0, 1, 1, 2))):
            _change(model, dice)
        planted = dice.random() < 0.1
        if planted:
            tensor = model.graph.initializer[0]
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            names = ("../secret.bin", "folder/../../secret.bin", str(self.scratch / "secret.bin"))
            tensor.external_data.add(key="location", value=dice.choice(names))
            planted = any(tensor.name in node.input for node in model.graph.node)
            return model.SerializeToString(), planted
        content = bytearray(model.SerializeToString())
        for _ in range(dice.choice((0, 0, 0, 1, 3))):
            content[dice.randrange(len(content))] = dice.randrange(256)
        return bytes(content[: dice.randrange(len(content))] if dice.random() < 0.05 else content), False


def _change(model: Any, dice: random.Random) -> None:
    """An operator, a dimension, an edge, an attribute, a type or the input's size otherwise."""
    node, tensor = dice.choice(model.graph.node), dice.choice(model.graph.initializer)
    match dice.randrange(6):
        case 0:
            node.op_type = dice.choice(KINDS)
        case 1 if tensor.dims:
            tensor.dims[dice.randrange(len(tensor.dims))] = dice.choice(SIZES)
        case 2 if node.input:
            node.input[dice.randrange(len(node.input))] = dice.choice(("", "x", "nothing", node.output[0], "c0"))
        case 3 if node.attribute:
            attribute = dice.choice(node.attribute)
            attribute.ints[:] = [dice.choice((-3, 0, 1, 2, 9, 1 << 40)) for _ in attribute.ints]
        case 4:
            tensor.data_type = dice.choice((0, 1, 2, 7, 8, 10, 11, 16, 23))
        case _:
            dice.choice(model.graph.input[0].type.tensor_type.shape.dim).dim_value = dice.choice(SIZES)
