"""Parity with SpKeras itself: the table in tests/golden/spkeras/README.md, line by line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import snncc
from snncc.sim.run import classify
from snncc.spkeras import cnn_to_snn
from tests.spkeras_golden import Reference, accuracy, expected, logits, mnist, model

IMAGE = 1 / 300
CASES = [(32, 0.5), (64, 0.0)]
RUNS = [(t, thresholding) for t in (16, 32, 64, 256) for thresholding in (0.5, 0.0)]


@pytest.fixture(scope="module")
def seq() -> cnn_to_snn:
    return cnn_to_snn()(model("seq"), mnist()[0])


def integers(name: str) -> snncc.Network:
    return snncc.convert(model(name), mnist()[0], signed_bit=8, timesteps=256, calibrate="none")


@pytest.fixture(scope="module")
def networks() -> dict[str, snncc.Network]:
    return {name: integers(name) for name in ("residual", "readme_residual")}


def right(network: snncc.Network, timesteps: int) -> float:
    _, x, y = mnist()
    return float((network.run(x, timesteps, "count").classes == y).mean())


def agreement(network: snncc.Network, name: str) -> float:
    """Share of test images on which the top class is the float network's, at T=256."""
    return float((network.run(mnist()[1], 256, "count").classes == logits(name).argmax(axis=1)).mean())


def counts(network: snncc.Network, timesteps: int, images: int = 32) -> list[Any]:
    """Counts per spiking layer of the float twin on 8-bit pixels, through snncc's own API."""
    found = network.run(mnist()[1][:images], timesteps, "count").counts
    return [found[p.name] for p in network.ir.populations]


def check_counts(ours: Any, theirs: Any) -> None:
    difference = np.abs(ours - theirs.astype(np.int64))
    assert difference.max() <= 1
    assert (difference == 0).mean() >= 0.999


def test_lambdas(seq: cnn_to_snn) -> None:
    ours = [seq.network.ir.input.lambda_0, *(float(p.lambda_) for p in seq.network.ir.populations)]
    np.testing.assert_allclose(ours, expected("seq")["lambda"], rtol=1e-4)


@pytest.mark.parametrize(("timesteps", "thresholding"), CASES)
def test_counts(seq: cnn_to_snn, timesteps: int, thresholding: float) -> None:
    ours = counts(seq.network.with_(thresholding=thresholding), timesteps)
    assert len(ours) == 6
    for layer, values in enumerate(ours):
        check_counts(values, expected("seq")[f"counts_T{timesteps}_thresholding{thresholding}_layer{layer}"])


def test_counts_would_notice_a_wrong_threshold(seq: cnn_to_snn) -> None:
    ours = counts(seq.network.with_(scaling_factor=1.01), 32)
    with pytest.raises(AssertionError):
        for layer, values in enumerate(ours):
            check_counts(values, expected("seq")[f"counts_T32_thresholding0.5_layer{layer}"])


@pytest.mark.parametrize(("timesteps", "thresholding"), RUNS)
def test_accuracy(seq: cnn_to_snn, timesteps: int, thresholding: float) -> None:
    _, x, y = mnist()
    _, ours = seq.evaluate(x, np.eye(10)[y], timesteps=timesteps, thresholding=thresholding)
    theirs = float(expected("seq")[f"accuracy_T{timesteps}_thresholding{thresholding}"])
    assert abs(ours - theirs) <= IMAGE + 1e-6


def test_accuracy_without_loss(seq: cnn_to_snn) -> None:
    _, x, y = mnist()
    _, ours = seq.evaluate(x, y, timesteps=32, noneloss=True)
    assert abs(ours - float(expected("seq")["accuracy_T32_noneloss"])) <= IMAGE + 1e-6
    assert (seq.network.run(x, 32, noneloss=True).classes == logits("seq").argmax(axis=1)).mean() >= 0.99


def test_spike_counter(seq: cnn_to_snn) -> None:
    s_max, s = seq.SpikeCounter(mnist()[1], timesteps=32)
    assert s_max == expected("seq")["spike_counter_T32_max"].tolist()
    assert s == expected("seq")["spike_counter_T32_total"].tolist()


def test_spike_counter_histogram(seq: cnn_to_snn) -> None:
    s_max, s = seq.SpikeCounter(mnist()[1], timesteps=32, mode=1)
    assert s_max == expected("seq")["spike_counter_T32_max"].tolist()
    for layer, histogram in enumerate(s):
        theirs = expected("seq")[f"spike_counter_T32_mode1_layer{layer}"]
        assert len(histogram) == len(theirs)
        assert sum(histogram) == theirs.sum()
        assert np.abs(np.array(histogram) - theirs).sum() <= 0.001 * theirs.sum()


@pytest.mark.parametrize("mode", [0, 1])
def test_neuron_numbers(seq: cnn_to_snn, mode: int) -> None:
    shapes, neurons = seq.NeuronNumbers(mode=mode)
    assert neurons == expected("seq")[f"neuron_numbers_mode{mode}"].tolist()
    assert shapes == [(3, 3, 1, 8), (3, 3, 8, 16), (784, 32), (32, 10)]


@pytest.mark.parametrize("timesteps", [16, 32, 64])
def test_residual_is_not_below(networks: dict[str, snncc.Network], timesteps: int) -> None:
    theirs = float(expected("residual")[f"accuracy_T{timesteps}_thresholding0.5"])
    assert right(networks["residual"], timesteps) >= theirs - 1e-6


def test_residual_agrees_with_the_cnn(networks: dict[str, snncc.Network]) -> None:
    assert agreement(networks["residual"], "residual") >= 0.99


def test_readme_residual_is_mended(networks: dict[str, snncc.Network]) -> None:
    """SpKeras: 0.60 at every T; the CNN: 0.82."""
    cnn = float(expected("readme_residual")["cnn_accuracy"])
    assert agreement(networks["readme_residual"], "readme_residual") >= 0.95
    assert right(networks["readme_residual"], 256) >= cnn - 0.01


@pytest.mark.parametrize("name", ["seq", "residual", "readme_residual"])
def test_the_float_network_is_the_golden_one(name: str) -> None:
    """Keras 3 loads the Keras 2 files to the same network."""
    found = (logits(name).argmax(axis=1) == mnist()[2]).mean()
    assert abs(found - float(expected(name)["cnn_accuracy"])) <= 1e-6


@pytest.mark.parametrize(("timesteps", "thresholding"), CASES)
def test_the_reference_is_spkeras(timesteps: int, thresholding: float) -> None:
    """What other tests compare with reproduces the golden counts itself."""
    reference = Reference(model("seq"), mnist()[0])
    np.testing.assert_allclose(reference.lambdas, expected("seq")["lambda"], rtol=1e-6)
    for layer, values in enumerate(reference.counts(mnist()[1][:32], timesteps, thresholding)):
        check_counts(values, expected("seq")[f"counts_T{timesteps}_thresholding{thresholding}_layer{layer}"])
    found = accuracy(reference.counts(mnist()[1], timesteps, thresholding)[-1])
    assert abs(found - float(expected("seq")[f"accuracy_T{timesteps}_thresholding{thresholding}"])) <= IMAGE


def test_classes_are_the_top_counts(seq: cnn_to_snn) -> None:
    result = seq.network.run(mnist()[1][:32], 32)
    np.testing.assert_array_equal(result.classes, classify(result.values))
