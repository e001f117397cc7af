"""What a network is compiled from, kept with it: every option, the data's hash, versions, and some images."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from snncc.ir import Array, Input, Record, exact_pixels, pixel_range
from snncc.lower.options import Options

GOLDEN = 4
"""Calibration images that choose LANES, and with which every target tests itself."""
PACKAGES = ("numpy", "keras", "tensorflow-cpu", "tensorflow", "jax", "torch")


def record(options: Options, source: Input, x: Array, lines: Mapping[str, str]) -> Record:
    """The record of a compilation with these options of samples x (N, *shape); `lines`: what was found out of them."""
    some = x[:: max(1, len(x) // GOLDEN)][:GOLDEN]
    pixels = exact_pixels(source, some.reshape(len(some), *source.shape))
    golden = np.clip(pixels, *pixel_range(source)).astype(np.int64)
    digest = hashlib.sha256(np.ascontiguousarray(x).data)
    chosen = asdict(options)
    chosen.pop("tool_version")
    return Record(
        options={name: _plain(value) for name, value in chosen.items()},
        data={
            "sha256": digest.hexdigest(),
            "dtype": str(x.dtype),
            "shape": "x".join(map(str, x.shape)),
            **lines,
        },
        versions=loaded_versions(options.tool_version),
        golden=golden,
    )


def _plain(value: Any) -> Any:
    """An option as the file keeps it: numbers of NumPy as Python's, several as a tuple."""
    if isinstance(value, np.ndarray | list | tuple):
        return tuple(float(v) for v in np.ravel(value))
    return value.item() if isinstance(value, np.generic) else value


def loaded_versions(own: str) -> dict[str, str]:
    """Of snncc, Python and the packages that are loaded: a network lowered without Keras does not name it."""
    found = {"snncc": own, "python": platform.python_version()}
    for name in PACKAGES:
        if name.split("-")[0] in sys.modules:
            with suppress(PackageNotFoundError):
                found[name] = version(name)
    return found
