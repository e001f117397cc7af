"""Digits trained in snnTorch by the script of docs/guide/nir.md: its counts and its accuracy, in float and in bits."""

from __future__ import annotations

import numpy as np

from snncc import sim
from snncc.nir import NirOptions, convert, settled, twin
from snncc.sim.encode import to_pixels
from tests.docs.pages import text
from tests.nir.golden import DATA, digits_events

GRAPH = DATA / "digits_snntorch.nir"
OPTIONS = NirOptions(nir_dialect="snntorch")


def test_the_twin_counts_as_snntorch_and_eight_bits_lose_less_than_half_a_point() -> None:
    x, y = digits_events()
    x, y = x[1300:], y[1300:]
    with np.load(DATA / "digits_counts.npz") as data:
        expected = data["counts"]
    real = twin.run(*settled(GRAPH, OPTIONS), x).output.sum(axis=0)
    assert (real != expected).mean() < 0.002  # snnTorch adds in float32, the twin in float64
    float_accuracy = (expected.argmax(axis=1) == y).mean()
    assert (real.argmax(axis=1) == y).mean() == float_accuracy
    assert f"in snnTorch is {100 * float_accuracy:.2f} % on {len(y)} samples" in text("docs/guide/nir.md")
    network = convert(GRAPH, x, OPTIONS)
    classes = sim.run(network, to_pixels(network.input, x), 20, "step").classes
    assert abs((classes == y).mean() - float_accuracy) <= 0.005
