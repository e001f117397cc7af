"""The simulator against the plain-Python reference: every integer of every timestep, for random networks.

`differences` is the one comparison; the mutation controls at the end show that each of its parts can fail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from snncc import ir, sim
from snncc.sim.linear import values_of
from tests import networks, strategies
from tests.sim.parity import differences, expected, simulated
from tests.support import examples

LONG = st.one_of(strategies.TIMESTEPS, st.integers(301, 65_000), st.just(65_528))


def check(case: strategies.Case, dynamics: str) -> None:
    found = differences(expected(*case, dynamics), simulated(*case, dynamics))
    assert not found, found


@examples(120)
@given(strategies.cases(dynamics="count", timesteps=LONG))
def test_count_equals_the_reference(case: strategies.Case) -> None:
    check(case, "count")


@examples(80)
@given(strategies.cases(dynamics="step"))
def test_step_equals_the_reference(case: strategies.Case) -> None:
    check(case, "step")


@examples(60)
@given(strategies.cases(dynamics="count", max_pool=True, timesteps=LONG))
def test_max_pool_equals_the_reference(case: strategies.Case) -> None:
    check(case, "count")


@examples(60)
@given(strategies.cases(dynamics="step", max_pool=True))
def test_max_pool_in_step_equals_the_reference(case: strategies.Case) -> None:
    check(case, "step")


def test_a_maximum_over_a_current_and_spikes_equals_the_reference() -> None:
    network = networks.max_pooled(dynamics="step", source=networks.SIGNED)
    assert "max_pool of the input and values in step" in ir.features(network)
    pixels = np.random.default_rng(8).integers(-15, 16, (2, *network.input.shape))
    assert not differences(expected(network, pixels, 9, "step"), simulated(network, pixels, 9, "step"))


def test_a_maximum_of_each_timestep_alone_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pixels of one window fire in turn: 2 of 4 timesteps each, so the maximum of the counts is 2, not 4."""
    pool = ir.MaxPool(ir.Source("input"), (1, 2), (1, 2))
    projection = ir.Identity(name="a", source=pool, weights=np.array(1, np.int8))
    last = ir.Population(
        name="last", shape=(1, 1, 1), projections=(projection,), theta=np.array(1), bias=np.array(0), v0=np.array(0),
        lambda_=np.ones(()),
    )  # fmt: skip
    source = ir.Input(
        shape=(1, 2, 1), bits=2, signed=False, encoding="rate", lambda_0=1.0, gain=np.ones(()), offset=np.zeros(())
    )
    network = networks.proved(
        ir.Network(name="n", input=source, populations=(last,), timesteps=3, signed_bit=4, dynamics="step",
                   readout="spikes", output_shape=(1, 1, 1))
    )  # fmt: skip
    pixels = np.array([[[[1], [2]]]])
    found = sim.run(network, pixels, 3, "step", trace=True)
    assert found.trace is not None and found.values.tolist() == [[[[2]]]] == sim.run(network, pixels, 3).values.tolist()
    assert found.trace.spikes["input"][:, 0, 0, :, 0].tolist() == [[0, 0], [0, 1], [1, 1]]
    assert not differences(expected(network, pixels, 3, "step"), simulated(network, pixels, 3, "step"))
    alone = lambda view, trains, dtype: np.stack(  # noqa: E731
        [values_of(view, {name: train[t] for name, train in trains.items()}) for t in range(len(trains["input"]))]
    ).astype(dtype)
    monkeypatch.setattr("snncc.sim.step.growth", alone)
    pixels = np.array([[[[3], [1]]]])
    assert not differences(expected(network, pixels, 3, "step"), simulated(network, pixels, 3, "step"))
    wide = ir.replace(network, input=ir.replace(source, bits=3), intervals={})
    wide = networks.proved(ir.replace(wide, timesteps=7))
    pixels = np.array([[[[2], [5]]]])
    assert differences(expected(wide, pixels, 7, "step"), simulated(wide, pixels, 7, "step"))


@examples(40)
@given(strategies.cases(dynamics="count", signed_bits=st.just(16), input_bits=st.just(16), timesteps=st.just(65_000)))
def test_wide_sums_equal_the_reference(case: strategies.Case) -> None:
    """Drives beyond what float32, and at times float64, hold exactly."""
    check(case, "count")


@examples(60)
@given(
    strategies.cases(
        dynamics="step",
        readout="potential",
        signed_bits=st.just(16),
        input_bits=st.integers(12, 16),
        timesteps=st.integers(200, 600),
        max_populations=2,
        max_neurons=40,
        images=st.just(1),
    )
)
def test_wide_readouts_equal_the_reference(case: strategies.Case) -> None:
    """Readouts whose summed counts times weights leave float32, though a single timestep would not."""
    check(case, "step")


@examples(30)
@given(strategies.cases(images=st.just(1)), st.integers(0, 2**16))
def test_an_image_does_not_feel_its_batch(case: strategies.Case, seed: int) -> None:
    network, _, timesteps = case
    low = -network.input.levels if network.input.signed else 0
    random = np.random.default_rng(seed)
    pixels = random.integers(low, network.input.levels, (37, *network.input.shape), dtype=np.int64, endpoint=True)
    for dynamics in ("count", "step"):
        whole = sim.run(network, pixels, timesteps, dynamics)
        alone = [sim.run(network, pixels[i : i + 1], timesteps, dynamics) for i in (0, 17, 36)]
        assert [whole.classes[i] for i in (0, 17, 36)] == [one.classes[0] for one in alone]
        assert np.array_equal(whole.values[[0, 17, 36]], np.concatenate([one.values for one in alone]))


@examples(60)
@given(strategies.cases(dynamics="step", images=st.just(1)))
def test_spikes_stay_within_the_window(case: strategies.Case) -> None:
    """Binary spikes summed over `step` never exceed the clip of `count`, T + e."""
    network, pixels, timesteps = case
    result = sim.run(network, pixels, timesteps, "step", trace=True)
    assert result.trace is not None
    relays = {p.name for p in network.populations if p.relay}
    for name, train in ((n, train) for n, train in result.trace.spikes.items() if n not in relays):
        assert set(np.unique(train).tolist()) <= {0, 1}
        assert int(train.sum(axis=0, dtype=np.int64).max()) <= timesteps + network.spike_ext
        assert np.array_equal(train.sum(axis=0, dtype=np.int64), result.counts[name])


@examples(80)
@given(strategies.cases(encoding="current", dynamics="step"))
def test_first_potential_is_conserved(case: strategies.Case) -> None:
    """A population that reads only a constant current: V_T + theta * spikes in `step` is u in `count`."""
    network, pixels, timesteps = case
    stepped = sim.run(network, pixels, timesteps, "step", trace=True)
    counted = sim.run(network, pixels, timesteps, "count", trace=True)
    assert stepped.trace is not None
    assert counted.trace is not None
    checked = 0
    for population in network.populations:
        if population.relay or {n for q in population.projections for n in ir.sources(q.source)} != {"input"}:
            continue
        total = stepped.values
        if population.theta is not None:
            last = stepped.trace.potentials[population.name][-1]
            total = last + population.theta * stepped.counts[population.name]
        assert np.array_equal(total, counted.trace.potentials[population.name])
        checked += 1
    assert checked or any(p.relay for p in network.populations)


def readout_only(encoding: str, weights: np.ndarray, bits: int, timesteps: int) -> ir.Network:
    """Two pixels straight into a potential readout of one neuron."""
    dense = ir.Dense(name="out_0", source=ir.Source("input"), weights=weights)
    return networks.network(
        networks.population("out", (1,), dense, theta=None), name="readout_only", shape=(2,),
        source={"bits": bits, "encoding": encoding}, timesteps=timesteps, signed_bit=16,
    )  # fmt: skip


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_a_readout_of_summed_counts_is_exact(dynamics: str) -> None:
    """In `step` too the readout multiplies sums over all timesteps, so its type must hold them: odd values over 2^24.

    currents: (55746 + 41743) * 173 = 16865597 > 2^24; spikes: 599 * 32767 + 599 // 3.
    """
    current = readout_only("current", np.array([[1], [1]], np.int16), 16, 173)
    assert sim.run(current, np.array([[55746, 41743]]), 173, dynamics).values.tolist() == [[16865597]]
    rate = readout_only("rate", np.array([[32767], [1]], np.int16), 2, 600)
    assert sim.run(rate, np.array([[3, 3]]), 600, dynamics).values.tolist() == [[600 * 32768]]
    assert sim.run(rate, np.array([[3, 1]]), 599, dynamics).values.tolist() == [[599 * 32767 + 199]]


# The controls: the same comparison, with the simulator given a network that differs in one place.

Change = Callable[[ir.Population], ir.Population]


def _weight_bit(population: ir.Population) -> ir.Population:
    projection = population.projections[0]
    weights = projection.weights.copy()
    weights.flat[0] ^= 1
    return ir.replace(population, projections=(ir.replace(projection, weights=weights), *population.projections[1:]))


def _shift(population: ir.Population) -> ir.Population:
    projection = ir.replace(population.projections[0], shift=population.projections[0].shift + 1)
    return ir.replace(population, projections=(projection, *population.projections[1:]))


MUTATIONS: dict[str, Change] = {
    "weight bit": _weight_bit,
    "shift": _shift,
    "theta + 1": lambda p: ir.replace(p, theta=p.theta + 1),
    "bias dropped": lambda p: ir.replace(p, bias=p.bias * 0),
    "v0 + 1": lambda p: ir.replace(p, v0=p.v0 + 1),
    "second projection dropped": lambda p: ir.replace(p, projections=p.projections[:1]),
}


def control(readout: str) -> strategies.Case:
    """A small network in which every parameter of its first population matters."""
    pixels = np.arange(1, 10, dtype=np.int64).reshape(1, 3, 3, 1) % 7
    image, flat = ir.Source("input"), ir.Reshape(ir.Source("hidden"), (8,))
    hidden = networks.population(
        "hidden", (2, 2, 2),
        ir.Conv2D(name="a", source=image, weights=(np.arange(8) - 3).reshape(2, 2, 1, 2).astype(np.int8)),
        ir.Conv2D(name="b", source=image, weights=np.full((2, 2, 1, 2), 1, np.int8)),
        theta=[4, 9], bias=[1, -1], v0=[3, 8],
    )  # fmt: skip
    dense = ir.Dense(name="c", source=flat, weights=((np.arange(24) * 5) % 7 - 3).reshape(8, 3).astype(np.int8))
    spiking = {"theta": 3, "v0": 1} if readout == "spikes" else {"theta": None}
    last = networks.population("last", (3,), dense, bias=[0, 1, 0], **spiking)
    made = networks.network(
        hidden, last, name="control", shape=(3, 3, 1), source={"bits": 3}, timesteps=20, readout=readout
    )
    return strategies.Case(made, pixels, 20)


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("readout", ["potential", "spikes"])
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_control_every_mutation_is_seen(mutation: str, readout: str, dynamics: str) -> None:
    network, pixels, timesteps = control(readout)
    truth = expected(network, pixels, timesteps, dynamics)
    assert not differences(truth, simulated(network, pixels, timesteps, dynamics))
    changed = (MUTATIONS[mutation](network.populations[0]), *network.populations[1:])
    mutant = networks.proved(ir.replace(network, populations=changed, intervals={}))
    found = differences(truth, simulated(mutant, pixels, timesteps, dynamics))
    assert {"counts hidden", "potentials hidden"} & set(found)


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_control_every_comparison_can_fail(dynamics: str) -> None:
    """Changing one integer of the simulator's answer, wherever it is, is a difference of exactly that name."""
    network, pixels, timesteps = control("potential")
    truth = expected(network, pixels, timesteps, dynamics)
    common = {"classes", "values", "counts input", "counts hidden", "potentials hidden"}
    answer = simulated(network, pixels, timesteps, dynamics)
    more = {"potentials last"} if dynamics == "count" else {"spikes input", "spikes hidden"}
    assert answer.keys() == common | more
    for name in answer:
        touched = answer | {name: _nudge(answer[name])}
        assert differences(truth, touched) == [name]
        assert differences(truth, {k: v for k, v in answer.items() if k != name}) == [name]


def _nudge(value: Any) -> Any:
    """The same nested list with its last integer one higher."""
    return value + 1 if isinstance(value, int) else [*value[:-1], _nudge(value[-1])]


@examples(60)
@given(st.data())
def test_control_random_mutations_are_seen(data: st.DataObject) -> None:
    """theta + 1 or v0 + 1 in a random network: the comparison sees whatever the reference says changed."""
    network, pixels, timesteps = data.draw(strategies.cases(dynamics="step", images=st.just(1)))
    index = data.draw(st.integers(0, len(network.populations) - 1))
    name = data.draw(st.sampled_from(["theta + 1", "v0 + 1", "bias dropped", "shift"]))
    population = network.populations[index]
    assume(population.theta is not None or name in ("bias dropped", "shift"))
    changed = (*network.populations[:index], MUTATIONS[name](population), *network.populations[index + 1 :])
    mutant = networks.proved(ir.replace(network, populations=changed, intervals={}))
    truth, other = (expected(n, pixels, timesteps, "step") for n in (network, mutant))
    assert differences(truth, simulated(mutant, pixels, timesteps, "step")) == differences(truth, other)
