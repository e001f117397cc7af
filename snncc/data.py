"""Arrays from `.npz` and `.npy` files, found by the usual names. Nothing in them is executed."""

from __future__ import annotations

import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
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


def split(argument: str) -> tuple[Path, str | None]:
    """`FILE.npz:NAME` -> (file, name). DataError where nothing follows the colon."""
    path, separator, name = argument.rpartition(":")
    if not separator or not path.endswith((".npz", ".npy")):
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
            if picked:
                raise DataError(f"{path} is one array without names: give {path} alone")
            return _batch(path, loaded)
        for name in (picked,) if picked else names:
            if name in loaded.files:
                return _batch(path, loaded[name], name)
        held = ", ".join(loaded.files) or "nothing"
        if picked:
            raise DataError(f"{path} has no array {picked!r}; it holds {held}")
        raise DataError(f"{path} has none of {', '.join(names)}; it holds {held}: pick one with {path}:NAME")


def optional(argument: str, names: tuple[str, ...]) -> NDArray[Any] | None:
    """The first of `names` in an `.npz` file, or None; a `.npy` file holds nothing beside its one array."""
    path, _ = split(argument)
    with _opened(path) as loaded:
        held = () if isinstance(loaded, np.ndarray) else loaded.files
        return next((_batch(path, loaded[name], name) for name in names if name in held), None)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """What NumPy makes of a file: an array, or an archive of arrays. DataError for all that is neither."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        loaded = np.load(path, allow_pickle=False)
        with nullcontext() if isinstance(loaded, np.ndarray) else loaded:
            yield loaded
    except UNREADABLE as error:
        raise DataError(f"{path}: not a readable .npz or .npy file of plain arrays: {error}") from error


def _batch(path: Path, value: Any, name: str = "") -> NDArray[Any]:
    """An array of at least one axis, that of the samples."""
    what = f"{path}: {name!r}" if name else f"{path}"
    if not isinstance(value, np.ndarray):
        raise DataError(f"{what} is not an array")
    if not value.ndim:
        raise DataError(f"{what} is one value, not an array of samples")
    return value
