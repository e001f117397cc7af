"""Rate coding: a pixel is a regular spike train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Rate:
    """An integrate-and-fire neuron with theta = L, v0 = 0 and the pixel as its drive: `n = floor(p*T / L)` spikes.

    Unsigned pixels only. T timesteps show T + 1 levels. Source: docs/contract.md, 4.
    """

    spiking: ClassVar[bool] = True
    signed: ClassVar[bool] = False
    """Whether pixels may be negative."""
    sequences: ClassVar[bool] = False
    """Whether a sample is (T, *shape)."""

    def unit(self, lambda_0: float, levels: int) -> float:
        """What one spike per timestep stands for."""
        return lambda_0

    def counts(self, pixels: Array, levels: int, timesteps: int) -> Array:
        """n, int64."""
        return np.asarray(pixels.astype(np.int64) * timesteps // levels)

    def train(self, pixels: Array, levels: int, timesteps: int, out: Array) -> Array:
        """Spikes into `out`, (length, N, *shape) zeros."""
        potential = np.zeros(pixels.shape, np.int64)
        for t in range(timesteps):
            potential += pixels
            fired = potential >= levels
            potential -= levels * fired
            out[t] = fired
        return out

    def real(self, values: Array, levels: int, lambda_0: float, timesteps: int, fix: float) -> Array:
        """n of real inputs x*T (the float twin's): `clip(floor(x*T / lambda_0), 0, T)`; unrounded with `fix`."""
        scaled = values / lambda_0 if lambda_0 != 1 else values
        return scaled if fix else np.clip(np.floor(scaled), 0, timesteps)

    def reach(self, levels: int, signed: bool, held: int, most: int) -> tuple[int, int]:
        """[least, most] of what one pass of a projection sees."""
        return 0, most
