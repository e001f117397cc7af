"""Leaky neurons, late sources and frames: the simulator against the plain-Python reference, integer by integer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snncc import api, ir, sim
from snncc.errors import DataError, NetworkError
from snncc.sim import go_on
from tests import networks, strategies
from tests.sim.parity import differences, expected, simulated
from tests.support import examples


@examples(120)
@given(strategies.timed_cases())
def test_step_equals_the_reference(case: strategies.Case) -> None:
    found = differences(expected(*case, "step"), simulated(*case, "step"))
    assert not found, found


@examples(80)
@given(strategies.timed_cases())
def test_potentials_stay_within_what_is_proved(case: strategies.Case) -> None:
    result = sim.run(*case, "step", trace=True)
    assert result.trace is not None
    for name, potentials in result.trace.potentials.items():
        low, high = case.network.intervals["step"][name]
        assert low <= potentials.min() and potentials.max() <= high, name


EVENTS = np.random.default_rng(0).integers(0, 4, (5, 20, 12))
WANTED = expected(networks.recurrent(), EVENTS, 20, "step")


def test_the_network_of_the_controls_equals_the_reference() -> None:
    result = sim.run(networks.recurrent(), EVENTS, 20, "step", trace=True)
    assert result.trace is not None
    assert result.trace.spikes["hidden"].max() == 3, "several spikes in a timestep"
    assert not differences(
        expected(networks.recurrent(), EVENTS, 20, "step"), simulated(networks.recurrent(), EVENTS, 20, "step")
    )


@pytest.mark.parametrize("most", [1, 3])
def test_maxima_of_the_timestep_before_equal_the_reference(most: int) -> None:
    network = networks.late_maximum(most=most)
    assert not differences(expected(network, EVENTS, 20, "step"), simulated(network, EVENTS, 20, "step"))


@pytest.mark.parametrize(
    "fields",
    [
        {"rounding": "floor"}, {"leak": np.array(301)}, {"decay": np.array(1001)}, {"lowest": np.array(-899)},
        {"amount": np.array(701)}, {"most": 2}, {"late_current": True}, {"reset": "subtract_late"},
        {"reset": "value", "most": 1, "amount": np.array(0)},
    ],
    ids=lambda fields: next(iter(fields)),
)  # fmt: skip
def test_each_number_decides(fields: dict[str, Any]) -> None:
    other = networks.change_kinds(networks.recurrent(), **fields)
    assert differences(
        expected(networks.recurrent(), EVENTS, 20, "step"), simulated(ir.proven(other), EVENTS, 20, "step")
    )


def test_a_late_source_read_early_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snncc.sim.step.before", lambda name: name)
    with pytest.raises(KeyError):
        sim.run(networks.recurrent(), EVENTS, 20, "step")
    monkeypatch.undo()
    shifted = networks.change(
        networks.recurrent(), "hidden", projections=networks.recurrent()["hidden"].projections[:1]
    )
    assert differences(WANTED, simulated(ir.proven(shifted), EVENTS, 20, "step"))


@examples(60)
@given(strategies.timed_cases(only="frames", spike_ext=st.just(0)))
def test_windows_that_go_on_are_one_long_window(case: strategies.Case) -> None:
    network, pixels, timesteps = case
    cut = max(1, timesteps // 3)
    whole = sim.run(network, pixels, timesteps, "step", trace=True)
    first = go_on(network, pixels, cut, trace=True)
    assert whole.trace is not None and first.trace is not None
    joined, counts = first.trace, first.counts
    if cut < timesteps:
        second = go_on(network, pixels[:, cut:], timesteps - cut, first.memory, trace=True)
        assert second.trace is not None
        counts = {name: counts[name] + second.counts[name] for name in counts}
        for kind in ("spikes", "potentials"):
            for name, values in getattr(second.trace, kind).items():
                getattr(joined, kind)[name] = np.concatenate([getattr(joined, kind)[name], values])
        again = go_on(network, pixels[:, cut:], timesteps - cut, first.memory)
        assert np.array_equal(again.values, second.values), "a memory can be used again"
    for name, values in whole.trace.potentials.items():
        assert np.array_equal(values, joined.potentials[name])
    for name, values in whole.counts.items():
        assert np.array_equal(values, counts[name])


def test_a_network_of_frames_from_data_to_accuracy() -> None:
    """Sequences as floats through the API: quantiser, run, windows, evaluation."""
    network = api.Network(networks.recurrent())
    x = EVENTS * (network.ir.input.lambda_0 / network.ir.input.levels)
    assert np.array_equal(network.pixels(x), EVENTS)
    result = network.run(x)
    reference = [WANTED["values"][i] for i in range(len(EVENTS))]
    assert result.values.tolist() == reference
    first = network.go_on(x[:, :7])
    assert first.timesteps == 7
    assert np.array_equal(network.go_on(x[:, 7:], memory=first.memory).values, result.values)
    (found,) = api.evaluate(network, x, np.array(WANTED["classes"]))
    assert (found.accuracy, found.timesteps, found.dynamics) == (1.0, 20, "step")
    (other,) = api.evaluate(network, x, 1 - np.minimum(WANTED["classes"], 1))
    assert other.accuracy != 1


def test_what_frames_cannot_be() -> None:
    network = api.Network(networks.recurrent())
    for x, message in (
        (np.zeros((2, 12)), r"sequences of shape \(12,\); the network reads \(frames, \*\(12,\)\)"),
        (np.zeros((2, 20, 11)), "sequences of shape"),
    ):
        with pytest.raises(DataError, match=message):
            network.run(x)
    with pytest.raises(DataError, match="sequences of 5 frames; T = 20"):
        network.run(np.zeros((2, 5, 12)), 20)
    with pytest.raises(NetworkError, match="use dynamics `step`"):
        network.run(np.zeros((2, 20, 12)), dynamics="count")
    with pytest.raises(NetworkError, match="the input of this network is an image"):
        api.Network(networks.every_kind()).go_on(np.zeros((1, 4, 4, 2)))
    with pytest.raises(NetworkError, match="integrate-and-fire neurons in both"):
        network.with_(thresholding=0.25)


def test_what_a_clamp_cuts_off_is_in_the_interval() -> None:
    """What a late reset takes off is there before the clamp brings it back: a device must hold it."""
    numbers = {"leak": np.array(2048), "decay": np.array(4096), "lowest": np.array(0), "amount": np.array(5000)}
    kind = ir.LeakyIntegrateAndFire(**numbers, reset="subtract_late")
    one = ir.Identity(name="a", source=ir.Source("input"), weights=np.array(7, np.int8))
    fires = networks.population("last", (1,), one, theta=20, kind=kind)
    network = networks.network(
        fires, shape=(1,), source={"encoding": "frames", "bits": 3}, dynamics="step", timesteps=9, readout="spikes"
    )
    assert network.intervals["step"]["last"][0] == 10 - 5000, "V = 20 fires, leaks, and loses the amount"
