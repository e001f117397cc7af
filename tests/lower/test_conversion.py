"""Every layer kind and combination against Keras: the float network to rounding, the integer one within its bound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import snncc
from snncc import ir
from snncc.frontend.keras import from_keras
from snncc.lower.calibrate import input_extremes
from snncc.lower.ends import input_scaling
from snncc.lower.populate import populate
from snncc.lower.real import RealNetwork
from tests import keras_models
from tests.frontend.refused import UNCOMPOSABLE, model_around
from tests.keras_models import CASES, randomised
from tests.lower.bounds import T, apply_head, differences, float_activations
from tests.networks import with_intervals


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
    off, limit = pairs[network.ir.output.name]
    logits = values[network.ir.output.name].reshape(len(x), -1)
    if any(p.relay for p in network.ir.populations):  # every relay widens the bound, though not the error
        assert off.max() < 0.02 * max(np.ptp(logits), 1.0)
    else:
        assert limit.max() < 0.5 * max(np.ptp(logits), 1.0), "the bound is too wide to say anything"
    result = network.run(x)
    assert result.outputs.shape == wanted.shape
    margin = sure_margin(logits)
    certain = margin > 2 * limit.reshape(len(x), -1).max(axis=1)
    keras_class = logits.argmax(axis=1) if logits.shape[1] > 1 else (logits[:, 0] > 0).astype(int)
    np.testing.assert_array_equal(result.classes[certain], keras_class[certain])


@pytest.mark.parametrize("name", UNCOMPOSABLE)
def test_what_no_kernel_of_both_can_be_is_keras_too(name: str) -> None:
    """Behind a relay: the float network to rounding, the integer one within its bound, in `step` near it."""
    model = randomised(model_around(UNCOMPOSABLE[name][0]))
    x = np.random.default_rng(5).random((6, *model.input_shape[1:])).astype(np.float32)
    wanted = np.asarray(model(x, training=False), np.float64)
    real = real_network(model, x)
    values = float_activations(real, x)
    found = values[real.populations[-1].name].reshape(wanted.shape)
    np.testing.assert_allclose(apply_head(real.head, found), wanted, rtol=0, atol=1e-4)
    network = snncc.convert(model, x, signed_bit=16, timesteps=T, calibrate="none")
    for population, (error, allowed) in differences(network, real, x).items():
        slack = 1e-5 * max(1.0, float(np.abs(values.get(population, error)).max()))
        assert (error <= allowed + slack).all(), population
    stepped = snncc.convert(model, x, timesteps=64, dynamics="step").run(x).outputs.reshape(found.shape)
    assert np.square(stepped - found).mean() < 0.05 * found.var()


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
        changed = snncc.Network(with_intervals(changed))
        pairs = differences(sound, real, x, changed).values()
        caught.append(any((found > allowed + 1e-4).any() for found, allowed in pairs))
    assert caught == [False, True, True, True, True]
