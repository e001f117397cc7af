"""Proved intervals: equal to the contract's formula, and never left by any run in any order of addition."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snncc import ir
from snncc.errors import NetworkError
from tests import reference, strategies
from tests.networks import population, unproved
from tests.support import examples


@examples(150)
@given(st.one_of(strategies.networks(), strategies.networks(dynamics="count")))
def test_prove_equals_the_formula(network: ir.Network) -> None:
    proved = ir.prove(network)
    for dynamics, expected in reference.intervals(network).items():
        assert proved[dynamics] == expected


@examples(150)
@given(strategies.timed_cases())
def test_prove_equals_the_formula_of_neurons_that_forget(case: strategies.Case) -> None:
    assert ir.prove(case.network) == reference.intervals(case.network)


@examples(60)
@given(strategies.networks(), st.integers(1, 40))
def test_blocks_and_types_do_not_change_the_proof(network: ir.Network, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("snncc.ir.intervals.BLOCK", block)
        assert ir.prove(network) == network.intervals


def partial_sums(case: strategies.Case, dynamics: str, shuffle: random.Random) -> dict[str, tuple[int, int]]:
    """The extremes that each population's potential takes, every single addition counted, in random orders."""
    network, pixels, timesteps = case
    wired = reference.wire(network)
    seen = dict.fromkeys(wired, (0, 0))

    def accumulate(name: str, start: int, terms: list[int]) -> int:
        shuffle.shuffle(terms)
        low, high = seen[name]
        low, high = min(low, start), max(high, start)
        for term in terms:
            start += term
            low, high = min(low, start), max(high, start)
        seen[name] = (low, high)
        return start

    for image in pixels:
        if dynamics == "count":
            result = reference.count(network, image, timesteps)
            for name, neurons in wired.items():
                for i, n in enumerate(neurons):
                    terms = [weight * reference.read(element, result.n) for element, weight in n.inputs]
                    reached = accumulate(name, 0, [*terms, n.bias * timesteps, n.v0])
                    assert reached == result.u[name][i]
            continue
        stepped = reference.step(network, image, timesteps)
        trains = {name: train for name, train in stepped.spikes.items() if train}
        if network.input.encoding == "current":
            held = [int(p) for p in image.reshape(-1)]
            trains["input"] = [held] * timesteps + [[0] * len(held)] * network.spike_ext
        sent = [
            {n: [sum(s) for s in zip(*train[:t], strict=True)] or [0] * len(train[0]) for n, train in trains.items()}
            for t in range(timesteps + network.spike_ext + 1)
        ]
        for name, neurons in wired.items():
            for i, n in enumerate(neurons):
                v = n.v0
                half = 0 if n.shift is None else 2**n.shift // 2
                for t, spikes in enumerate(stepped.spikes[name]):
                    running = t < timesteps
                    terms = [
                        weight * (reference.read(e, sent[t + 1]) - reference.read(e, sent[t])) for e, weight in n.inputs
                    ]
                    v = 0 if n.shift is not None else v
                    v = accumulate(name, v, [*terms, n.bias if running else 0, half]) - half
                    v -= (n.theta or 0) * spikes[i]
                    assert v == stepped.potentials[name][t][i]
    return seen


def outside(network: ir.Network, dynamics: str, seen: dict[str, tuple[int, int]]) -> list[str]:
    """Populations whose potential left its interval."""
    proved = network.intervals[dynamics]
    return [name for name, (low, high) in seen.items() if low < proved[name][0] or high > proved[name][1]]


@examples(150)
@given(strategies.cases(dynamics="count"), st.randoms(use_true_random=False))
def test_no_count_leaves_its_interval(case: strategies.Case, shuffle: random.Random) -> None:
    assert not outside(case.network, "count", partial_sums(case, "count", shuffle))


SHORT = st.one_of(st.integers(1, 6), st.integers(1, 40))


@examples(100)
@given(
    strategies.cases(dynamics="step", timesteps=SHORT, max_neurons=60, images=st.just(1)),
    st.randoms(use_true_random=False),
)
def test_no_step_leaves_its_interval(case: strategies.Case, shuffle: random.Random) -> None:
    assert not outside(case.network, "step", partial_sums(case, "step", shuffle))


def single(weights: list[int], **changes: Any) -> ir.Network:
    """Current input of +-127 -> one neuron of threshold 10 -> itself read out once; 5 timesteps, 2 more."""
    column = np.array(weights, np.int8)[:, None]
    first = ir.Dense(name="a", source=ir.Source("input"), weights=column, shift=1)
    second = ir.Dense(name="b", source=ir.Source("hidden"), weights=np.array([[2]], np.int8))
    hidden = ir.replace(population("hidden", (1,), first, theta=10, bias=-3, v0=4), **changes)
    source = {"signed": True, "encoding": "current"}
    last = population("last", (1,), second, theta=None)
    return unproved(hidden, last, name="single", shape=(len(weights),), source=source, timesteps=5, spike_ext=2)


def test_an_interval_by_hand() -> None:
    """count: 4 + 5*127*(1+2)*2 = 3814, -3*5 - 3810 = -3825. step: up = 762; max(4, 9) + 6*752 + 762 = 5283."""
    proved = ir.prove(single([1, -2]))
    assert proved["count"] == {"hidden": (-3825, 3814), "last": (0, 14)}
    assert proved["step"] == {"hidden": (-7 * 765, 5283), "last": (0, 14)}


def test_the_interval_is_reached() -> None:
    """The bound of `count` is the largest u itself, so one less would be left: the check above can fail."""
    network = strategies.proved(single([1, -2], bias=np.array(3, np.int64)))
    case = strategies.Case(network, np.array([[127, -127]]), 5)
    seen = partial_sums(case, "count", random.Random(0))
    assert seen["hidden"][1] == network.intervals["count"]["hidden"][1]
    for dynamics in ("count", "step"):
        seen = partial_sums(case, dynamics, random.Random(0))
        assert not outside(network, dynamics, seen)
        tight = {name: (low, high - 1) for name, (low, high) in seen.items()}
        assert outside(ir.replace(network, intervals={dynamics: tight}), dynamics, seen) == ["hidden", "last"]


@pytest.mark.parametrize(("shift", "fits"), [(52, True), (53, False)])
def test_more_than_63_bits_are_refused_by_name(shift: int, fits: bool) -> None:
    """|u| <= 127 * 2^shift * 5 + 15: 2^62 is passed between 52 and 53 (127 * 5 = 635 is just over 2^9)."""
    network = single([1])
    projection = ir.replace(network.populations[0].projections[0], shift=shift)
    population = ir.replace(network.populations[0], projections=(projection,))
    network = ir.replace(network, populations=(population, network.populations[1]), spike_ext=0)
    if fits:
        assert max(-low for low, _ in reference.intervals(network)["count"].values()) < 2**62
        ir.prove(network)
    else:
        with pytest.raises(NetworkError, match="hidden"):
            ir.prove(network)


@given(st.integers(-(2**70), 0), st.integers(0, 2**70))
def test_bits_needed_is_the_smallest_signed_width(low: int, high: int) -> None:
    """At least 2: one bit would be a sign without a value."""
    bits = ir.bits_needed((low, high))
    assert -(2 ** (bits - 1)) <= low
    assert high <= 2 ** (bits - 1) - 1
    assert bits == 2 or not (-(2 ** (bits - 2)) <= low and high <= 2 ** (bits - 2) - 1)
