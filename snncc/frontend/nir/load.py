"""Loads a NIR file without running anything in it, and without opening anything outside it.

A `.nir` is HDF5: groups of named arrays. It is walked by our own hand, so that graphs of older writers, which the
package `nir` no longer reads, are read too. Links to other files, data elsewhere, and a small file that stands for far
more than it holds are refused before any array is read. An object of the package is taken through its `to_dict`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snncc.errors import FileFormatError, ToolMissingError

MOST_BYTES, MOST_EXPANSION, EXPANSION_FLOOR = 2**31, 200, 2**26
"""All arrays together: at most so many bytes, and so many times what the file has, or so many bytes."""
MOST_ENTRIES, DEEPEST = 100_000, 12
"""Groups and arrays in a file, and groups in one another."""

Tree = dict[str, Any]
"""A node as the file has it: its `type`, arrays, numbers and text by name; a graph also `nodes` and `edges`."""


def library() -> Any:
    """h5py; ToolMissingError where there is none."""
    try:
        import h5py
    except Exception as error:
        raise ToolMissingError(
            f"h5py cannot be loaded ({type(error).__name__}: {error}): pip install 'snncc[nir]'"
        ) from error
    return h5py


def load_tree(source: Any) -> tuple[Tree, str]:
    """(the outermost node, its name) of a file (a Path) or of an object of the package `nir`.

    FileFormatError: not a NIR file, or one that is broken or hostile.
    """
    if not isinstance(source, Path):
        return _plain(source.to_dict()), "network"
    h5py = library()
    if not source.is_file():
        raise FileFormatError(f"{source}: no such file")
    try:
        with h5py.File(source, "r") as file:
            if "node" not in file or not isinstance(file.get("node", getlink=True), h5py.HardLink):
                raise FileFormatError(f"{source}: not a NIR file: it has no group `node`")
            _vet(h5py, source, file)
            return _tree(h5py, source, file["node"]), source.stem
    except (FileFormatError, MemoryError):
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise FileFormatError(f"{source}: not a readable NIR file ({said})") from error


def _vet(h5py: Any, path: Path, file: Any) -> None:
    """Every link and array of the file: its own, plain, and no more in all than the file can stand for."""
    size = 0
    for number, (name, data) in enumerate(_entries(h5py, path, file, "", 0)):
        if number >= MOST_ENTRIES:
            raise FileFormatError(f"{path}: more than {MOST_ENTRIES} entries")
        if not isinstance(data, h5py.Dataset):
            continue
        if data.external or data.is_virtual:
            raise FileFormatError(f"{path}: the data of {name!r} lie in another file, which is never opened")
        if data.dtype.kind not in "biufS" and h5py.check_string_dtype(data.dtype) is None:
            raise FileFormatError(f"{path}: {name!r} is no array of numbers or text but of {data.dtype}")
        size += math.prod(data.shape or ()) * max(1, data.dtype.itemsize)
    allowed = min(MOST_BYTES, max(EXPANSION_FLOOR, MOST_EXPANSION * path.stat().st_size))
    if size > allowed:
        raise FileFormatError(f"{path}: its arrays take {size:,} bytes, more than the {allowed:,} that are read")


def _entries(h5py: Any, path: Path, group: Any, inside: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > DEEPEST:
        raise FileFormatError(f"{path}: groups lie more than {DEEPEST} deep in one another")
    for key in group:
        name = f"{inside}/{key}"
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise FileFormatError(f"{path}: {name!r} is a link elsewhere, which is never followed")
        entry = group[key]
        yield name, entry
        if isinstance(entry, h5py.Group):
            yield from _entries(h5py, path, entry, name, depth + 1)


def _tree(h5py: Any, path: Path, group: Any) -> Tree:
    found: Tree = {}
    for key, entry in group.items():
        found[key] = _tree(h5py, path, entry) if isinstance(entry, h5py.Group) else _value(entry[()])
    return found


def _value(value: Any) -> Any:
    """Text as str, also inside arrays; a number or an array as NumPy has it."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, np.ndarray) and value.dtype.kind in "OS":
        return np.array([_value(item) for item in value.ravel()], object).reshape(value.shape)
    return value


def _plain(node: Mapping[str, Any]) -> Tree:
    """What `to_dict` of the package says, as a file of it would be read."""
    found: Tree = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            found[key] = _plain(value)
        elif value is None or isinstance(value, str):
            found[key] = value
        elif key == "edges":
            found[key] = np.array([[str(a), str(b)] for a, b in value], object).reshape(-1, 2)
        else:
            found[key] = np.asarray(value.detach() if hasattr(value, "detach") else value)
    return {key: value for key, value in found.items() if value is not None}
