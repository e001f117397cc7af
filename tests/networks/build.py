"""The parts that hand-made networks are put together from: input, populations, weights, proof, one change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snncc import ir

SIGNED = {"bits": 5, "signed": True, "encoding": "current"}
"""Fields of an input: pixels of 5 bits and a sign, as a current."""


def input_of(shape: tuple[int, ...], **fields: Any) -> ir.Input:
    """Unsigned, rate-coded pixels of 8 bits whose largest is 1.0; `fields` say what is otherwise."""
    plain = {"bits": 8, "signed": False, "encoding": "rate", "lambda_0": 1.0}
    return ir.Input(**plain | {"gain": np.ones(()), "offset": np.zeros(())} | fields, shape=shape)


def weights(seed: int, *shape: int, bits: int = 8) -> np.ndarray:
    """Random weights between -q and q, q = 2^(bits - 1) - 1."""
    q = 2 ** (bits - 1) - 1
    return np.random.default_rng(seed).integers(-q, q, shape, endpoint=True).astype(ir.weight_dtype(bits))


def population(
    name: str,
    shape: tuple[int, ...],
    *projections: ir.Projection,
    theta: Any,
    bias: Any = 0,
    v0: Any = 0,
    **fields: Any,
) -> ir.Population:
    """A population of scale 1; theta = None makes it a readout of potentials."""
    arrays = {"bias": np.asarray(bias), "v0": np.asarray(v0), "lambda_": np.ones(())} | fields
    theta = None if theta is None else np.asarray(theta)
    return ir.Population(name=name, shape=shape, projections=projections, theta=theta, **arrays)


def unproved(
    *populations: ir.Population, shape: tuple[int, ...], source: Mapping[str, Any] | None = None, **fields: Any
) -> ir.Network:
    """A network without intervals, and not checked. `source`: fields of its input, whose shape is `shape`."""
    plain = {"name": "net", "timesteps": 16, "signed_bit": 8, "output_shape": populations[-1].shape}
    return ir.Network(**plain | fields, input=input_of(shape, **source or {}), populations=populations)


def with_intervals(network: ir.Network) -> ir.Network:
    """The network with its intervals proved, and not checked."""
    return ir.proven(network)


def proved(network: ir.Network) -> ir.Network:
    """The network with its intervals proved, and checked."""
    network = with_intervals(network)
    ir.check(network)
    return network


def network(
    *populations: ir.Population, shape: tuple[int, ...], source: Mapping[str, Any] | None = None, **fields: Any
) -> ir.Network:
    """As `unproved`, proved and checked."""
    return proved(unproved(*populations, shape=shape, source=source, **fields))


def with_bytes(network: ir.Network) -> ir.Network:
    """The network with raw bytes that are its model inputs divided by 255."""
    scale, offset = np.array(1 / 255), np.zeros(())
    raw = ir.RawBytes(scale=scale, offset=offset, pixels=ir.byte_pixels(network.input, scale, offset))
    return proved(ir.replace(network, input=ir.replace(network.input, raw=raw)))


def change(network: ir.Network, which: str, /, **changes: Any) -> ir.Network:
    """The network with some fields of one population changed, its intervals as they were."""
    populations = tuple(ir.replace(p, **changes) if p.name == which else p for p in network.populations)
    return ir.replace(network, populations=populations)


def change_projection(network: ir.Network, which: str, /, **changes: Any) -> ir.Network:
    """The network with some fields of one population's first projection changed."""
    first, *rest = network[which].projections
    return change(network, which, projections=(ir.replace(first, **changes), *rest))
