"""A quantiser: real numbers to integers and back.

q = clip(round(x / scale) + zero, low, high);   y = (q - zero) * scale
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from snncc.frontend.builder import Refusal
from snncc.graph import Array

ROUNDINGS: dict[str, Any] = {
    "ROUND": np.rint,
    "HALF_EVEN": np.rint,
    "FLOOR": np.floor,
    "CEIL": np.ceil,
    "ROUND_TO_ZERO": np.trunc,
    "DOWN": np.trunc,
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
}
"""QONNX's names of them."""


@dataclass(frozen=True)
class Constant:
    """What a node makes of a constant; numbers on a grid are integers times `step`, of their shape."""

    values: Array
    step: Array | None = None


@dataclass(frozen=True)
class Quantiser:
    """As above; `scale` and `zero` broadcast to what is rounded."""

    scale: Array
    zero: Array
    low: float
    high: float
    rounding: str = "ROUND"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.scale).all() and (self.scale > 0).all()):
            raise Refusal("its scale is not positive: train it again")

    def integers(self, numbers: Array) -> Array:
        """q of real numbers."""
        return np.asarray(np.clip(ROUNDINGS[self.rounding](numbers / self.scale) + self.zero, self.low, self.high))

    def numbers(self, q: Array) -> Constant:
        """y of integers; Refusal where 0 is none of the grid's own."""
        if self.zero.any():
            raise Refusal("weights with a zero point; quantise weights symmetrically (zero point 0)")
        return Constant((q * self.scale).astype(np.float32), np.broadcast_to(self.scale, q.shape))
