"""Arrays that need not fit into memory, read in pieces along their first axis.

`.npy` files and the members of an `.npz` that are stored as they are get mapped; compressed members are unpacked from
the front, piece by piece; the files of a folder are one array, in the order of their names.
"""

from __future__ import annotations

import math
import struct
import zipfile
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from snncc.data import arrays
from snncc.errors import DataError

Array = NDArray[Any]
LOCAL_HEADER = struct.Struct("<26x2H")
"""Of a member in a zip file: the lengths of its name and of its extra field, which lie before its data."""
SKIP = 2**20


class Rows(Protocol):
    """An array of samples. `shape` (N, ...) and `dtype` are known, the values are read when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def read(self, start: int, stop: int) -> Array:
        """Samples start to stop - 1; 0 <= start <= stop <= N. DataError where the file breaks off."""


class Held:
    """An array in memory, or mapped into it."""

    def __init__(self, values: Array) -> None:
        self.values = values
        self.shape, self.dtype = values.shape, values.dtype

    def read(self, start: int, stop: int) -> Array:
        return self.values[start:stop]


class Packed:
    """A compressed member of an `.npz` file, of C order. It is cheap to read forwards: going back begins anew."""

    def __init__(self, path: Path, member: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.path, self.member, self.shape, self.dtype = path, member, shape, dtype
        self._width = math.prod(shape[1:]) * dtype.itemsize
        self._at = 0
        self._file = self._opened()

    def read(self, start: int, stop: int) -> Array:
        with arrays.guarded(self.path):
            if start < self._at:
                self._file, self._at = self._opened(), 0
            while self._at < start:
                self._take(min(start, self._at + max(1, SKIP // max(1, self._width))))
            return np.frombuffer(self._take(stop), self.dtype).reshape(stop - start, *self.shape[1:])

    def _opened(self) -> IO[bytes]:
        file = zipfile.ZipFile(self.path).open(self.member)  # noqa: SIM115 (it stays open)
        header(file)
        return file

    def _take(self, stop: int) -> bytes:
        size = (stop - self._at) * self._width
        taken = self._file.read(size)
        if len(taken) != size or (stop == self.shape[0] and self._file.read(1)):  # its end compares the checksum
            raise EOFError(f"{self.member} is not as long as its header says")
        self._at = stop
        return taken


class Folder:
    """The arrays of all `.npy` and `.npz` files of a folder, one after the other in the order of their names."""

    def __init__(self, path: Path, picked: str | None, names: tuple[str, ...]) -> None:
        self._files, self._which = shards(path), (picked, names)
        self._open: tuple[int, Rows] = 0, _of_file(self._files[0], *self._which)
        first = self._open[1]
        lengths = []
        for i, file in enumerate(self._files):
            part = self._part(i)
            if part.shape[1:] != first.shape[1:] or part.dtype != first.dtype:
                raise DataError(
                    f"{file}: samples of {part.dtype} and shape {part.shape[1:]}; "
                    f"those of {self._files[0].name} are of {first.dtype} and shape {first.shape[1:]}"
                )
            lengths.append(part.shape[0])
        self._ends = list(accumulate(lengths))
        self.shape, self.dtype = (self._ends[-1], *first.shape[1:]), first.dtype

    def read(self, start: int, stop: int) -> Array:
        found = []
        number = bisect_right(self._ends, start)
        while start < stop:
            begin, end = self._ends[number - 1] if number else 0, self._ends[number]
            found.append(self._part(number).read(start - begin, min(stop, end) - begin))
            number, start = number + 1, end
        return found[0] if len(found) == 1 else np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *found])

    def _part(self, number: int) -> Rows:
        """A file's array; one file is open at a time."""
        if self._open[0] != number:
            self._open = number, _of_file(self._files[number], *self._which)
        return self._open[1]


def rows(argument: str, names: tuple[str, ...]) -> Rows:
    """The array that `FILE`, `FILE.npz:NAME`, `FOLDER` or `FOLDER:NAME` picks, by the rules of `array`. DataError."""
    path, picked = arrays.split(argument)
    return Folder(path, picked, names) if path.is_dir() else _of_file(path, picked, names)


def optional_rows(argument: str, names: tuple[str, ...]) -> Rows | None:
    """The first of `names` in an `.npz` file, or in those of a folder; None where a file, the first one, has none."""
    path, _ = arrays.split(argument)
    file = shards(path)[0] if path.is_dir() else path
    with arrays.guarded(file):
        if not zipfile.is_zipfile(file):
            return None
        with zipfile.ZipFile(file) as archive:
            if not set(names) & set(_members(archive)):
                return None
    return Folder(path, None, names) if path.is_dir() else _of_file(path, None, names)


def shards(path: Path) -> list[Path]:
    """The `.npy` and `.npz` files of a folder, in the order of their names. DataError where there is none."""
    found = sorted(file for file in path.iterdir() if file.suffix in (".npy", ".npz"))
    if not found:
        raise DataError(f"{path}: the folder holds no .npy or .npz file")
    return found


def _of_file(path: Path, picked: str | None, names: tuple[str, ...]) -> Rows:
    with arrays.guarded(path):
        if zipfile.is_zipfile(path):
            return _of_archive(path, picked, names)
        arrays.nameless(path, picked)
        with path.open("rb") as file:
            shape, fortran, dtype = header(file)
            return Held(arrays.batch(path, _mapped(path, file.tell(), shape, fortran, dtype)))


def _of_archive(path: Path, picked: str | None, names: tuple[str, ...]) -> Rows:
    with zipfile.ZipFile(path) as archive:
        held = _members(archive)
        name = arrays.pick(path, held, picked, names)
        info = held[name]
        with archive.open(info) as member:
            if member.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
                raise DataError(f"{path}: {name!r} is not an array")
            member.seek(0)
            shape, fortran, dtype = header(member)
            before = member.tell()
    if before + math.prod(shape) * dtype.itemsize != info.file_size:
        raise ValueError(f"{name} is not as long as its header says")
    if info.compress_type == zipfile.ZIP_STORED:
        with path.open("rb") as file:
            file.seek(info.header_offset)
            lengths = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        first = info.header_offset + LOCAL_HEADER.size + sum(lengths) + before
        return Held(arrays.batch(path, _mapped(path, first, shape, fortran, dtype), name))
    if not shape or (fortran and len(shape) > 1):  # not in the order of samples: all of it or nothing
        return Held(arrays.array(f"{path}:{name}", ()))
    return Packed(path, info.filename, shape, dtype)


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    return {info.filename.removesuffix(".npy"): info for info in archive.infolist()}


def header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """(shape, whether it is in Fortran's order, type) of an array in NumPy's format; `file` then stands at its values.

    ValueError for what is none, or holds objects.
    """
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(file)
    if version not in readers:
        raise ValueError(f"version {version} of NumPy's format is not read")
    shape, fortran, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError("it holds objects, which are never loaded")
    if not all(type(size) is int and 0 <= size < 2**48 for size in shape) or math.prod(shape) >= 2**60:
        raise ValueError(f"no array has the shape {shape}")
    return shape, fortran, dtype


def _mapped(path: Path, first: int, shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any]) -> Array:
    """The values that begin at byte `first`; OSError, ValueError where the file is shorter."""
    if not math.prod(shape):
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", first, shape, "F" if fortran else "C").view(np.ndarray)
