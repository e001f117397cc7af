"""Neurons that forget, as `snn_fire_leaky` has them: its parameters, the fields of each neuron, its stages.

What the memories hold has decayed for the next timestep already, so a neuron starts with v0 less its share
(docs/adr/0217-neurons-that-forget-in-the-rtl.md). A number that is the same for all neurons is a parameter of the
module, where tools make a shift of a product with a power of two; else it is a field of 13 bits beside the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from snncc.ir import Array, Interval, LeakyIntegrateAndFire, LeakyIntegrator, Population, bits_needed
from snncc.neurons.leaky import WHOLE, share

Forgetting: TypeAlias = LeakyIntegrateAndFire | LeakyIntegrator

SIGNED = ("AMOUNTW", "LOWW")
"""Fields that are in two's complement."""
RESETS = {"subtract": 0, "subtract_late": 1, "value": 2}


@dataclass(frozen=True)
class Leaky:
    """The numbers of a population of leaky neurons whose potential has `bits` bits.

    `leak`, `decay`: of all neurons, or None where they differ. `clamped`: whether a potential can meet a lower end.
    """

    population: Population
    kind: Forgetting
    bits: int

    @property
    def leak(self) -> int | None:
        return _same(self.kind.leak)

    @property
    def decay(self) -> int | None:
        return _same(self.kind.decay) if self.kind.has_current else WHOLE

    @property
    def current(self) -> int:
        """CURRENT: 0 without, 1 with a synaptic current, 2 where the potential takes it a timestep late."""
        return self.kind.has_current + self.kind.late_current

    @property
    def most(self) -> int:
        """Spikes in a timestep; 0 where it never fires."""
        return self.kind.most if isinstance(self.kind, LeakyIntegrateAndFire) else 0

    @property
    def clamped(self) -> bool:
        return bool((self.kind.lowest > -(2 ** (self.bits - 1))).any())

    @property
    def stages(self) -> int:
        """Cycles from a word's address to its write: read, sum, current, lower end, each bit of the spikes, share."""
        return 4 + (self.current > 0) + self.most.bit_length()

    @property
    def v0(self) -> Array:
        """What a neuron's memory holds at first."""
        return np.asarray(self.population.v0 - share(self.population.v0, self.kind.leak, self.kind.rounding))

    @property
    def theta(self) -> Array:
        """The threshold; one that no potential reaches is cut to the first of these."""
        return np.asarray(np.minimum(self._thresholds, 2 ** (self.bits - 1)))

    def fields(self) -> dict[str, tuple[Array, int]]:
        """Further fields of a neuron, lowest bits first, by the parameter that says their width: values, idle value."""
        out = {"AMOUNTW": (self._amount, 1)}
        if self.clamped:
            out["LOWW"] = np.maximum(self.kind.lowest, -(2 ** (self.bits - 1))), 0
        if self.leak is None:
            out["LEAKW"] = self.kind.leak, 0
        if self.decay is None:
            out["DECAYW"] = self.kind.decay, 0
        return out

    def parameters(self) -> dict[str, Any]:
        """Those of `snn_layer` that only leaky neurons have, without the fields' widths."""
        kind = self.kind
        found: dict[str, Any] = {"LEAKY": 1, "CURRENT": self.current, "ZERO": int(kind.rounding == "zero")}
        if isinstance(kind, LeakyIntegrateAndFire):
            found |= {"RESET": RESETS[kind.reset], "MOST": kind.most}
        return found | {"LEAK": self.leak or 0, "DECAY": self.decay or 0}

    @property
    def _thresholds(self) -> Array:
        return self.population.threshold if self.most else np.ones((), np.int64)

    @property
    def _amount(self) -> Array:
        """What a spike takes off, or leaves; 1 where none comes about."""
        if not isinstance(self.kind, LeakyIntegrateAndFire):
            return np.ones((), np.int64)
        return np.where(self._thresholds >= 2 ** (self.bits - 1), 1, self.kind.amount)


def leaky(population: Population, interval: Interval) -> Leaky | None:
    """Its leaky neurons, where it has such. `interval`: of its potential, proved."""
    kind = population.neuron
    if not isinstance(kind, LeakyIntegrateAndFire | LeakyIntegrator):
        return None
    return Leaky(population, kind, bits_needed(interval))


def _same(values: Array) -> int | None:
    return int(values.flat[0]) if (values == values.flat[0]).all() else None
