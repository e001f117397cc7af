"""Calibrated weights: what the regression reads is what the operators multiply, and rounding stays in its limits."""

from __future__ import annotations

import numpy as np
import pytest

from snncc.ir import Conv2D, Dense, DepthwiseConv2D, Identity, Source
from snncc.lower.projections import ScaledProjection
from snncc.lower.tune.rounding import Ridge, clipped_scale, grouped, patches, product, round_weights, ungrouped
from snncc.sim.linear import operator

RNG = np.random.default_rng(0)
MAP, VECTOR = (7, 6, 3), (11,)
PROJECTIONS: list[tuple[ScaledProjection, tuple[int, ...]]] = [
    (
        ScaledProjection(
            Conv2D, name="a", source=Source("x"), weights=RNG.normal(size=(3, 2, 3, 4)), pads=(1, 0, 0, 1)
        ),
        MAP,
    ),
    (
        ScaledProjection(
            Conv2D, name="b", source=Source("x"), weights=RNG.normal(size=(2, 3, 3, 2)), strides=(2, 1), dilation=(2, 1)
        ),
        MAP,
    ),
    (
        ScaledProjection(
            DepthwiseConv2D, name="c", source=Source("x"), weights=RNG.normal(size=(3, 3, 3, 2)), strides=(2, 2)
        ),
        MAP,
    ),
    (ScaledProjection(Identity, name="d", source=Source("x"), weights=RNG.normal(size=3)), MAP),
    (ScaledProjection(Identity, name="e", source=Source("x"), weights=RNG.normal(size=11)), VECTOR),
    (ScaledProjection(Dense, name="f", source=Source("x"), weights=RNG.normal(size=(11, 5))), VECTOR),
]


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize(("projection", "shape"), PROJECTIONS, ids=lambda v: getattr(v, "name", None))
def test_patches_times_weights_are_the_operator(
    projection: ScaledProjection, shape: tuple[int, ...], timed: bool
) -> None:
    view = RNG.normal(size=(2, 5, *shape))
    out = np.stack([operator(projection.projection(projection.weights), shape, np.float64)(v) for v in view])
    image = np.array([4, 0, 2, 2])
    row, column = (np.array([0, 2, 1, 0]), np.array([1, 0, 1, 0])) if len(shape) == 3 else (image * 0, image * 0)
    x = patches(projection, view if timed else view[0], image, row, column)
    found = product(x, grouped(projection, projection.weights))
    wanted = out[:, image, row, column] if len(shape) == 3 else out[:, image]
    np.testing.assert_allclose(found, wanted if timed else wanted[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(ungrouped(projection, grouped(projection, projection.weights)), projection.weights)


def test_the_ridge_finds_a_linear_map_and_shrinks_where_there_is_only_noise() -> None:
    x = RNG.normal(size=(2, 4000, 6))
    truth = RNG.normal(size=(2, 6, 3))
    found = Ridge(x).fit(product(x, truth) + 5)  # the mean belongs to the bias
    np.testing.assert_allclose(found, truth, atol=0.02)
    few = RNG.normal(size=(1, 40, 30))
    noise = RNG.normal(size=(40, 4))
    assert np.abs(Ridge(few).fit(noise)).max() < 0.25
    assert np.abs(np.linalg.lstsq(few[0], noise, rcond=None)[0]).max() > 0.5


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_compensated_rounding_beats_nearest_on_what_reaches_the_neuron(limit: int) -> None:
    mixing = RNG.normal(size=(20, 20)) * np.exp(-0.2 * np.arange(20))
    x = (RNG.random((500, 20)) @ mixing)[None]
    weights = RNG.normal(size=(1, 20, 8))
    scale = np.full((1, 1, 8), limit / np.abs(weights).max())
    rounded = round_weights(weights, scale, Ridge(x).h, limit)
    assert np.abs(rounded).max() <= limit
    np.testing.assert_array_equal(rounded, np.rint(rounded))
    nearest = np.clip(np.rint(weights * scale), -limit, limit)
    centred = x[0] - x[0].mean(axis=0)
    errors = [np.square(centred @ (w / scale - weights)[0]).mean() for w in (rounded, nearest)]
    assert errors[0] < 0.8 * errors[1]
    np.testing.assert_array_equal(round_weights(weights, scale, Ridge(x).h, limit), rounded)


def test_inputs_that_never_fire_are_rounded_to_nearest() -> None:
    weights = RNG.normal(size=(1, 5, 3))
    scale = np.full((1, 1, 3), 3.0)
    found = round_weights(weights, scale, np.zeros((1, 5, 5)), 7)
    np.testing.assert_array_equal(found, np.clip(np.rint(weights * scale), -7, 7))


def test_an_outlier_is_clipped_at_few_bits_and_not_at_many() -> None:
    weights = RNG.normal(size=(1, 200, 2))
    weights[0, 0] = 6.0
    diagonal = [np.ones((1, 200))]
    for limit, clips in ((1, True), (3, True), (32767, False)):
        factor = clipped_scale([weights], np.full(2, limit / 6.0), [0], diagonal, limit)
        assert (factor > 1).all() == clips
        assert (factor >= 1).all()
