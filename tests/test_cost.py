"""Spikes and synaptic operations per image against the reference, which counts tap by tap in plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from snncc import ir
from snncc.evaluation import evaluate
from tests import networks, reference, strategies
from tests.support import examples

BATCHES = st.sampled_from([1, 2, 4])
"""Powers of two, so that averages over images are exact."""


def mixes(network: ir.Network) -> bool:
    """A max-pool window over both a current and spikes: one tap of two kinds, of which the contract says nothing."""
    return network.input.encoding == "current" and any(
        len({place[0] == "input" for place in element if place is not None}) > 1
        for neurons in reference.wire(network).values()
        for neuron in neurons
        for element, _ in neuron.inputs
    )


def check(case: strategies.Case, dynamics: str) -> None:
    network, pixels, timesteps = case
    (found,) = evaluate(network, pixels, None, [timesteps], dynamics)
    images = len(pixels)
    spikes = dict.fromkeys(found.spikes_per_image, 0)
    operations = macs = relayed = 0
    for image in pixels:
        if dynamics == "count":
            counts = reference.count(network, image, timesteps).n
        else:
            stepped = reference.step(network, image, timesteps)
            counts = reference.spike_counts(stepped)
            for name, train in ((name, train) for name, train in stepped.spikes.items() if train):
                counts[f"{name} late"] = [sum(s) for s in zip(*train[:-1], strict=True)] or [0] * len(train[0])
        counts["input"] = counts.get("input") or [0] * image.size
        done, macs, relayed = reference.synaptic_operations(network, counts)
        operations += done
        for population in network.populations:
            if population.fires:
                spikes[population.name] += sum(counts[population.name])
                spikes["total"] += sum(counts[population.name])
        if network.input.encoding == "rate":
            spikes["input"] += sum(counts["input"])
    assert found.spikes_per_image == {name: total / images for name, total in spikes.items()}
    assert found.synaptic_operations_per_image == operations / images
    assert found.input_macs_per_image == macs * (timesteps if network.input.encoding == "frames" else 1)
    assert 0 <= found.neurobench["ActivationSparsity"] <= 1
    assert found.relay_macs_per_image == relayed * (1 if dynamics == "count" else timesteps + network.spike_ext)


@examples(100)
@given(strategies.cases(dynamics="count", spike_ext=st.integers(0, 3), images=BATCHES))
def test_count(case: strategies.Case) -> None:
    assume(not mixes(case.network))
    check(case, "count")


@examples(60)
@given(strategies.cases(dynamics="step", timesteps=st.integers(1, 30), images=BATCHES))
def test_step(case: strategies.Case) -> None:
    check(case, "step")


@examples(60)
@given(strategies.timed_cases(images=BATCHES))
def test_timed(case: strategies.Case) -> None:
    check(case, "step")


def test_by_hand() -> None:
    """3x3 kernel, `same`, on 2x2 pixels: each pixel reaches 4 outputs, but for the one that the zero weight misses."""
    weights = np.ones((3, 3, 1, 1), np.int8)
    weights[0, 0] = 0
    conv = ir.Conv2D(name="out_0", source=ir.Source("input"), weights=weights, pads=(1, 1, 1, 1))
    readout = networks.population("out", (2, 2, 1), conv, theta=None)
    for encoding, operations, macs in (("rate", 5 * 15, 0), ("current", 0, 15)):
        made = networks.network(readout, shape=(2, 2, 1), source={"bits": 2, "encoding": encoding}, timesteps=5)
        (found,) = evaluate(made, np.full((1, 2, 2, 1), 3), None, [5], "count")
        assert found.synaptic_operations_per_image == operations
        assert found.input_macs_per_image == macs
