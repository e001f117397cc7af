"""Keras model -> graph. Keras is imported inside functions only, never at import time."""

from snncc.frontend.load import load_model
from snncc.frontend.walk import from_keras

__all__ = ["from_keras", "load_model"]
