"""Every layer kind and combination against Keras: the float network to rounding, the integer one within a bound.

The bound is propagated through the network (Â and A: rates of the integer and values of the real network):

    |Â - A|  <=  |Ŵ|·|Â_in - A_in| + |Ŵ - W'|·A_in + |b̂ - b'| + lambda/T

with Ŵ = W_int·2^F·lambda/(theta·lambda_in), b̂ = b·lambda/theta what the integers stand for, and lambda/T one spike
(floor and v0 move a count by less than one). Clipping at T only brings Â nearer, as A <= lambda on calibration data;
maximum, padding and concatenation do not enlarge the largest difference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import snncc
from snncc import ir
from snncc.frontend.keras import from_keras
from snncc.ir import INPUT, DepthwiseConv2D, Identity, SumPool2D, view_shape
from snncc.lower.calibrate import input_extremes
from snncc.lower.ends import input_scaling
from snncc.lower.populate import populate
from snncc.lower.projections import pool_counts
from snncc.lower.real import RealNetwork, activations, real_input
from snncc.sim.linear import operator, values_of
from tests import keras_models
from tests.keras_models import CASES

T = 65_535


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    """Each model and Keras's own output, made once."""
    return {}


def keras_output(models: dict[str, Any], name: str) -> tuple[Any, np.ndarray, np.ndarray]:
    if name not in models:
        model, x = keras_models.build(name), keras_models.samples(name)
        models[name] = model, x, np.asarray(model(x, training=False), np.float64)
    return models[name]


def real_network(model: Any, x: np.ndarray) -> RealNetwork:
    graph = from_keras(model)
    gain, offset, _ = input_scaling(graph)
    return populate(graph, signed_input=input_extremes(x, gain, offset)[0] < 0)


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
        total = np.abs(population.bias * unit - wanted.bias)[None]
        for q, r in zip(population.projections, wanted.projections, strict=True):
            shape = view_shape(q.source, shapes)
            inside, rounding = values_of(q.source, size), values_of(q.source, error)
            if isinstance(q, SumPool2D):
                sums = operator(q, shape, np.float64)
                stands_for = unit * 2**q.shift / values_of(q.source, spread).max()
                off = np.abs(stands_for - 1 / pool_counts(q, shape, population.shape))
                total = total + stands_for * sums(rounding) + off * sums(inside)
                continue
            scale = values_of(q.source, spread).reshape(-1, shape[-1]).max(axis=0)
            scale = np.where(scale > 0, scale, 1)  # flattened padding
            weights = effective(q, unit * 2**q.shift, scale)
            total = total + operator(ir.replace(q, weights=np.abs(weights)), shape, np.float64)(rounding)
            difference = np.abs(weights - np.asarray(r.weights, np.float64))
            total = total + operator(ir.replace(q, weights=difference), shape, np.float64)(inside)
        if population.theta is not None:
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


@pytest.mark.parametrize("name", CASES)
def test_the_float_network_is_keras(models: dict[str, Any], name: str) -> None:
    model, x, wanted = keras_output(models, name)
    real = real_network(model, x)
    found = float_activations(real, x)[real.populations[-1].name].reshape(wanted.shape)
    np.testing.assert_allclose(apply_head(real.head, found), wanted, rtol=0, atol=1e-4 * max(1, np.abs(wanted).max()))
    assert len(np.unique(wanted.round(6))) > 8, "the case says nothing: its output hardly depends on the input"


@pytest.mark.parametrize("name", CASES)
def test_the_integer_network_is_keras_within_its_bound(models: dict[str, Any], name: str) -> None:
    model, x, wanted = keras_output(models, name)
    real = real_network(model, x)
    network = snncc.convert(model, x, signed_bit=16, timesteps=T, calibrate="none")
    network.check()
    values = float_activations(real, x)
    pairs = differences(network, real, x)
    for population, (found, allowed) in pairs.items():
        slack = 1e-5 * max(1.0, float(np.abs(values.get(population, found)).max()))  # float32 of the real network
        assert (found <= allowed + slack).all(), population
    _, limit = pairs[network.ir.output.name]
    logits = values[network.ir.output.name].reshape(len(x), -1)
    assert limit.max() < 0.5 * max(np.ptp(logits), 1.0), "the bound is too wide to say anything"
    result = network.run(x)
    assert result.outputs.shape == wanted.shape
    margin = sure_margin(logits)
    certain = margin > 2 * limit.reshape(len(x), -1).max(axis=1)
    keras_class = logits.argmax(axis=1) if logits.shape[1] > 1 else (logits[:, 0] > 0).astype(int)
    np.testing.assert_array_equal(result.classes[certain], keras_class[certain])


def sure_margin(logits: np.ndarray) -> np.ndarray:
    """By how much the class is decided."""
    if logits.shape[1] == 1:
        return np.abs(logits[:, 0])
    top = np.sort(logits, axis=1)
    return top[:, -1] - top[:, -2]


def test_the_bound_notices_a_wrong_weight_bias_or_threshold(models: dict[str, Any]) -> None:
    """Mutation control: a network with one fault is outside the bound of the sound one."""
    model, x, _ = keras_output(models, "add_linear_shortcut")
    real = real_network(model, x)
    sound = snncc.convert(model, x, signed_bit=16, timesteps=T, calibrate="none")
    first = sound.ir.populations[0]
    weights = first.projections[0].weights.copy()
    weights[1, 1, 1, 1] *= -1
    mutants = [
        first,
        ir.replace(first, bias=first.bias * 2),
        ir.replace(first, theta=first.theta + first.theta // 20),
        ir.replace(first, projections=(ir.replace(first.projections[0], weights=weights),)),
        ir.replace(first, projections=(ir.replace(first.projections[0], shift=first.projections[0].shift + 1),)),
    ]
    caught = []
    for mutant in mutants:
        changed = ir.replace(sound.ir, populations=(mutant, *sound.ir.populations[1:]))
        changed = snncc.Network(ir.replace(changed, intervals=ir.prove(changed)))
        pairs = differences(sound, real, x, changed).values()
        caught.append(any((found > allowed + 1e-4).any() for found, allowed in pairs))
    assert caught == [False, True, True, True, True]
