"""A population without threshold inside the network: it hands on its charge, rounded to a proved width."""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from snncc.neurons.integrate_and_fire import integrated
from snncc.neurons.state import State

Array: TypeAlias = NDArray[Any]
Interval: TypeAlias = tuple[int, int]


class Relay(Struct, frozen=True, forbid_unknown_fields=True, tag="relay", eq=False, kw_only=True):
    """What a linear layer becomes that no relu follows: signed values, no threshold, no state.

        count:  u = drive + bias*T;                          y = floor((u + h) / 2^shift)
        step:   u[t] = drive[t] + (bias while t <= T);       y[t] = floor((u[t] + h) / 2^shift)

    h = floor(2^shift / 2), so that y is u / 2^shift to the nearest integer, halves upwards. `shift`: int64 >= 0, () or
    (C,). `count`, `step`: [least, most] of y in both dynamics, 0 in it, proved by the verifier for every T <= T_max.
    1 of y per timestep stands for the population's `lambda_`. Source: docs/contract.md, 4 and 5.
    """

    shift: Array
    count: Interval = (0, 0)
    step: Interval = (0, 0)

    fires: ClassVar[bool] = False
    relays: ClassVar[bool] = True
    counts: ClassVar[bool] = True
    bits: ClassVar[int] = 63

    @property
    def half(self) -> Array:
        """h, what rounding adds."""
        return np.asarray((np.int64(1) << self.shift) >> 1)

    def counts_at_once(self, counting: bool) -> bool:
        """Whether it takes its whole window in one pass: in `count`."""
        return counting

    def hand_on(self, u: Array) -> Array:
        """y of u, in place; exact in every type that holds the population's interval."""
        if np.issubdtype(u.dtype, np.integer):
            u += self.half
            u >>= self.shift
        else:
            u += self.half.astype(u.dtype)
            u /= np.ldexp(1.0, self.shift).astype(u.dtype)
            np.floor(u, out=u)
        return u

    def start(self, v0: Array, images: int, shape: tuple[int, ...], dtype: Any) -> State:
        """It keeps nothing; `potential` is what it last rounded."""
        return State.start(v0, images, shape, dtype)

    def advance(self, state: State, charge: Array, theta: Array) -> Array:
        """y of one timestep with this charge, bias and all."""
        state.potential[...] = charge
        return self.hand_on(charge.copy())

    def output(self, counting: bool, limit: int | None, highest: int, theta: int) -> Interval:
        """[least, most] of what it hands on at once."""
        return self.count if counting else self.step

    def bounds(
        self, low: Array, high: Array, theta: Array, bias: Array, v0: Array, timesteps: int, length: int, at_once: bool
    ) -> tuple[Array, Array]:
        """(least, most) of u + h on the way there, from what one pass of its projections adds."""
        bottom, top = integrated(low, high, bias, v0, timesteps if at_once else 1)
        return bottom, top + self.half

    def reach(self, bottom: Array, top: Array) -> Interval:
        """[least, most] of y with 0 in it, from `bounds` of each channel as exact integers."""
        shift, half = (np.broadcast_to(v, np.shape(top)).astype(object) for v in (self.shift, self.half))
        least, most = (bottom.astype(object) + half) >> shift, top.astype(object) >> shift
        return min(0, int(np.min(least))), max(0, int(np.max(most)))
