"""The ONNX front end: `.onnx` files, their bytes, and models in memory.

onnx is imported inside functions only, never at import time.
"""

from __future__ import annotations

from typing import Any

from snncc.frontend.onnx.load import load_model
from snncc.frontend.onnx.walk import from_onnx
from snncc.graph import Graph

SUFFIXES = (".onnx",)


def accepts(source: object) -> bool:
    """Whether an object is an ONNX model: a ModelProto, by its class."""
    kind = type(source)
    return kind.__module__.split(".")[0] == "onnx" and kind.__name__ == "ModelProto"


def read(source: Any, sample_shape: tuple[int, ...] | None = None) -> Graph:
    """The graph of an ONNX model, its bytes, or the path of one. Errors as `load_model` and `from_onnx`."""
    return from_onnx(*load_model(source), sample_shape)


__all__ = ["SUFFIXES", "accepts", "from_onnx", "load_model", "read"]
