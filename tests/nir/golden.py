"""The golden spikes of NIR's dialects, as tests/nir_golden.py wrote them with the libraries themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from snncc.frontend import nir
from snncc.nir.dialects import Asked, Reading, settle

FOLDER = Path(__file__).parents[1] / "golden" / "nir"
DATA = Path(__file__).parents[1] / "data" / "nir"
SAID = json.loads((FOLDER / "cases.json").read_text())
CASES: dict[str, dict[str, Any]] = SAID["cases"]


def digits_events() -> tuple[np.ndarray, np.ndarray]:
    """(x (1797, 20, 64), y): handwritten digits as events, as the training script of docs/guide/nir.md makes them."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.images))
    pixels, y = digits.data[order] / 16, digits.target[order]
    return (np.random.default_rng(1).random((len(pixels), 20, 64)) < pixels[:, None]).astype(np.uint8), y


def case(name: str) -> tuple[nir.NirGraph, Reading, np.ndarray, dict[str, np.ndarray]]:
    """(graph, reading, x (N, T, *shape), spikes (T, N, *shape) by node) of a case."""
    said = CASES[name]
    graph = nir.read(FOLDER / said["graph"])
    with np.load(FOLDER / f"{name}.npz") as data:
        arrays = dict(data)
    return graph, settle(graph, Asked(**said["asked"])), arrays.pop("x"), arrays
