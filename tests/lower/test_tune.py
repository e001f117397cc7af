"""Calibration as a whole: every kind of model stays valid, gains or stays, and is the same for the same seed."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import ir, sim
from snncc.errors import CalibrationError, SnnccWarning, ToolMissingError
from snncc.frontend.keras import from_keras
from snncc.lower import Options, lower
from snncc.lower.calibrate import scales
from snncc.lower.populate import populate
from snncc.lower.real import activations
from snncc.lower.tune import EFFORTS, tuned_network
from snncc.lower.tune import state as state_module
from snncc.lower.tune.descent import output_error
from snncc.lower.tune.effort import Effort
from snncc.lower.tune.tensors import constant
from snncc.sim.encode import to_pixels
from tests.keras_models import CASES, build, samples


def pooled(network: ir.Network) -> bool:
    return any(ir.has_max_pool(q.source) for p in network.populations for q in p.projections)


def tuned(name: str, **options: Any) -> tuple[ir.Network, ir.Network, list[Any]]:
    """(uncalibrated, calibrated, what was gained)."""
    model, x = build(name), samples(name)
    graph = from_keras(model, x.shape[1:])
    plain = lower(graph, x, Options(calibrate="none", **options))
    signed = plain.input.signed
    real = populate(graph, signed, plain.input.encoding == "current")
    chosen = Options(**{"calibrate": "light", **options})
    network, gained = tuned_network(real, plain.input, scales(real, x), chosen, x)
    return plain, network, gained


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_model_is_calibrated_into_a_valid_network(name: str) -> None:
    dynamics = ("step", "count")[len(name) % 2]
    bits = 3 + len(name) % 6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SnnccWarning)
        plain, network, gained = tuned(name, timesteps=4, signed_bit=bits, dynamics=dynamics)
    ir.check(network)
    assert [g.population for g in gained] == [p.name for p in network.populations]
    for objective in gained:
        assert objective.after <= objective.before * (1 + 1e-6) + 1e-12, objective
    for before, after in zip(plain.populations, network.populations, strict=True):
        assert before.shape == after.shape
        assert [type(p) for p in before.projections] == [type(p) for p in after.projections]
        for one, other in zip(before.projections, after.projections, strict=True):
            if not isinstance(one, ir.SumPool2D):
                assert one.weights.shape == other.weights.shape
                assert one.weights.dtype == other.weights.dtype


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize(
    "name", ["add_linear_shortcut", "average_pool", "relu6", "rescaling_bytes", "conv_signed_input"]
)
def test_calibration_saw_the_very_counts_that_the_simulator_makes(
    name: str, dynamics: ir.Dynamics, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, np.ndarray] = {}
    advance = state_module.State.advance

    def spy(self: Any, population: ir.Population, *rest: Any) -> np.ndarray:
        seen[population.name] = advance(self, population, *rest)
        return seen[population.name]

    monkeypatch.setattr(state_module.State, "advance", spy)
    _, network, _ = tuned(name, timesteps=5, dynamics=dynamics, spike_ext=2)
    x = samples(name)
    result = sim.run(network, to_pixels(network.input, x), 5, dynamics)
    assert seen
    for population, counts in seen.items():
        np.testing.assert_array_equal(counts, result.counts[population], err_msg=population)


def test_the_same_seed_gives_the_same_network_and_the_samples_matter() -> None:
    model = build("conv_same_stride")
    x = np.random.default_rng(0).random((700, 6, 7, 3)).astype(np.float32)
    x[0, 0, 0, 0] = 1
    first, again = (snncc.convert(model, x, timesteps=4, seed=3).hash for _ in range(2))
    assert first == again
    assert snncc.convert(model, x, timesteps=4, seed=4).hash != first


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_light_and_full_gain_on_none_at_the_readout(dynamics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EFFORTS, "full", Effort(images=2**13, multiplications=1e12))
    model = build("add_linear_shortcut")
    x, others = np.random.default_rng(1).random((2, 400, 6, 7, 3)).astype(np.float32)
    x[0, 0, 0, 0] = 1
    real = populate(from_keras(model, x.shape[1:]), False, True)
    wanted = np.concatenate([values[real.populations[-1].name] for values in activations(real, others)])
    errors = []
    for level in ("none", "light", "full"):
        network = snncc.convert(
            model, x, signed_bit=4, timesteps=4, dynamics=dynamics, calibrate=level, encoding="current"
        )
        network.check()
        outputs = network.run(others).outputs
        errors.append(
            float(output_error(*(constant(v.reshape(len(others), -1)) for v in (outputs, wanted)), wanted.var()))
        )
    assert errors[1] < 0.5 * errors[0]
    assert errors[2] < 0.5 * errors[0]


def test_full_without_tensorflow_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "snncc.lower.tune.descent", raising=False)
    monkeypatch.setitem(sys.modules, "snncc.lower.tune.tensors", None)
    model, x = build("conv_valid"), np.random.default_rng(0).random((80, 6, 7, 3)).astype(np.float32)
    with pytest.raises(ToolMissingError, match=r"needs TensorFlow.*calibrate light"):
        snncc.convert(model, x, timesteps=4, calibrate="full")


def test_a_firing_readout_keeps_one_threshold_and_its_start() -> None:
    model, x = build("conv_valid"), samples("conv_valid")
    network = snncc.convert(model, x, timesteps=8, readout="spikes").ir
    assert network.output.theta is not None
    assert network.output.theta.shape == () == network.output.lambda_.shape
    assert network.output.v0 == network.output.theta // 2


def test_a_max_pool_is_calibrated_for_the_dynamics_asked_for() -> None:
    model, x = build("max_pool"), samples("max_pool")
    networks = [snncc.convert(model, x, timesteps=4, dynamics=dynamics) for dynamics in ("step", "count")]
    assert all(pooled(network.ir) for network in networks)
    step, count = ([p.bias.tolist() for p in network.ir.populations] for network in networks)
    assert step != count, "the same integers for both dynamics"


def test_the_float_twin_and_a_fixed_scale_are_left_alone() -> None:
    model, x = build("conv_valid"), samples("conv_valid")
    for options in ({"signed_bit": 0}, {"fixed_lambda": 2.0}):
        light, none = (snncc.convert(model, x, calibrate=c, **options).hash for c in ("light", "none"))
        assert light == none


def test_an_unknown_level_is_refused_and_progress_is_told() -> None:
    model, x = build("conv_valid"), samples("conv_valid")
    with pytest.raises(CalibrationError, match="none, light or full"):
        snncc.convert(model, x, calibrate="heavy")
    told: list[tuple[int, int]] = []
    network = snncc.convert(model, x, timesteps=4, progress=lambda done, total: told.append((done, total)))
    count = len(network.ir.populations)
    assert told == [(n, count) for n in range(count + 1)]
