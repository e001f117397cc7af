"""What the float twin's input hands on, by hand: both encodings, gain and offset, whole numbers, `fix`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from snncc import ir
from snncc.errors import DataError, NetworkError
from snncc.sim.twin import batches, input_counts
from tests.networks import network, population, unproved, weights


def fed(encoding: str = "rate", **source: Any) -> ir.Network:
    last = population("last", (2,), ir.Dense(name="a", source=ir.Source("input"), weights=weights(1, 2, 2)), theta=None)
    made = network(last, shape=(2,), source={"encoding": encoding, "bits": 2})
    return ir.replace(made, input=ir.replace(made.input, **source))


X = np.array([[0.0, 0.24], [0.26, 1.0], [-0.5, 1.5]])


@pytest.mark.parametrize(
    ("encoding", "source", "fix", "expected"),
    [
        ("rate", {}, 0, [[0, 0], [1, 4], [0, 4]]),
        ("rate", {"lambda_0": 2.0}, 0, [[0, 0], [0, 2], [0, 3]]),
        ("rate", {"gain": np.array(2.0), "offset": np.array(0.25)}, 0, [[1, 2], [3, 4], [0, 4]]),
        ("rate", {"gain": np.array([1.0, 0.5]), "offset": np.array([0.5, 0.0])}, 0, [[2, 0], [3, 2], [0, 3]]),
        ("rate", {"lambda_0": 2.0}, 10, [[0, 1.2], [1.3, 5], [-2.5, 7.5]]),
        ("current", {}, 0, [[0, 2.88], [3.12, 12], [-6, 18]]),
        ("current", {"lambda_0": 4.0, "offset": np.array(1.0)}, 0, [[3, 3.72], [3.78, 6], [1.5, 7.5]]),
        ("current", {"lambda_0": 2.0}, 10, [[0, 3.6], [3.9, 15], [-7.5, 22.5]]),
    ],
)
def test_counts_of_the_input(encoding: str, source: dict[str, Any], fix: float, expected: list[list[float]]) -> None:
    """T = 4, L = 3."""
    counts = input_counts(fed(encoding, **source), X, 4, fix)
    assert counts.dtype == np.float32 and np.allclose(counts, expected, rtol=1e-6, atol=0)
    single = input_counts(fed(encoding, **source), X.astype(np.float32), 4, fix)
    assert single.dtype == np.float32 and np.allclose(single, counts, rtol=1e-6, atol=0)


def test_whole_numbers_are_numbers() -> None:
    x = np.array([[0, 100], [255, 300]], np.uint16)
    assert input_counts(fed(lambda_0=255.0), x, 4).tolist() == [[0, 1], [4, 4]]
    assert input_counts(fed(lambda_0=255.0), x.astype(np.uint8), 40).tolist() == [[0, 15], [40, 6]]
    assert input_counts(fed(), np.array([[True, False]]), 4).tolist() == [[4, 0]]


@pytest.mark.parametrize("x", [np.zeros((1, 3)), np.zeros((2, 2), complex), np.array([["a", "b"]])])
def test_other_shapes_and_types_are_refused(x: np.ndarray) -> None:
    with pytest.raises(DataError, match="reads numbers of"):
        input_counts(fed(), x, 4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(DataError, match="NaN or infinity"):
        input_counts(fed(), np.array([[0.5, bad]]), 4)


def test_without_loss_nothing_is_rounded_and_nothing_starts() -> None:
    """x = 0.3, T = 4, L = 3: the input hands on 3.6; u = 0.5*3.6 + 0.1*4 = 2.2, and 2.95 with v0; theta = 1.5."""
    image = ir.Dense(name="a", source=ir.Source("input"), weights=np.array([[0.5]], np.float32))
    hidden = population("h", (1,), image, theta=1.5, bias=0.1, v0=0.75)
    readout = ir.Dense(name="b", source=ir.Source("h"), weights=np.array([[2.0]], np.float32))
    last = population("o", (1,), readout, theta=None, bias=-0.25, v0=0.0)
    source = {"bits": 2, "encoding": "current"}
    twin = unproved(hidden, last, name="twin", shape=(1,), source=source, timesteps=4, signed_bit=0)
    x = np.array([[0.3], [3.0], [0.0]])
    for noneloss, counts in ((False, [1, 4, 0]), (True, [2.2 / 1.5, 4, 0.4 / 1.5])):
        (found,) = batches(twin, x, 4, lambda outputs: outputs, noneloss=noneloss)
        assert np.allclose(found["h"][:, 0], counts, rtol=1e-6, atol=0)
        assert np.allclose(found["o"][:, 0], 2 * np.array(counts) - 1, rtol=1e-5, atol=1e-6)


def test_integers_have_no_twin() -> None:
    with pytest.raises(NetworkError, match="signed_bit=0"):
        next(batches(fed(), X, 4, lambda outputs: outputs))
