"""Accuracy, spikes and synaptic operations against counting by hand, synapse by synapse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import snncc
from snncc import ir
from snncc.errors import DataError
from snncc.evaluation import labels
from snncc.ir import view_shape
from snncc.sim.linear import values_of
from tests import keras_models
from tests.conftest import Digits
from tests.synapses import synapses


def by_hand(network: ir.Network, counts: dict[str, np.ndarray]) -> tuple[float, float]:
    """(synaptic operations of spikes, multiplications of a current input) per image."""
    shapes = ir.population_shapes(network)
    images = len(next(iter(counts.values())))
    current = network.input.encoding == "current"
    spiking = {**counts, "input": counts["input"] * (0 if current else 1)}
    ones = {name: np.full_like(v[:1], current and name == "input") for name, v in counts.items()}
    operations = macs = 0
    for population in network.populations:
        for q in population.projections:
            shape = view_shape(q.source, shapes)
            fan = synapses(q, shape, population.shape)
            values, inputs = values_of(q.source, spiking).sum(axis=0), values_of(q.source, ones)[0]
            operations += sum(int(values[place]) * n for place, n in fan.items())
            macs += sum(int(inputs[place]) * n for place, n in fan.items())
    return operations / images, float(macs)


@pytest.mark.parametrize(
    "name",
    [
        "conv_same_stride", "conv_dilated_same", "depthwise_multiplier", "average_pool_overlapping_same",
        "max_pool_same_overlapping", "add_identity", "concatenate", "zero_padding", "signed_beside_population",
        "add_of_average_pools", "conv_signed_input",
    ],
)  # fmt: skip
def test_synaptic_operations_and_spikes(name: str) -> None:
    model, x = keras_models.build(name), keras_models.samples(name, 7)
    network = snncc.convert(model, x, signed_bit=3, timesteps=20)
    found = snncc.evaluate(network, x, None, [5, 20], "count")
    for one in found:
        result = network.run(x, timesteps=one.timesteps)
        assert (one.synaptic_operations_per_image, one.input_macs_per_image) == by_hand(network.ir, result.counts)
        current = network.ir.input.encoding == "current"
        spikes = {k: int(v.sum()) for k, v in result.counts.items() if not (current and k == "input")}
        spikes["total"] = sum(v for k, v in spikes.items() if k != "input")
        assert one.spikes_per_image == {name: n / 7 for name, n in spikes.items()}
        assert one.accuracy is None and one.images == 7
    assert (found[0].input_macs_per_image > 0) == (network.ir.input.encoding == "current")


def test_a_readout_that_fires_counts(digits: Digits) -> None:
    network = snncc.convert(digits.model, digits.x, readout="spikes", timesteps=8)
    (one,) = snncc.evaluate(network, digits.x, digits.y)
    result = network.run(digits.x)
    assert one.spikes_per_image["out"] == result.counts["out"].sum() / 30
    np.testing.assert_array_equal(result.values, result.counts["out"])


def test_accuracy_and_progress(digits: Digits) -> None:
    network = snncc.load(digits.folder)
    classes = network.run(digits.x, timesteps=4).classes
    seen: list[int] = []
    for y in (classes, classes[:, None], np.eye(4)[classes], classes.astype(float)):
        assert snncc.evaluate(network, digits.x, y, 4, progress=seen.append)[0].accuracy == 1.0
    wrong = (classes + (np.arange(30) < 6)) % 4
    assert snncc.evaluate(network, digits.x, wrong, 4)[0].accuracy == 0.8
    assert sum(seen) == 4 * 30
    with pytest.raises(DataError, match="no images"):
        snncc.evaluate(network, digits.x[:0], classes[:0])


@pytest.mark.parametrize(
    "y", [3, np.zeros(4), np.full(5, 0.5), np.full(5, np.nan), np.array(list("abcde")), np.zeros((5, 2, 2)),
          np.full((5, 3), "a"), np.zeros((4, 3))]
)  # fmt: skip
def test_labels_that_are_none(y: Any) -> None:
    with pytest.raises(DataError, match="label"):
        labels(np.asarray(y), 5, 4)


@pytest.mark.parametrize("outputs", [1, 4])
def test_labels_that_the_network_has_no_class_for(outputs: int) -> None:
    """Counted from 1, -1 for the other class, targets of a regression, one-hot of another number of classes."""
    last = max(2, outputs) - 1
    held = np.array([0, last, 1])
    assert labels(held, 3, outputs).tolist() == labels(np.eye(last + 1)[held], 3, outputs).tolist() == [0, last, 1]
    for wrong in (held + 1, held - 1, held + 200.5, np.eye(last + 2)[held], np.eye(last + 1)[held] * 3):
        with pytest.raises(
            DataError, match=rf"labels of shape .* from .* must be class numbers 0 to {last} .*images alone"
        ):
            labels(wrong, 3, outputs)
