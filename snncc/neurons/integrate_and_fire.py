"""Integrate-and-fire with reset by subtraction."""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from snncc.neurons.state import State

Array: TypeAlias = NDArray[Any]


class IntegrateAndFire(Struct, frozen=True, forbid_unknown_fields=True, tag="integrate_and_fire"):
    """Integrate-and-fire, reset by subtraction: what a relu becomes.

        count:  u = drive + bias*T + v0;  n = clip(floor(u / theta), 0, limit)
        step:   V = v0;  for t = 1..length:  V += drive[t] + (bias while t <= T);  s[t] = (V >= theta);  V -= theta*s[t]

    theta > 0. Integers in integer arrays; exact in float32 below 2^24, in float64 below 2^53. Source:
    docs/contract.md, 4 and 5.
    """

    fires: ClassVar[bool] = True
    relays: ClassVar[bool] = False
    counts: ClassVar[bool] = True
    bits: ClassVar[int] = 63

    def counts_at_once(self, counting: bool) -> bool:
        """Whether it takes its whole window in one pass: in `count`."""
        return counting

    def fire(self, u: Array, theta: Array, limit: float | None, floor: bool = True) -> Array:
        """n from u, in place. `floor=False` (float twin): before it is rounded down."""
        if np.issubdtype(u.dtype, np.integer):
            np.floor_divide(u, theta, out=u)
        else:
            np.divide(u, theta, out=u)
            if floor:
                np.floor(u, out=u)
        np.maximum(u, 0, out=u)
        return u if limit is None else np.minimum(u, limit, out=u)

    def scan(
        self, drive: Array, theta: Array, bias: Array, v0: Array, timesteps: int, potentials: Array | None = None
    ) -> Array:
        """Spikes (length, N, *shape) float32 of a drive of that shape; `potentials` receives V after reset."""
        potential = np.broadcast_to(v0, drive.shape[1:]).copy()
        spikes = np.empty(drive.shape, np.float32)
        for t, added in enumerate(drive):
            potential += added
            if t < timesteps:
                potential += bias
            fired = potential >= theta
            np.subtract(potential, theta, out=potential, where=fired)
            spikes[t] = fired
            if potentials is not None:
                potentials[t] = potential
        return spikes

    def start(self, v0: Array, images: int, shape: tuple[int, ...], dtype: Any) -> State:
        """V = v0."""
        return State.start(v0, images, shape, dtype)

    def advance(self, state: State, charge: Array, theta: Array) -> Array:
        """s[t] after one timestep with this charge, bias and all; the state becomes that after the reset."""
        state.potential += charge
        fired = state.potential >= theta
        np.subtract(state.potential, theta, out=state.potential, where=fired)
        return np.asarray(fired.astype(charge.dtype))

    def output(self, counting: bool, limit: int | None, highest: int, theta: int) -> tuple[int, int]:
        """[least, most] of what it hands on at once; `highest` potential and least `theta` bound it without a limit."""
        if not counting:
            return 0, 1
        return 0, max(0, highest) // theta if limit is None else limit

    def bounds(
        self, low: Array, high: Array, theta: Array, bias: Array, v0: Array, timesteps: int, length: int, at_once: bool
    ) -> tuple[Array, Array]:
        """(least, most) of its potential, from the least and the most that one pass of its projections adds.

        step: above it is at most `max(v0, theta-1, 0) + (length-1)*max(0, up-theta) + up`, up = high + max(0, bias).
        """
        if at_once:
            return integrated(low, high, bias, v0, timesteps)
        up = high + np.maximum(0, bias)
        down = -low + np.maximum(0, -bias)
        top = np.maximum(np.maximum(v0, theta - 1), 0) + (length - 1) * np.maximum(0, up - theta) + up
        bottom = np.minimum(v0, 0) - length * down
        return bottom, top


def integrated(low: Array, high: Array, bias: Array, v0: Array, timesteps: int) -> tuple[Array, Array]:
    """(least, most) on the way to `drive + bias*T + v0`, in any order of addition."""
    top = high + np.maximum(0, v0) + np.maximum(0, bias) * timesteps
    bottom = low + np.minimum(0, v0) + np.minimum(0, bias) * timesteps
    return bottom, top
