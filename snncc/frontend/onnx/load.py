"""Loads an ONNX file without running anything that is in it, and without opening anything outside its folder.

The file is protobuf: it is decoded, its external data are read by our own hand, and onnx's checker looks through the
whole before anything is done with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from snncc.errors import FileFormatError, ToolMissingError

OLDEST = 11
"""Operator set."""
ADVICE = "export it again"


def library() -> Any:
    """The package onnx with its parts that are used here; ToolMissingError where there is none."""
    try:
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
        import onnx.reference
        import onnx.shape_inference
    except Exception as error:
        raise ToolMissingError(
            f"onnx cannot be loaded ({type(error).__name__}: {error}): pip install 'snncc[onnx]'"
        ) from error
    return onnx


def load_model(source: Any) -> tuple[Any, str]:
    """(ModelProto, its name) of a file, of the bytes of one, or of a ModelProto; checked, with all its weights in it.

    FileFormatError: not an ONNX model, or one that is broken, too new, or has data elsewhere.
    """
    onnx = library()
    path = source if isinstance(source, Path) else None
    where = str(path) if path else "the ONNX model"
    try:
        content = path.read_bytes() if path else source
        if isinstance(content, bytes):
            model = onnx.ModelProto.FromString(content)
        else:
            model = onnx.ModelProto()
            model.CopyFrom(content)
    except FileNotFoundError:
        raise FileFormatError(f"{where}: no such file") from None
    except (OSError, MemoryError):
        raise
    except Exception as error:
        raise FileFormatError(f"{where}: not an ONNX model ({error})") from error
    _refuse_versions(onnx, model, where)
    for output in model.graph.output:
        if output.type.HasField("tensor_type"):
            output.type.tensor_type.shape.SetInParent()  # the checker wants one; nothing here reads it
    for tensor in _tensors(model.graph):
        _own_data(onnx, tensor, path, where)
    try:
        onnx.checker.check_model(model)
    except Exception as error:
        said = " ".join(str(error).split())[:400]
        raise FileFormatError(f"{where}: not a sound ONNX model: {said}; {ADVICE}") from error
    return model, (path.stem if path else model.graph.name) or "network"


def _refuse_versions(onnx: Any, model: Any, where: str) -> None:
    """Operator sets that are not known, and functions of the model's own."""
    if not model.graph.node:
        raise FileFormatError(f"{where}: not an ONNX model: it has no nodes; {ADVICE}")
    if model.functions:
        raise FileFormatError(
            f"{where}: it has functions of its own ({model.functions[0].name!r}, ...): "
            "inline them with onnx.inliner.inline_local_functions"
        )
    known = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain not in ("", "ai.onnx"):
            continue
        if opset.version > known:
            raise FileFormatError(
                f"{where}: operator set {opset.version}; the installed onnx {onnx.__version__} knows those up to "
                f"{known}: update onnx, or export with opset_version={known}"
            )
        if opset.version < OLDEST:
            raise FileFormatError(
                f"{where}: operator set {opset.version}; the oldest that is read is {OLDEST}: export it again, or "
                "convert it with onnx.version_converter.convert_version"
            )


def _tensors(graph: Any) -> Iterator[Any]:
    """Every tensor of a graph: initialisers, and those in nodes' attributes and graphs."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _own_data(onnx: Any, tensor: Any, path: Path | None, where: str) -> None:
    """Data beside the model, read into it: of a plain file inside its folder, no more than the tensor takes."""
    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        return
    said = {entry.key: entry.value for entry in tensor.external_data}
    name = said.get("location", "")
    what = f"{where}: the data of {tensor.name!r} lie in {name!r}"
    if path is None:
        raise FileFormatError(f"{what}, which a model in memory does not have: give the path of its file")
    parts = PurePosixPath(name)
    if not name or parts.is_absolute() or PureWindowsPath(name).anchor or "\\" in name or ".." in parts.parts:
        raise FileFormatError(f"{what}, outside its folder, which is never opened")
    folder = path.resolve().parent
    file = folder / name
    if file.resolve() != file or not file.is_file():
        raise FileFormatError(f"{what}, which is no plain file of its folder; {ADVICE}")
    try:
        offset = int(said.get("offset", "0"))
        size = elements(tensor.dims) * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        length = int(said.get("length", size))
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{what}: its place there is not understood ({error}); {ADVICE}") from error
    with file.open("rb") as opened:
        if length != size or offset < 0 or offset + size > os.fstat(opened.fileno()).st_size:
            raise FileFormatError(f"{what}, which has not the {size:,} bytes from {offset:,} on; {ADVICE}")
        opened.seek(offset)
        tensor.raw_data = opened.read(size)
    tensor.data_location = onnx.TensorProto.DEFAULT
    del tensor.external_data[:]


def elements(dims: Any) -> int:
    """The number of elements; ValueError for a negative dimension."""
    count = 1
    for size in dims:
        if size < 0:
            raise ValueError(f"dimension {size}")
        count *= size
    return count
