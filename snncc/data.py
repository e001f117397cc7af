"""Arrays from `.npz` and `.npy` files, found by the usual names. Nothing in them is executed."""

from __future__ import annotations

import lzma
import struct
import tokenize
import zipfile
import zlib
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
    """`FILE.npz:NAME` -> (file, name)."""
    path, separator, name = argument.rpartition(":")
    if separator and path.endswith((".npz", ".npy")):
        return Path(path), name
    return Path(argument), None


def array(argument: str, names: tuple[str, ...]) -> NDArray[Any]:
    """The array that the argument picks, or the first of `names` in the file. DataError says what there is."""
    path, picked = split(argument)
    found = optional(argument, (picked,) if picked else names)
    if found is None:
        raise DataError(f"{path} has none of {', '.join(names)}; it holds {_listing(path)}: pick one with {path}:NAME")
    return found


def optional(argument: str, names: tuple[str, ...]) -> NDArray[Any] | None:
    """The first of `names` in the file, or None."""
    path, _ = split(argument)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded if names[0] in (*CALIBRATION, *IMAGES) else None
        with loaded:
            for name in names:
                if name in loaded.files:
                    value: NDArray[Any] = loaded[name]
                    if not isinstance(value, np.ndarray):
                        raise DataError(f"{path}: {name!r} is not an array")
                    return value
            if len(names) == 1:
                raise DataError(f"{path} has no array {names[0]!r}; it holds {', '.join(loaded.files)}")
            return None
    except UNREADABLE as error:
        raise DataError(f"{path}: not a readable .npz or .npy file of plain arrays: {error}") from error


def _listing(path: Path) -> str:
    with np.load(path, allow_pickle=False) as loaded:
        return ", ".join(loaded.files) if hasattr(loaded, "files") else "one array"
