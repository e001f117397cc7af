"""The host's quantiser: shapes that it takes and refuses, clipping, negatives that are counted."""

from __future__ import annotations

import numpy as np
import pytest

from snncc import ir
from snncc.errors import DataError, SnnccWarning
from snncc.sim.encode import Outside, quantised, to_pixels


def source(shape: tuple[int, ...], **changes: object) -> ir.Input:
    fields = {"bits": 2, "signed": False, "encoding": "current", "lambda_0": 1.0} | changes
    return ir.Input(shape=shape, gain=np.ones(()), offset=np.zeros(()), **fields)  # type: ignore[arg-type]


def test_maps_are_flattened_for_a_vector() -> None:
    x = np.arange(8).reshape(2, 2, 2) / 3
    assert to_pixels(source((4,)), x).tolist() == [[0, 1, 2, 3], [3, 3, 3, 3]]
    assert to_pixels(source((2, 2, 1)), x[..., None]).reshape(2, 4).tolist() == [[0, 1, 2, 3], [3, 3, 3, 3]]


def test_steps_are_a_map_of_one_row() -> None:
    x = np.arange(12).reshape(2, 3, 2) / 3
    assert to_pixels(source((1, 3, 2)), x).tolist() == [[[[0, 1], [2, 3], [3, 3]]], [[[3, 3]] * 3]]


@pytest.mark.parametrize(
    ("shape", "given"),
    [
        ((1, 3, 2), (2, 2, 3)),
        ((1, 3, 2), (2, 6)),
        ((2, 3, 2), (2, 3, 2)),
        ((1,), (3,)),
        ((4,), (3, 2)),
        ((4,), (4,)),
        ((2, 2, 1), (3, 4)),
        ((2, 2, 1), (3, 2, 2)),
        ((1,), (3, 2, 1)),
    ],
)
def test_other_shapes_are_refused(shape: tuple[int, ...], given: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"images of shape .*; the network reads"):
        to_pixels(source(shape), np.zeros(given))


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(DataError, match="must be numbers, not complex"):
        to_pixels(source((2,)), np.zeros((1, 2), complex))
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(DataError, match="NaN or infinity"):
            to_pixels(source((2,)), np.array([[0.5, bad]]))


def test_negatives_of_an_unsigned_input_are_counted() -> None:
    x = np.array([[-0.1, -0.2], [-1.9, 0.4], [0.5, 1.9]])  # -0.1 rounds to 0
    with pytest.warns(SnnccWarning, match="2 of 6 input values are negative"):
        assert to_pixels(source((2,)), x).tolist() == [[0, 0], [0, 1], [2, 3]]
    assert to_pixels(source((2,), signed=True), x).tolist() == [[0, 0], [-1, 0], [0, 1]]


def test_values_far_outside_are_counted() -> None:
    """Beyond four times the range, on either side of a signed input."""
    x = np.array([[-9.0, 4.0], [-4.0, 4.6], [0.5, 1e30]])
    with pytest.warns(SnnccWarning, match="^3 of 6 .* over 4 times as large .*clipped to 1: are they scaled"):
        assert to_pixels(source((2,), signed=True), x).tolist() == [[-1, 1], [-1, 1], [0, 1]]
    assert quantised(source((2,)), x)[1] == Outside(negative=2, far=2, largest=3)
