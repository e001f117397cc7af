"""The PyTorch front end: a torch.nn.Module, exported to ONNX in memory and read from there.

torch is imported inside functions only, and only for an object of its own. Its files (`.pt`, `.pth`) are pickles, which
run code when they are opened; they never are.
"""

from __future__ import annotations

import copy
import io
from importlib.util import find_spec
from typing import Any

from snncc.errors import UnsupportedLayerError
from snncc.frontend.onnx import from_onnx, load_model
from snncc.graph import Graph

SUFFIXES: tuple[str, ...] = ()


def accepts(source: object) -> bool:
    """Whether an object is a torch.nn.Module, by its classes."""
    return any(kind.__name__ == "Module" and kind.__module__.split(".")[0] == "torch" for kind in type(source).__mro__)


def read(source: Any, sample_shape: tuple[int, ...] | None = None) -> Graph:
    """The graph of a module in its evaluation mode, for samples of `sample_shape`; the module itself stays as it is.

    UnsupportedLayerError where torch cannot export it; other errors as `from_onnx`.
    """
    name = type(source).__name__
    if sample_shape is None:
        raise UnsupportedLayerError(f"module {name!r} does not say what it reads: give the shape of a sample")
    try:
        exported = _exported(source, sample_shape)
    except Exception as error:
        said = " ".join(str(error).split())[:400]
        raise UnsupportedLayerError(
            f"torch.onnx.export cannot export {name!r} for samples of shape {sample_shape} "
            f"({type(error).__name__}: {said}); export it yourself and give the .onnx file"
        ) from error
    return from_onnx(load_model(exported)[0], name, sample_shape)


def _exported(module: Any, sample_shape: tuple[int, ...]) -> Any:
    """A ModelProto or its bytes: by torch's newer exporter where onnxscript, which that needs, is installed."""
    import torch

    quiet = copy.deepcopy(module).cpu().eval()
    kind = next((p.dtype for p in quiet.parameters()), torch.float32)
    example = (torch.zeros((1, *sample_shape), dtype=kind),)
    if find_spec("onnxscript") is not None:
        return torch.onnx.export(quiet, example, dynamo=True, verbose=False).model_proto
    file = io.BytesIO()
    torch.onnx.export(quiet, example, file, dynamo=False)
    return file.getvalue()
