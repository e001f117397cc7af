"""Neurons that forget: leak, synaptic current, any reset, several spikes a timestep. They exist in `step` only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from snncc.errors import NetworkError
from snncc.neurons.state import State

Array: TypeAlias = NDArray[Any]
Ends: TypeAlias = tuple[Array, Array]
_Fire: TypeAlias = Callable[[Ends], Ends]
_Arrive: TypeAlias = Callable[[Ends, Ends, Ends], Ends]
Rounding: TypeAlias = Literal["floor", "zero"]
Reset: TypeAlias = Literal["subtract", "subtract_late", "value"]

FRACTION = 12
WHOLE = 2**FRACTION
"""Of a leak or a decay: all of it."""
UNCLAMPED = -(2**62)
"""A lower end that no potential reaches."""
MOST_SPIKES = 255
"""In one timestep: what 8 bits hold."""


def share(x: Array, part: Array, rounding: Rounding) -> Array:
    """`part`/4096 of x: `floor(x*part / 4096)`, or towards zero."""
    if rounding == "floor":
        return np.asarray((x * part) >> FRACTION)
    size: Array = abs(x) * part
    return np.asarray(np.sign(x) * (size >> FRACTION))


class _Forgetting(Struct, frozen=True, forbid_unknown_fields=True, eq=False, kw_only=True):
    """What both kinds have in common: how current and potential decay. Every number is int64, () or (C,).

    `leak`, `decay` in 0..4096: how many 4096ths of the potential and of the synaptic current are gone at the next
    timestep. `leak` 0: nothing leaks; `decay` 4096: there is no synaptic current, what arrives is all of it. `rounding`
    of what is gone: `floor` (an arithmetic shift), or towards `zero`. `lowest` <= 0: the potential is never
    below it, in its own LSB; UNCLAMPED where it has no lower end. `late_current`: the potential takes the current as
    the timestep before left it.
    """

    leak: Array
    decay: Array
    lowest: Array
    rounding: Rounding = "floor"
    late_current: bool = False

    relays: ClassVar[bool] = False
    counts: ClassVar[bool] = False
    """Whether there is a `count` form: what a leak leaves depends on when a charge arrived."""
    fires: ClassVar[bool]
    bits: ClassVar[int] = 50
    """Of a potential or a current, at most, so that its product with a leak fits 63."""

    @property
    def has_current(self) -> bool:
        """Whether a synaptic current is kept."""
        return bool((self.decay < WHOLE).any()) or self.late_current

    def counts_at_once(self, counting: bool) -> bool:
        """Whether it takes its whole window in one pass: never."""
        return False

    def start(self, v0: Array, images: int, shape: tuple[int, ...], dtype: Any) -> State:
        """V = v0 and I = 0, int64."""
        state = State.start(v0, images, shape, np.int64)
        return State(state.potential, np.zeros_like(state.potential)) if self.has_current else state

    def scan(
        self, drive: Array, theta: Array, bias: Array, v0: Array, timesteps: int, potentials: Array | None = None
    ) -> Array:
        """What it hands on (length, N, *shape), of a drive of that shape; `potentials` receives V after reset."""
        state = self.start(v0, drive.shape[1], drive.shape[2:], np.int64)
        handed = np.empty(drive.shape, np.float32 if self.fires else np.int64)
        for t, added in enumerate(drive):
            charge = added + bias if t < timesteps else added
            handed[t] = self.advance(state, charge.astype(np.int64), theta)
            if potentials is not None:
                potentials[t] = state.potential
        return handed

    def advance(self, state: State, charge: Array, theta: Array) -> Array:
        """What it hands on after one timestep with this charge, bias and all; the state goes on."""
        raise NotImplementedError

    def integrate(self, state: State, charge: Array) -> None:
        """One timestep up to the threshold: I and V of the state."""
        arriving = charge
        if self.has_current:
            before = state.current
            state.current = before - share(before, self.decay, self.rounding) + charge
            arriving = before if self.late_current else state.current
        state.potential = state.potential - share(state.potential, self.leak, self.rounding) + arriving

    def _decayed(self, x: Array) -> Array:
        return np.asarray(x - share(x, self.decay.astype(x.dtype), self.rounding))

    def _leaked(self, x: Array) -> Array:
        return np.asarray(x - share(x, self.leak.astype(x.dtype), self.rounding))

    def _walk(self, v0: Array, low: Array, high: Array, length: int, arrive: _Arrive, fire: _Fire) -> Ends:
        """(least, most) of potential and current, timestep by timestep until nothing changes.

        x - share(x, d) never falls when x grows, so it takes ends to ends. `arrive` makes (least, most) before clamp
        and threshold of those before the timestep, of the charge, and of both together; `fire` those after them.
        """
        found = np.minimum(v0, 0), np.maximum(v0, 0)
        rest, current = (v0, v0), (np.zeros_like(low), np.zeros_like(high))
        for _ in range(length):
            before = (*found, *rest, *current)
            after = (low, high)
            if self.has_current:
                after = self._decayed(current[0]) + low, self._decayed(current[1]) + high
            least, most = current if self.late_current else after
            charge = np.minimum(least, 0), np.maximum(most, 0)
            whole = self._leaked(rest[0]) + charge[0], self._leaked(rest[1]) + charge[1]
            arrived = arrive(rest, charge, whole)
            left = fire(arrived)
            found = _hull(_hull(found, _hull(whole, arrived)), _hull(after, left))
            rest, current = _hull(rest, left), _hull(current, after)
            if all(np.array_equal(old, new) for old, new in zip(before, (*found, *rest, *current), strict=True)):
                break
        return found


class LeakyIntegrateAndFire(
    _Forgetting, frozen=True, forbid_unknown_fields=True, eq=False, kw_only=True, tag="leaky_integrate_and_fire"
):
    """Leaky integrate-and-fire with everything that the dialects of the field need, in `step` only.

        V = v0, I = 0;  for t = 1..length:  x = drive[t] + (bias while t <= T)
            I' = I - share(I, decay) + x;    c = I where late_current, else I';    I = I'
            V  = V - share(V, leak) + c  - (amount * s[t-1] where the reset is subtract_late)
            V  = max(V, lowest)
            s[t] = clip(floor((V - theta) / r) + 1, 0, most)         r = amount; theta where the reset is to a value
            V  = V - amount * s[t]       subtract
            V  = amount where s[t] > 0   value

    share(x, d) = x*d / 4096, rounded down, or towards zero. theta > 0; `V > theta` is `V >= theta + 1`. `reset`:
    `subtract` takes `amount` > 0 off for each spike; `subtract_late` does so only at the next timestep, after the leak
    (V is then what it was when it fired, and v0 must be below theta); `value` leaves `amount`, which is below theta.
    `amount`: int64, () or (C,). `most` spikes in a timestep, 1 to 255; 1 where the reset is to a value.
    Integers only. Source: docs/contract.md, 4 and 5; docs/adr/0019-neurons-that-forget.md.
    """

    amount: Array
    reset: Reset = "subtract"
    most: int = 1

    fires: ClassVar[bool] = True

    @property
    def late_reset(self) -> bool:
        """Whether the reset of a spike comes at the next timestep."""
        return self.reset == "subtract_late"

    def fire(self, u: Array, theta: Array, limit: float | None, floor: bool = True) -> Array:
        """Refused: a NetworkError."""
        raise NetworkError("leaky neurons have no counts: use dynamics `step`")

    def spikes(self, potential: Array, theta: Array) -> Array:
        """s of V: how often it fires."""
        if self.most == 1:
            return np.asarray((potential >= theta).astype(potential.dtype))
        return np.asarray(np.clip((potential - theta) // self.amount + 1, 0, self.most))

    def advance(self, state: State, charge: Array, theta: Array) -> Array:
        """s[t] from x of one timestep; the state becomes that after the reset."""
        late = self.amount * self.spikes(state.potential, theta) if self.late_reset else None
        self.integrate(state, charge)
        if late is not None:
            state.potential -= late
        np.maximum(state.potential, self.lowest, out=state.potential)
        fired = self.spikes(state.potential, theta)
        if self.reset == "subtract":
            state.potential -= self.amount * fired
        elif self.reset == "value":
            state.potential = np.where(fired > 0, self.amount, state.potential)
        return fired

    def output(self, counting: bool, limit: int | None, highest: int, theta: int) -> tuple[int, int]:
        """[least, most] of what it hands on in one timestep; `counting`: in the whole window of `limit` timesteps."""
        return 0, self.most * (limit or 0) if counting else self.most

    def bounds(
        self, low: Array, high: Array, theta: Array, bias: Array, v0: Array, timesteps: int, length: int, at_once: bool
    ) -> tuple[Array, Array]:
        """(least, most) of its potential and of its current, from the least and the most that one timestep brings.

        Where [lo, hi] holds V before the threshold, V after a subtraction lies in
        [min(lo, theta - amount), max(theta - 1, hi - amount*most)], and what `subtract_late` takes off is at most
        amount times the spikes of hi.
        """
        low, high, theta, v0, amount, floor = _exact(
            length, low + np.minimum(0, bias), high + np.maximum(0, bias), theta, v0, self.amount, self.lowest
        )

        def arrive(rest: Ends, charge: Ends, whole: Ends) -> Ends:
            return self._late(rest, charge, theta, amount) if self.late_reset else whole

        def fire(arrived: Ends) -> Ends:
            return self._reset(np.maximum(arrived[0], floor), np.maximum(arrived[1], floor), theta, amount)

        return self._walk(v0, low, high, length, arrive, fire)

    def _reset(self, lo: Array, hi: Array, theta: Array, amount: Array) -> Ends:
        fires = hi >= theta
        if self.reset == "value":
            return (
                np.where(fires, np.minimum(np.minimum(lo, theta - 1), amount), lo),
                np.where(fires, np.maximum(theta - 1, amount), hi),
            )
        if self.late_reset:
            return lo, hi
        return (
            np.where(fires, np.minimum(lo, theta - amount), lo),
            np.where(fires, np.maximum(theta - 1, hi - amount * self.most), hi),
        )

    def _late(self, rest: Ends, charge: Ends, theta: Array, amount: Array) -> Ends:
        """(least, most) of V - share(V) + c - amount*s(V) for V in `rest`: V below theta, and V at or above it."""
        lo, hi = rest
        fired = np.clip((hi - theta) // amount + 1, 0, self.most)
        quiet_low, quiet_high = self._leaked(lo), self._leaked(np.minimum(hi, theta - 1))
        loud_low = np.where(fired > 0, self._leaked(np.maximum(lo, theta)) - amount * fired, quiet_low)
        loud_high = np.where(fired > 0, np.maximum(theta - 1, hi - amount * self.most), quiet_high)
        return np.minimum(quiet_low, loud_low) + charge[0], np.maximum(quiet_high, loud_high) + charge[1]


class LeakyIntegrator(
    _Forgetting, frozen=True, forbid_unknown_fields=True, eq=False, kw_only=True, tag="leaky_integrator"
):
    """A readout of potentials that forgets: never fires, its value is V after the last timestep, in `step` only.

        V = v0, I = 0;  for t = 1..length:  I and V as LeakyIntegrateAndFire's;  V = max(V, lowest)

    Source: docs/contract.md, 4.
    """

    fires: ClassVar[bool] = False

    def advance(self, state: State, charge: Array, theta: Array) -> Array:
        """V from x of one timestep."""
        self.integrate(state, charge)
        np.maximum(state.potential, self.lowest, out=state.potential)
        return state.potential

    def output(self, counting: bool, limit: int | None, highest: int, theta: int) -> tuple[int, int]:
        """It hands on nothing."""
        return 0, 0

    def bounds(
        self, low: Array, high: Array, theta: Array, bias: Array, v0: Array, timesteps: int, length: int, at_once: bool
    ) -> tuple[Array, Array]:
        """(least, most) of its potential and of its current, from the least and the most that one timestep brings."""
        low, high, v0, floor = _exact(length, low + np.minimum(0, bias), high + np.maximum(0, bias), v0, self.lowest)

        def fire(arrived: Ends) -> Ends:
            return np.maximum(arrived[0], floor), np.maximum(arrived[1], floor)

        return self._walk(v0, low, high, length, lambda rest, charge, whole: whole, fire)


def _hull(one: Ends, other: Ends) -> Ends:
    return np.minimum(one[0], other[0]), np.maximum(one[1], other[1])


def _exact(length: int, *values: Array) -> list[Array]:
    """As int64 where every product on the way fits, else as Python integers; rows and channels broadcast together."""
    values = np.broadcast_arrays(*(v if np.ndim(v) != 3 else v.reshape(-1, v.shape[-1]) for v in values))
    reach = sum(float(np.max(np.abs(v.astype(np.float64)))) for v in values if not (v == UNCLAMPED).all())
    kind = np.int64 if reach * (length + 1) ** 2 * WHOLE < 2**61 else object
    return [np.maximum(v, -(2**61)).astype(kind) if kind is np.int64 else v.astype(object) for v in values]
