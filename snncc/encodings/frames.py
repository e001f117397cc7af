"""Frames: a sequence, of which every timestep reads its own; binned events, or features of a signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Frames:
    """Frame t of the sequence at timestep t: small counts of events, or any values. Signed or unsigned; `step` only.

    Source: docs/contract.md, 4.
    """

    spiking: ClassVar[bool] = False
    signed: ClassVar[bool] = True
    """Whether pixels may be negative."""
    sequences: ClassVar[bool] = True
    """Whether a sample is (T, *shape)."""

    def unit(self, lambda_0: float, levels: int) -> float:
        """What one unit of a pixel stands for."""
        return lambda_0 / levels

    def counts(self, pixels: Array, levels: int, timesteps: int) -> Array:
        """The sum of the first T frames of (N, T, *shape), int64."""
        return np.asarray(pixels[:, :timesteps].sum(axis=1, dtype=np.int64))

    def train(self, pixels: Array, levels: int, timesteps: int, out: Array) -> Array:
        """The first T frames of (N, T, *shape) into `out`, (length, N, *shape) zeros."""
        out[:timesteps] = pixels[:, :timesteps].swapaxes(0, 1)
        return out

    def real(self, values: Array, levels: int, lambda_0: float, timesteps: int, fix: float) -> Array:
        """The charge of real inputs (the float twin's): `x * L / lambda_0`, unrounded."""
        values = values * levels
        return values / lambda_0 if lambda_0 != 1 else values

    def reach(self, levels: int, signed: bool, held: int, most: int) -> tuple[int, int]:
        """[least, most] of what one pass of a projection sees: `held` timesteps of it."""
        return (-levels * held if signed else 0), levels * held
