"""Arrays from `.npz` and `.npy` files, found by the usual names. Nothing in them is executed."""

from __future__ import annotations

import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snncc.errors import DataError

CALIBRATION = ("x_calibration", "x_train", "x")
IMAGES = ("x_test", "x")
LABELS = ("y_test", "y")
UNREADABLE = (ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError,
              TypeError, ValueError, lzma.LZMAError, struct.error, tokenize.TokenError, zipfile.BadZipFile,
              zlib.error)  # fmt: skip
"""What NumPy and zipfile raise on broken, encrypted or hostile files."""

NPY, ZIP = b"\x93NUMPY", b"PK"
"""How a `.npy` file and an `.npz` file, a zip archive, begin."""
OF_TEXT = "of a text file: numpy.save('x.npy', numpy.loadtxt('x.csv', delimiter=','))"


def split(argument: str) -> tuple[Path, str | None]:
    """`FILE.npz:NAME` or `FOLDER:NAME` -> (path, name). DataError where nothing follows the colon."""
    path, separator, name = argument.rpartition(":")
    if not separator or not (path.endswith((".npz", ".npy")) or Path(path).is_dir()):
        return Path(argument), None
    if not name:
        raise DataError(f"{argument}: a name must follow the colon")
    return Path(path), name


def array(argument: str, names: tuple[str, ...]) -> NDArray[Any]:
    """The array that the argument picks, or the first of `names` in the file. DataError says what there is.

    A `.npy` file is the array, whatever it is wanted for; it has no names to pick.
    """
    path, picked = split(argument)
    with _opened(path) as loaded:
        if isinstance(loaded, np.ndarray):
            nameless(path, picked)
            return batch(path, loaded)
        name = pick(path, loaded.files, picked, names)
        return batch(path, loaded[name], name)


def optional(argument: str, names: tuple[str, ...]) -> NDArray[Any] | None:
    """The first of `names` in an `.npz` file, or None; a `.npy` file holds nothing beside its one array."""
    path, _ = split(argument)
    with _opened(path) as loaded:
        held = () if isinstance(loaded, np.ndarray) else loaded.files
        return next((batch(path, loaded[name], name) for name in names if name in held), None)


def nameless(path: Path, picked: str | None) -> None:
    """A `.npy` file has no names to pick. DataError."""
    if picked:
        raise DataError(f"{path} is one array without names: give {path} alone")


def pick(path: Path, held: Collection[str], picked: str | None, names: tuple[str, ...]) -> str:
    """The picked name, or the first of `names`, among those that an archive holds. DataError."""
    for name in (picked,) if picked else names:
        if name in held:
            return name
    has = ", ".join(held) or "nothing"
    if picked:
        raise DataError(f"{path} has no array {picked!r}; it holds {has}")
    raise DataError(f"{path} has none of {', '.join(names)}; it holds {has}: pick one with {path}:NAME")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """What NumPy makes of a file: an array, or an archive of arrays. DataError for all that is neither."""
    with guarded(path):
        loaded = np.load(path, allow_pickle=False)
        with nullcontext() if isinstance(loaded, np.ndarray) else loaded:
            yield loaded


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """What NumPy and zipfile say of a file that they cannot read is one DataError."""
    unreadable = f"{path}: not a readable .npz or .npy file of plain arrays"
    if path.is_dir():
        raise DataError(f"{path} is a folder: one .npz or .npy file is wanted here")
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            if not file.read(len(NPY)).startswith((NPY, ZIP)):
                raise DataError(f"{unreadable}, as numpy.save and numpy.savez write them; {OF_TEXT}")
        yield
    except UNREADABLE as error:
        why = "it holds objects, which are never loaded: save numbers" if "allow_pickle" in str(error) else error
        raise DataError(f"{unreadable}: {why}") from error


def batch(path: Path, value: Any, name: str = "") -> NDArray[Any]:
    """An array of at least one axis, that of the samples."""
    what = f"{path}: {name!r}" if name else f"{path}"
    if not isinstance(value, np.ndarray):
        raise DataError(f"{what} is not an array")
    if not value.ndim:
        raise DataError(f"{what} is one value, not an array of samples")
    return value
