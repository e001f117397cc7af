"""A neuron that never fires: the potential readout."""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

from msgspec import Struct
from numpy.typing import NDArray

from snncc.neurons.integrate_and_fire import integrated
from snncc.neurons.state import State

Array: TypeAlias = NDArray[Any]


class Silent(Struct, frozen=True, forbid_unknown_fields=True, tag="silent"):
    """Integrates and never fires: `V = drive + bias*T`, from the counts of its sources, in both dynamics.

    A sum does not depend on the order of its terms, so `step` adds the spikes of the whole window at once too. It has
    no threshold and starts at 0. Source: docs/contract.md, 4.
    """

    fires: ClassVar[bool] = False
    relays: ClassVar[bool] = False
    counts: ClassVar[bool] = True
    bits: ClassVar[int] = 63

    def counts_at_once(self, counting: bool) -> bool:
        """Whether it takes its whole window in one pass: always."""
        return True

    def start(self, v0: Array, images: int, shape: tuple[int, ...], dtype: Any) -> State:
        """V = 0."""
        return State.start(v0, images, shape, dtype)

    def advance(self, state: State, charge: Array, theta: Array) -> Array:
        """V after one timestep with this charge, bias and all."""
        state.potential += charge
        return state.potential

    def output(self, counting: bool, limit: int | None, highest: int, theta: int) -> tuple[int, int]:
        """It hands on nothing."""
        return 0, 0

    def bounds(
        self, low: Array, high: Array, theta: Array, bias: Array, v0: Array, timesteps: int, length: int, at_once: bool
    ) -> tuple[Array, Array]:
        """(least, most) of its potential; it has no theta, and one pass in both dynamics."""
        return integrated(low, high, bias, v0, timesteps)
