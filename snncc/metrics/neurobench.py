"""NeuroBench's metrics (version 2.3), from the integers of the network and of the simulator.

They are those that the package `neurobench` measures of the network as a PyTorch module whose projections with weights
are Linear and Conv layers, whose firing populations are snnTorch neurons, and whose parameters have the types in which
they are stored, over one batch of all images. docs/guide/metrics.md says what each key counts.
Source: Yik et al. 2025, doi 10.1038/s41467-025-56739-4.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from msgspec import structs

from snncc.ir import Array, Dynamics, Network, Population, Projection, bits_needed, replace
from snncc.metrics.work import Meter, Work
from snncc.sim.fanout import fan_out


def neurobench(meter: Meter, work: Work) -> dict[str, Any]:
    """NeuroBench's keys and values of the work that a meter measured; averages are per image."""
    neurons = sum(population.neurons for population in meter.firing)
    outputs = neurons * meter.window.passes * work.images
    macs = accumulations = dense = 0
    for (population, projection), shape, operations, graded in zip(
        meter.projections, meter.view_shapes, work.operations, work.graded, strict=True
    ):
        weights = connection_weights(projection, population)
        if not weights.size:
            continue
        macs += int(operations[graded].sum())
        accumulations += int(operations[~graded].sum())
        full = replace(projection, weights=np.ones_like(weights))
        dense += int(fan_out(full, shape).sum()) * meter.passes(projection)
    return {
        "Footprint": footprint(meter.network, meter.window.dynamics),
        "ConnectionSparsity": connection_sparsity(meter.network),
        "ActivationSparsity": (outputs - work.activations) / outputs if outputs else 0.0,
        "SynapticOperations": {
            "Effective_MACs": macs / work.images,
            "Effective_ACs": accumulations / work.images,
            "Dense": float(dense),
        },
        "MembraneUpdates": neurons + work.changes / work.images,
    }


def footprint(network: Network, dynamics: Dynamics) -> int:
    """Bytes: weights, neuron parameters and, in `step`, the potentials that are held between timesteps.

    Weights of 2 to 8 bits take a byte and wider ones two; a parameter or potential the smallest of 1, 2, 4 and 8 bytes.
    """
    total = 0
    for population in network.populations:
        started = population.v0 if population.fires else None
        parameters = (population.theta, population.bias, started, *own_numbers(population))
        total += sum(stored_bytes(values) for values in parameters)
        total += sum(connection_weights(q, population).nbytes for q in population.projections)
        if dynamics == "step" and not population.relay:
            interval = network.intervals.get(dynamics, {}).get(population.name)
            total += population.neurons * (integer_bytes(bits_needed(interval)) if interval else 8)
    return total


def own_numbers(population: Population) -> list[Array]:
    """The numbers of a population's kind: a relay's shift, what leaky neurons forget."""
    return [values for values in structs.astuple(population.neuron) if isinstance(values, np.ndarray)]


def connection_sparsity(network: Network) -> float:
    """The part of the weights that is 0, divided in float32 and rounded to 4 decimals as NeuroBench does."""
    weights = [connection_weights(q, population) for population in network.populations for q in population.projections]
    zeros, size = sum(int(np.sum(w == 0)) for w in weights), sum(w.size for w in weights)
    return round(float(np.float32(zeros) / np.float32(size)), 4) if size else 0.0


def connection_weights(projection: Projection, population: Population) -> Array:
    """The weights of a projection as a layer of connections: at least one per channel; a pool has none."""
    weights: Array = getattr(projection, "weights", np.zeros(0, np.int8))
    return weights if weights.ndim else np.broadcast_to(weights, population.shape[-1:])


def stored_bytes(values: Array | None) -> int:
    """Bytes of a parameter, in the smallest integer that holds every value; of a float twin as they are."""
    if values is None or values.dtype.kind == "f":
        return 0 if values is None else int(values.nbytes)
    width = bits_needed((int(values.min(initial=0)), int(values.max(initial=0))))
    return math.prod(values.shape) * integer_bytes(width)


def integer_bytes(bits: int) -> int:
    """The smallest of 1, 2, 4 and 8 bytes that holds a signed integer of so many bits."""
    return next(size for size in (1, 2, 4, 8) if 8 * size >= bits)
