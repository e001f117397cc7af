"""How far an integer network may be from the real one, population by population.

The bound is propagated through the network (Â and A: rates of the integer and values of the real network):

    |Â - A|  <=  |Ŵ|·|Â_in - A_in| + |Ŵ - W'|·A_in + |b̂ - b'| + lambda/T

with Ŵ = W_int·2^F·lambda/(theta·lambda_in), b̂ = b·lambda/theta what the integers stand for, and lambda/T one spike
(floor and v0 move a count by less than one, a relay's
rounding its value by less than one). Clipping at T only brings Â nearer, as A <= lambda on calibration data;
maximum, padding and concatenation do not enlarge the largest difference.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import snncc
from snncc import ir
from snncc.ir import INPUT, DepthwiseConv2D, Identity, SumPool2D, view_shape
from snncc.lower.projections import pool_counts
from snncc.lower.real import RealNetwork, activations, real_input
from snncc.sim.linear import operator, values_of

T = 65_535
"""Timesteps of the networks that are compared: one spike is little."""


def apply_head(head: str, values: np.ndarray) -> np.ndarray:
    match head:
        case "softmax":
            powers = np.exp(values - values.max(axis=-1, keepdims=True))
            return powers / powers.sum(axis=-1, keepdims=True)
        case "sigmoid":
            return 1 / (1 + np.exp(-values))
        case "relu":
            return np.maximum(values, 0)
    return values


def float_activations(real: RealNetwork, x: np.ndarray) -> dict[str, np.ndarray]:
    chunks = list(activations(real, x))
    return {name: np.concatenate([c[name] for c in chunks]).astype(np.float64) for name in chunks[0]}


def bounds(network: ir.Network, real: RealNetwork, values: dict[str, np.ndarray], entry: np.ndarray) -> Any:
    """Per population the largest |Â - A| that the formula above allows; `entry` is that of the input."""
    shapes = ir.population_shapes(network)
    lambdas = {INPUT: network.input.lambda_} | {p.name: p.lambda_ for p in network.populations}
    spread = {name: np.broadcast_to(lambdas[name], (1, *shape)) for name, shape in shapes.items()}
    size = {name: np.abs(v) for name, v in values.items()}
    error = {INPUT: entry}
    for population, wanted in zip(network.populations, real.populations, strict=True):
        assert population.name == wanted.name
        unit = 1 / network.output_scale if population.theta is None else population.lambda_ / population.theta
        if population.relay:
            unit = population.lambda_ / 2.0**population.relay.shift
        total = np.abs(population.bias * unit - wanted.bias)[None]
        for q, r in zip(population.projections, wanted.projections, strict=True):
            shape = view_shape(q.source, shapes)
            inside, rounding = values_of(q.source, size), values_of(q.source, error)
            if isinstance(q, SumPool2D):
                sums = operator(q, shape, np.float64)
                scale = values_of(q.source, spread).reshape(-1, shape[-1]).max(axis=0)
                stands_for = unit * 2**q.shift / scale
                off = np.abs(stands_for - 1 / pool_counts(q, shape, population.shape))
                total = total + stands_for * sums(rounding) + off * sums(inside)
                continue
            scale = values_of(q.source, spread).reshape(-1, shape[-1]).max(axis=0)
            scale = np.where(scale > 0, scale, 1)  # flattened padding
            weights = effective(q, unit * 2**q.shift, scale)
            total = total + operator(ir.replace(q, weights=np.abs(weights)), shape, np.float64)(rounding)
            difference = np.abs(weights - np.asarray(r.weights, np.float64))
            total = total + operator(ir.replace(q, weights=difference), shape, np.float64)(inside)
        if population.hands_on:
            total = total + population.lambda_ / network.timesteps
        error[population.name] = np.broadcast_to(total, values[population.name].shape)
    return error


def effective(q: Any, unit: Any, scale: np.ndarray) -> np.ndarray:
    """Real weights that the integers stand for."""
    integers = q.weights.astype(np.float64)
    if isinstance(q, Identity):
        return integers * unit / scale
    if isinstance(q, DepthwiseConv2D):
        unit = np.broadcast_to(unit, (integers.shape[2] * integers.shape[3],)).reshape(integers.shape[2:])
        return integers * unit / scale[:, None]
    return integers * unit / scale[:, None]


def differences(
    network: snncc.Network, real: RealNetwork, x: np.ndarray, run: snncc.Network | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(|Â - A|, its bound) of every population, the readout included; `run` is what runs, if not the network."""
    result = (run or network).run(x)
    values = float_activations(real, x)
    rates = {
        name: counts * (network.ir.input.lambda_ if name == INPUT else network.ir[name].lambda_) / T
        for name, counts in result.counts.items()
    }
    output = network.ir.output
    rates[output.name] = result.values / (network.ir.output_scale * T)
    exact = {**values, INPUT: real_input(real, x)}
    allowed = bounds(network.ir, real, exact, np.abs(rates[INPUT] - exact[INPUT]))
    return {name: (np.abs(rates[name] - exact[name]), allowed[name]) for name in rates}
