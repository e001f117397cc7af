"""A model of the energy per image: exact counts of operations times the energies of a table. It measures nothing.

    E = sum over projections   operations * (add + 2*potential_bits*potential_bit + weight_bits*weight_bit + multiply)
      + sum over populations   neurons * passes * (2*add + 2*potential_bits*potential_bit)

Operations are those of `Work`, weights have the network's bits, potentials their proved width. The populations are
those that fire. `multiply` is left out where the values read are 0 and 1, and in a sum pool, whose weights are 1 and
take no bits; it is one of 8 bits where weights and proved values fit into them. Source: docs/guide/metrics.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec

from snncc.errors import DataError
from snncc.ir import Population, Projection, bits_needed, source_range
from snncc.metrics.neurobench import connection_weights
from snncc.metrics.work import Meter, Work

HOROWITZ_45NM = Path(__file__).with_name("energy.toml")
"""The table that is used where no other is named."""

Picojoules = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Picojoules of one operation; of one bit of memory, read or written."""

    add: Picojoules
    multiply_8: Picojoules
    multiply_32: Picojoules
    weight_bit: Picojoules
    potential_bit: Picojoules


class Energies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of energies and its name, as in energy.toml."""

    name: str
    picojoules: Prices


def load_energies(path: str | Path = HOROWITZ_45NM) -> Energies:
    """Read a table of energies. DataError where it is not one."""
    try:
        return msgspec.toml.decode(Path(path).read_bytes(), type=Energies)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise DataError(f"{path}: {error}; a table of energies looks like {HOROWITZ_45NM}") from None


def energy_model(meter: Meter, work: Work, energies: Energies) -> dict[str, Any] | None:
    """The table's name, and nanojoules per image: synapses, neurons, total. None for a float twin."""
    network, window, price = meter.network, meter.window, energies.picojoules
    if not network.is_integer:
        return None
    access = {  # to read a potential and to write it
        name: 2 * price.potential_bit * bits_needed(interval)
        for name, interval in network.intervals[window.dynamics].items()
    }
    synapses = sum(
        int(operations.sum())
        / work.images
        * (price.add + access[population.name] + _weight(meter, population, q, price))
        for (population, q), operations in zip(meter.projections, work.operations, strict=True)
    )
    neurons = sum(p.neurons * window.passes * (2 * price.add + access[p.name]) for p in meter.firing)
    parts = {"synapses": synapses / 1000, "neurons": neurons / 1000, "total": (synapses + neurons) / 1000}
    return {"table": energies.name, "nanojoules_per_image": parts}


def _weight(meter: Meter, population: Population, projection: Projection, price: Prices) -> float:
    """Picojoules to read a weight and to multiply it."""
    network = meter.network
    if not connection_weights(projection, population).size:
        return 0
    low, high = source_range(network, projection.source, meter.window.dynamics)
    read = network.signed_bit * price.weight_bit
    if (low, high) == (0, 1):
        return read
    fit = high <= 255 if low == 0 else bits_needed((low, high)) <= 8
    return read + (price.multiply_8 if fit and network.signed_bit <= 8 else price.multiply_32)
