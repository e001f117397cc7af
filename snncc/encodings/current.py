"""Current coding: a pixel is a constant current."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Current:
    """The pixel itself at every timestep: a charge of `p*T` over the window. Signed or unsigned; all L + 1 levels.

    The first layer multiplies, once per image. Source: docs/contract.md, 4.
    """

    spiking: ClassVar[bool] = False
    signed: ClassVar[bool] = True
    """Whether pixels may be negative."""
    sequences: ClassVar[bool] = False
    """Whether a sample is (T, *shape)."""

    def unit(self, lambda_0: float, levels: int) -> float:
        """What one unit of current stands for."""
        return lambda_0 / levels

    def counts(self, pixels: Array, levels: int, timesteps: int) -> Array:
        """The charge p*T, int64."""
        return np.asarray(pixels.astype(np.int64) * timesteps)

    def train(self, pixels: Array, levels: int, timesteps: int, out: Array) -> Array:
        """The pixels, T times, into `out`, (length, N, *shape) zeros."""
        out[:timesteps] = pixels
        return out

    def real(self, values: Array, levels: int, lambda_0: float, timesteps: int, fix: float) -> Array:
        """The charge of real inputs x*T (the float twin's): `x*T * L / lambda_0`, unrounded."""
        values = values * levels
        return values / lambda_0 if lambda_0 != 1 else values

    def reach(self, levels: int, signed: bool, held: int, most: int) -> tuple[int, int]:
        """[least, most] of what one pass of a projection sees: `held` timesteps of it."""
        return (-levels * held if signed else 0), levels * held
