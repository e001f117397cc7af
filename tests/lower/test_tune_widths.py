"""Calibration within the widths of `none`: counted here from the proof of the finished networks."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snncc
from snncc import ir, sim
from snncc.errors import CalibrationError, UnsupportedLayerError
from snncc.frontend.keras import from_keras
from snncc.ir import Window
from snncc.lower import Options, calibrated, tune
from snncc.lower.tune import EFFORTS
from snncc.lower.tune.descent import within
from snncc.lower.tune.effort import Effort
from snncc.lower.tune.firing import Choice, Sample, error, search
from snncc.lower.tune.widths import narrowed, rooms
from tests.keras_models import keras, randomised
from tests.lower.random_graphs import SHAPE, tensors
from tests.networks import population, unproved, with_intervals
from tests.support import examples

L = keras.layers
DYNAMICS: tuple[ir.Dynamics, ...] = ("count", "step")


def width(network: ir.Network, population: ir.Population, dynamics: ir.Dynamics) -> int:
    """Bits of two's complement for every value of the potential, proved anew, and for the threshold."""
    low, high = ir.prove(network)[dynamics][population.name]
    top = 0 if population.theta is None else int(population.theta.max())
    return next(bits for bits in range(1, 99) if -(2 ** (bits - 1)) <= low and max(high, top) < 2 ** (bits - 1))


def wider(network: ir.Network, plain: ir.Network) -> int:
    """By how many bits the widest population of `network` passes the same one of `plain`."""
    return max(
        width(network, one, dynamics) - width(plain, other, dynamics)
        for one, other in zip(network.populations, plain.populations, strict=True)
        for dynamics in DYNAMICS
    )


OPTIONS = st.fixed_dictionaries(
    {
        "signed_bit": st.sampled_from([3, 4, 8]),
        "timesteps": st.sampled_from([1, 4, 16]),
        "dynamics": st.sampled_from(DYNAMICS),
        "per_channel": st.booleans(),
        "readout": st.sampled_from(["potential", "spikes"]),
        "spike_ext": st.sampled_from([0, 2]),
        "thresholding": st.sampled_from(["0.5", "-1"]),
    }
)


@examples(30)
@given(tensors(), OPTIONS)
def test_random_graphs_stay_as_narrow_as_without_calibration(chosen: Any, options: dict[str, Any]) -> None:
    source, output, signed, seed = chosen
    model = randomised(keras.Model(source, output), seed)
    rng = np.random.default_rng(seed)
    x = (rng.integers(-127 if signed else 0, 128, (24, *SHAPE)) / 127).astype(np.float32)
    x.flat[0] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # random populations may be dead
        try:
            plain = snncc.convert(model, x, calibrate="none", **options)
        except UnsupportedLayerError:
            return
        light = snncc.convert(model, x, **options)
    light.check()
    assert wider(light.ir, plain.ir) <= 1


def nearly_dead() -> tuple[Any, Any]:
    """(model, samples): a depthwise layer with a channel far smaller than its weights, as in the keyword network."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            L.Conv2D(6, 3, activation="relu"),
            L.DepthwiseConv2D(3, activation="relu"),
            L.Conv2D(6, 1, activation="relu"),
            L.DepthwiseConv2D(3, padding="same", activation="relu"),
            L.AveragePooling2D(2),
            L.Flatten(),
            L.Dense(3),
        ]
    )
    model = randomised(model, 3)
    x = np.random.default_rng(3).random((200, 8, 8, 2)).astype(np.float32)
    x[0, 0, 0, 0] = 1
    for layer, values in ((model.layers[0], (0.0, 1.0)), (model.layers[1], (0.25, -9 / 4 + 1e-4))):
        kernel, bias = layer.get_weights()
        (kernel[..., 0] if layer is model.layers[0] else kernel[:, :, 0, 0])[...] = values[0]
        bias[0] = values[1]  # a constant 1, which the depthwise layer makes 0.0001
        layer.set_weights([kernel, bias])
    return model, x


@pytest.mark.parametrize("level", ["light", "full"])
@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_a_channel_that_hardly_fires_widens_no_layer_unless_asked(
    dynamics: ir.Dynamics, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EFFORTS, "full", Effort(images=2**12, multiplications=1e12))
    model, x = nearly_dead()
    options = {"timesteps": 8, "dynamics": dynamics}
    plain = snncc.convert(model, x, calibrate="none", **options).ir
    kept = snncc.convert(model, x, calibrate=level, **options)
    free = snncc.convert(model, x, calibrate=level, calibrate_widths="free", **options)
    kept.check()
    assert wider(kept.ir, plain) <= 1
    assert wider(free.ir, plain) > 4


def test_a_readout_that_is_made_to_fit_still_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = nearly_dead()
    wide = snncc.convert(model, x, timesteps=8)
    given = tune.rooms

    def narrower(*arguments: Any) -> Any:
        found = given(*arguments)
        name = wide.ir.output.name
        return found | {name: {d: width(wide.ir, wide.ir.output, d) - 2 for d in DYNAMICS}}

    monkeypatch.setattr(tune, "rooms", narrower)
    narrow = snncc.convert(model, x, timesteps=8)
    assert width(narrow.ir, narrow.ir.output, "count") == width(wide.ir, wide.ir.output, "count") - 2
    one, other = wide.run(x).outputs, narrow.run(x).outputs
    assert np.abs(one - other).max() < 0.05 * np.abs(one).max()


def test_a_dead_channel_that_noise_makes_fire_keeps_a_threshold() -> None:
    window = Window("count", 4)
    drive = np.random.default_rng(0).random((50, 1)).astype(np.float32) * 9  # the float activation is 0 everywhere
    target = np.zeros((50, 1), np.float32)
    given = Sample(drive, np.zeros(1, np.float32), target, target + drive.mean() / 4, 4, np.zeros(1))
    one, zero = np.ones(1), np.zeros(1)
    start = error(given, window, one, zero, 0.5 * one)
    found = search(given, window, Choice(one, zero, 0.5 * one, start), 2, per_channel=True)
    assert found.error <= start
    assert found.threshold[0] > 0.03  # 0.06 of it, then two rounds of smaller steps


def test_no_threshold_below_the_least_is_chosen() -> None:
    window = Window("count", 4)
    rng = np.random.default_rng(0)
    drive = rng.random((400, 2)).astype(np.float32) * 0.4
    given = Sample(drive, np.zeros(2, np.float32), drive / 4, drive / 4, 4, np.array([0.5, 0.0]))
    ones, zeros = np.ones(2), np.zeros(2)
    first = Choice(ones, zeros, 0.5 * ones, error(given, window, ones, zeros, 0.5 * ones))
    for shared in (False, True):
        found = search(given, window, first, 2, per_channel=not shared)
        assert found.threshold[0] >= 0.5
        assert (found.threshold[1] < 0.2) is not shared


def by_hand(shift: int = 3, factor: int = 1, kind: str = "dense") -> ir.Network:
    """Three inputs, two neurons and a readout; `factor` multiplies the integers of the second neuron."""
    w = np.array([[2, -4 * factor], [6, 2 * factor], [-4, 8 * factor]], np.int8)
    first = ir.Dense(name="d", source=ir.Source("input"), weights=w, shift=shift)
    hidden = population(
        "hidden", (2,), first, theta=[64, 32 * factor], bias=[8, -16 * factor], v0=[32, 16 * factor],
        lambda_=np.array([1.0, 2.0]),
    )  # fmt: skip
    second = ir.Dense(name="r", source=ir.Source("hidden"), weights=np.array([[6], [-2]], np.int8), shift=1)
    readout = population("readout", (1,), second, theta=None, bias=[4])
    return with_intervals(
        unproved(hidden, readout, name="n", shape=(3,), source={"bits": 2}, timesteps=4, output_scale=16.0)
    )


def room(network: ir.Network, less: tuple[int, int]) -> dict[str, dict[ir.Dynamics, int]]:
    """What each population needs, less so many bits."""
    return {
        p.name: {d: width(network, p, d) - bits for d in DYNAMICS}
        for p, bits in zip(network.populations, less, strict=True)
    }


PIXELS = np.array([[a, b, c] for a in range(4) for b in range(4) for c in range(4)])


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_what_is_halved_without_a_remainder_is_the_same_network(dynamics: ir.Dynamics) -> None:
    """F 3 -> 1 of the layer, 1 -> 0 of the readout: no weight changes, and every spike stays."""
    network = by_hand()
    narrow = within(network, room(network, (2, 1)), Window(dynamics, 4))
    assert [p.projections[0].shift for p in narrow.populations] == [1, 0]
    for before, after in zip(network.populations, narrow.populations, strict=True):
        np.testing.assert_array_equal(before.projections[0].weights, after.projections[0].weights)
    assert narrow.output_scale == 8.0
    one, other = (sim.run(n, PIXELS, 4, dynamics) for n in (network, narrow))
    np.testing.assert_array_equal(one.counts["hidden"], other.counts["hidden"])
    np.testing.assert_array_equal(one.outputs, other.outputs)


def test_a_wide_channel_without_f_gives_half_its_weights_and_the_others_none() -> None:
    network = by_hand(shift=0, factor=8)
    found, halved = narrowed(
        network, network["hidden"], room(network, (3, 0))["hidden"], Window("step", 4), together=False
    )
    assert halved.tolist() == [0, 3]
    single = by_hand(shift=0)["hidden"]
    np.testing.assert_array_equal(found.projections[0].weights, single.projections[0].weights)
    for name in ("theta", "bias", "v0"):
        np.testing.assert_array_equal(getattr(found, name), getattr(single, name), err_msg=name)


def test_a_bias_that_halving_rounds_is_made_up_in_the_start() -> None:
    """bias 5 -> 1 of 4, v0 16 -> (16 + (5-4)*2.5) / 4 = 4.6 -> 5; in `count` (16 + 4) / 4 = 5; theta 18 -> 5."""
    for dynamics, start in (("step", 18), ("count", 16)):
        network = by_hand()
        hidden = ir.replace(network["hidden"], bias=np.array([5, 0]), v0=np.array([start, 0]), theta=np.array([18, 32]))
        network = ir.replace(network, populations=(hidden, network.output))
        found, _ = narrowed(network, hidden, room(network, (2, 0))["hidden"], Window(dynamics, 4), together=False)
        assert found.bias.tolist() == [1, 0]
        assert found.v0.tolist() == [5, 0]
        assert found.theta is not None
        assert found.theta.tolist() == [5, 8]
        np.testing.assert_allclose(found.lambda_, [1.0 * 5 * 4 / 18, 2.0])  # what the rounded threshold stands for


def test_a_sum_pool_that_is_too_wide_takes_its_source_s_scale() -> None:
    window = ir.SumPool2D(name="p", source=ir.Source("input"), size=(2, 2), strides=(2, 2), shift=2)
    pool = population(
        "pool", (1, 1, 2), window, theta=[16, 4096], bias=[0, 8], v0=[8, 2048], lambda_=np.array([1.0, 256.0])
    )
    source = ir.replace(by_hand().input, shape=(2, 2, 2))
    network = ir.replace(by_hand(), input=source, populations=(pool,), intervals={"count": {}, "step": {}})
    found, lowered = narrowed(network, pool, {"count": 6, "step": 6}, Window("count", 4), together=False)
    assert lowered.tolist() == [2, 2]
    assert found.theta is not None
    assert found.theta.tolist() == [4, 4]  # k = 4 at F = 0
    assert found.bias.tolist() == [0, 0]
    assert found.v0.tolist() == [2, 2]
    np.testing.assert_allclose(found.lambda_, [1.0, 1.0])


def test_free_widths_and_endless_counts_have_no_bound_and_other_words_are_refused() -> None:
    model, x = nearly_dead()
    with pytest.raises(CalibrationError, match="keep or free"):
        snncc.convert(model, x, calibrate_widths="wide")
    made = calibrated(from_keras(model), x, Options())
    for options, named in ((Options(calibrate_widths="free"), set()), (Options(spike_ext=-1), set()),
                           (Options(), {"count", "step"})):  # fmt: skip
        found = rooms(made.real, made.source, made.scales, options)
        assert {p.name for p in made.real.populations} == set(found)
        assert all(set(room) == named for room in found.values())
