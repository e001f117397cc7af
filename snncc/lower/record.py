"""What a network is compiled from, kept with it: every option, the data's hash, versions, and some images."""

from __future__ import annotations

import hashlib
import platform
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from snncc.ir import Array, Input, Record, exact_pixels, pixel_range
from snncc.lower.options import Options

GOLDEN = 4
"""Calibration images that choose LANES, and with which every target tests itself."""
PACKAGES = ("numpy", "keras", "tensorflow-cpu", "tensorflow", "jax", "torch")


def record(options: Options, source: Input, x: Array, bytes_line: str) -> Record:
    """The record of a compilation with these options of samples x (N, *shape); what was found out about raw bytes."""
    some = x[:: max(1, len(x) // GOLDEN)][:GOLDEN]
    pixels = exact_pixels(source, some.reshape(len(some), *source.shape))
    golden = np.clip(pixels, *pixel_range(source)).astype(np.int64)
    digest = hashlib.sha256(np.ascontiguousarray(x).data)
    chosen = asdict(options)
    chosen.pop("tool_version")
    return Record(
        options=chosen,
        data={
            "sha256": digest.hexdigest(),
            "dtype": str(x.dtype),
            "shape": "x".join(map(str, x.shape)),
            "bytes": bytes_line,
        },
        versions={"snncc": options.tool_version, "python": platform.python_version(), **_versions()},
        golden=golden,
    )


def _versions() -> dict[str, str]:
    """Of the packages that are loaded: a network lowered without Keras does not name it."""
    return {name: version(name) for name in PACKAGES if name.split("-")[0] in sys.modules and _installed(name)}


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
