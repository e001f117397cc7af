"""How wide a relay's values are: the shift of each channel, and what 1 of its values stands for."""

from __future__ import annotations

import math

import numpy as np

from snncc.ir import Array, Dynamics, Network, Population, Relay, Window, replace, sources
from snncc.ir.intervals import channel_bounds, ranged
from snncc.lower.projections import RealPool
from snncc.lower.real import RealNetwork

WIDEST, NARROWEST = 16, 12
"""Bits of a relay's values, at most and at least, in the dynamics that the network is compiled for."""
STEP_BITS = 12
"""Bits at one timestep; `count` sums T of them."""
READER_BITS = 32
"""The potentials of what reads a relay are to fit, where its weights are of the usual sizes."""


def relay_bits(real: RealNetwork, population: str, window: Window, signed_bit: int) -> int:
    """How many bits the values of a relay may have: 12 at one timestep, T times as much in `count`, at most 16.

    And fewer, but no less than 12, where a reader sums so many of them that its potential would not fit 32 bits.
    """
    bits = STEP_BITS + (math.ceil(math.log2(window.timesteps)) if window.counting else 0)
    for reader in real.populations:
        for projection in reader.projections:
            if population in sources(projection.source):
                if isinstance(projection, RealPool):
                    summed = math.ceil(math.log2(math.prod(projection.size)))
                else:
                    summed = math.ceil(math.log2(len(projection.columns(reader.shape[-1])))) + signed_bit - 1
                bits = min(bits, READER_BITS - summed)
    return max(NARROWEST, min(WIDEST, bits))


def with_shift(network: Network, given: Population, bits: int, dynamics: Dynamics, shared: bool) -> Population:
    """A relay with the smallest shifts that bring its values to so many bits, and its ranges.

    `given`: the population as a relay without shift, `network` holds its sources. `shared`: one shift for all channels.
    """
    alone = replace(given, kind=Relay(shift=np.zeros((), np.int64)))
    low, high = channel_bounds(network, alone, dynamics, network.intervals.get("count", {}))
    shift = np.array([_shift(int(lo), int(hi), bits) for lo, hi in zip(low, high, strict=True)], np.int64)
    shift = shift.max() if shared or (shift == shift[0]).all() else shift
    made: Population = replace(given, kind=Relay(shift=np.asarray(shift, np.int64)))
    return ranged(network, made)


def _shift(low: int, high: int, bits: int) -> int:
    """The smallest r with which every integer of low..high, rounded, fits `bits` bits."""
    shift, reach = 0, 2 ** (bits - 1)
    while (high + (1 << shift >> 1)) >> shift >= reach or (low + (1 << shift >> 1)) >> shift < -reach:
        shift += 1
    return shift


def relay_scale(relay: Relay, unit: Array) -> Array:
    """lambda of a relay: what 1 of its values per timestep stands for, 2^shift / unit; () or (C,), float64.

    `unit`: of the potential's LSB per 1 of activation, () or (C,).
    """
    return np.asarray(np.ldexp(1.0, relay.shift) / unit, np.float64)
