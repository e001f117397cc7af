"""The Keras front end: `.keras` and legacy `.h5`, Sequential and Functional models.

Keras is imported inside functions only, never at import time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from snncc.frontend.keras.load import SUFFIXES, load_model
from snncc.frontend.keras.walk import from_keras
from snncc.graph import Graph

LIBRARIES = ("keras", "tf_keras", "tensorflow")
"""Packages whose models are taken for Keras's; what is not Keras 3 is refused with a reason."""


def accepts(source: object) -> bool:
    """Whether an object is a Keras model, by where its classes come from."""
    return any(kind.__module__.split(".")[0] in LIBRARIES for kind in type(source).__mro__)


def read(source: Any, sample_shape: tuple[int, ...] | None = None) -> Graph:
    """The graph of a Keras model, or of the path of one. Errors as `load_model` and `from_keras`."""
    return from_keras(load_model(source) if isinstance(source, str | Path) else source, sample_shape)


__all__ = ["SUFFIXES", "accepts", "from_keras", "load_model", "read"]
