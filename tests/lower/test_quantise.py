"""Section 3 of the contract, computed again in plain loops over Fractions and floats, compared for equality."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from snncc import ir
from snncc.errors import CalibrationError, SnnccWarning
from snncc.ir import Conv2D, Dense, DepthwiseConv2D, Identity, Source
from snncc.lower.calibrate import LARGEST_LOGIT
from snncc.lower.options import Options
from snncc.lower.projections import RealPool, RealProjection
from snncc.lower.quantise import check_thresholding, quantised_network
from snncc.lower.real import RealNetwork, RealPopulation


def rint(value: float | Fraction) -> int:
    """Half to even, by Python's own rounding."""
    return round(value)


def by_hand(
    branches: list[list[list[float]]], scale: list[float], bias: list[float], bits: int, per_tensor: bool
) -> dict[str, Any]:
    """`branches[p][c]`: the weights W'' of projection p into channel c. Returns s, F, W_int, theta, b."""
    q = 2 ** (bits - 1) - 1
    merged = [[[w for channel in branch for w in channel]] for branch in branches] if per_tensor else branches
    columns = range(len(merged[0]))
    lambdas = [scale[c] for c in columns]
    m_p = [[max((abs(w) for w in branch[c]), default=0.0) for c in columns] for branch in merged]
    m = [max(peaks[c] for peaks in m_p) for c in columns]
    m = [value or max(m) or 1.0 for value in m]
    e = 0
    while True:
        floor_holds = all(2**e * (q * lambdas[c] / m[c]) >= 512 for c in columns)
        seen = [max(peaks[c] / m[c] for c in columns) for peaks in m_p if any(peaks)]
        if floor_holds and all(2**e * share > 0.5 for share in seen):
            break
        e += 1
    s = [min(2**e * q / m[c], 2**20 / lambdas[c]) for c in columns]
    shifts, integers = [], []
    for branch, peaks in zip(branches, m_p, strict=True):
        f = 0
        while rint(max(peaks[c] * s[c] for c in columns) / 2**f) > q:
            f += 1
        shifts.append(f)
        integers.append(
            [[rint(w * (s[0 if per_tensor else c] / 2**f)) for w in channel] for c, channel in enumerate(branch)]
        )
    return {
        "e": e,
        "s": s,
        "shift": shifts,
        "weights": integers,
        "theta": [max(1, rint(s[0 if per_tensor else c] * scale[c])) for c in range(len(branches[0]))],
        "bias": [rint(s[0 if per_tensor else c] * b) for c, b in enumerate(bias)],
    }


def source(levels_bits: int = 8, shape: tuple[int, ...] = (4, 4, 2), encoding: Any = "rate") -> ir.Input:
    return ir.Input(
        shape=shape, bits=levels_bits, signed=False, encoding=encoding, lambda_0=1.0, gain=np.ones(()),
        offset=np.zeros(()),
    )  # fmt: skip


def compiled(populations: list[RealPopulation], scales: dict[str, Any], entry: ir.Input, **options: Any) -> ir.Network:
    real = RealNetwork("net", entry.shape, np.ones(()), np.zeros(()), tuple(populations), "linear", (2,))
    every = {name: np.asarray(v, np.float64) for name, v in scales.items()}
    return quantised_network(real, entry, {LARGEST_LOGIT: every[populations[-1].name], **every}, Options(**options))


def readout(source_name: str, size: int, rng: np.random.Generator) -> RealPopulation:
    view = ir.Reshape(Source(source_name), (size,))
    dense = RealProjection(Dense, name="out", source=view, weights=rng.normal(0, 1, (size, 2)))
    return RealPopulation("out", (2,), (dense,), rng.normal(0, 1, 2))


def channel_weights(weights: np.ndarray, scale: float) -> list[list[float]]:
    """W'' per output channel, in the order (KH, KW, C_in)."""
    return [[float(w * scale) for w in weights[..., c].ravel()] for c in range(weights.shape[-1])]


@pytest.mark.parametrize("bits", [2, 3, 4, 8, 16])
@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("spread", [1.0, 30.0, 3000.0])
def test_scale_shift_weights_threshold_and_bias(bits: int, per_channel: bool, spread: float) -> None:
    """Two branches of unlike size, one channel without weights, the input's scale inside W''."""
    rng = np.random.default_rng(bits)
    kernel, shortcut = rng.normal(0, 1, (3, 3, 2, 3)), rng.normal(0, 1 / spread, (1, 1, 2, 3))
    kernel[..., 1], shortcut[..., 1] = 0, 0
    bias = rng.normal(0, 1, 3)
    a = RealPopulation(
        "a",
        (4, 4, 3),
        (
            RealProjection(Conv2D, name="main", source=Source("input"), weights=kernel, pads=(1, 1, 1, 1)),
            RealProjection(Conv2D, name="short", source=Source("input"), weights=shortcut),
        ),
        bias,
    )
    entry = ir.replace(source(), lambda_0=0.7)
    out = readout("a", 48, rng)
    network = compiled([a, out], {"a": 2.5, "out": 3.0}, entry, signed_bit=bits, per_channel=per_channel)
    wanted = by_hand(
        [channel_weights(kernel, 0.7), channel_weights(shortcut, 0.7)], [2.5] * 3, list(bias), bits, not per_channel
    )
    found = network["a"]
    for p, projection in enumerate(found.projections):
        assert projection.shift == wanted["shift"][p]
        assert [projection.weights[..., c].ravel().tolist() for c in range(3)] == wanted["weights"][p]
        assert np.abs(projection.weights).max() <= 2 ** (bits - 1) - 1
    assert np.broadcast_to(found.theta, (3,)).tolist() == wanted["theta"]
    assert np.broadcast_to(found.bias, (3,)).tolist() == wanted["bias"]
    assert np.broadcast_to(found.v0, (3,)).tolist() == [t // 2 for t in wanted["theta"]]
    assert min(wanted["theta"]) >= 512
    dense = out.projections[0].weights
    last = by_hand([channel_weights(dense, 2.5)], [3.0] * 2, list(out.bias), bits, per_tensor=True)
    final = network.output
    assert final.theta is None and not final.v0.any()
    assert [final.projections[0].weights[:, c].tolist() for c in range(2)] == last["weights"][0]
    assert final.projections[0].shift == last["shift"][0]
    assert final.bias.tolist() == last["bias"]
    assert network.output_scale == last["s"][0]
    ir.check(network)


def test_lambda_per_channel_scales_inputs_and_thresholds() -> None:
    rng = np.random.default_rng(3)
    depthwise = rng.normal(0, 1, (3, 3, 2, 2))
    a = RealPopulation(
        "a",
        (2, 2, 4),
        (RealProjection(DepthwiseConv2D, name="d", source=Source("input"), weights=depthwise),),
        np.zeros(4),
    )
    gains = np.array([1.0, -2.0, 0.5, 0.25])
    b = RealPopulation(
        "b", (2, 2, 4), (RealProjection(Identity, name="i", source=Source("a"), weights=gains),), np.full(4, 0.1)
    )
    lambdas = np.array([0.5, 1.0, 4.0, 0.125])
    network = compiled(
        [a, b, readout("b", 16, rng)], {"a": lambdas, "b": np.array([1.0, 2.0, 3.0, 4.0]), "out": 1.0}, source()
    )
    flat = depthwise.reshape(3, 3, 4)
    first = by_hand([channel_weights(flat, 1.0)], list(lambdas), [0.0] * 4, 8, False)
    found = network["a"].projections[0]
    assert [found.weights.reshape(3, 3, 4)[..., c].ravel().tolist() for c in range(4)] == first["weights"][0]
    assert network["a"].theta.tolist() == first["theta"]
    second = by_hand([[[float(g * v)] for g, v in zip(gains, lambdas, strict=True)]], [1.0, 2.0, 3.0, 4.0], [0.1] * 4,
                     8, False)  # fmt: skip
    assert [[w] for w in network["b"].projections[0].weights.tolist()] == second["weights"][0]
    assert network["b"].theta.tolist() == second["theta"]
    assert network["b"].bias.tolist() == second["bias"]


def test_the_cap_wins_over_small_branches() -> None:
    """A branch 2^22 times smaller asks for a scale above 2^20/lambda: capped, so it rounds to zero."""
    kernel = np.ones((1, 1, 2, 1))
    a = RealPopulation(
        "a",
        (4, 4, 1),
        (
            RealProjection(Conv2D, name="main", source=Source("input"), weights=kernel),
            RealProjection(Conv2D, name="tiny", source=Source("input"), weights=kernel / 2**22),
        ),
        np.zeros(1),
    )
    network = compiled([a, readout("a", 16, np.random.default_rng(0))], {"a": 1.0, "out": 1.0}, source())
    assert network["a"].theta.tolist() == [2**20]
    assert not network["a"].projections[1].weights.any()


def test_a_threshold_below_the_floor_is_named() -> None:
    """Per tensor, a channel scale 2^12 times below another: the 512 floor and the 2^20 cap conflict."""
    kernel = np.full((1, 1, 2, 2), 0.5)
    a = RealPopulation(
        "tall", (4, 4, 2), (RealProjection(Conv2D, name="c", source=Source("input"), weights=kernel),), np.zeros(2)
    )
    scales = {"tall": np.array([1.0, 2.0**-12]), "out": 1.0}
    with pytest.warns(SnnccWarning, match=r"'tall'.*256.*512"):
        network = compiled([a, readout("tall", 32, np.random.default_rng(0))], scales, source(), per_channel=False)
    assert network["tall"].theta.tolist() == [2**20, 256]


@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1), (0, 1, 0, 1)])
@pytest.mark.parametrize("ratio", [1.0, 0.37, 0.01])
def test_sum_pool_thresholds(pads: tuple[int, int, int, int], ratio: float) -> None:
    """theta = rint(k·2^F·lambda/lambda_src), k counted element by element at `same` borders."""
    size, strides = (3, 2), (1, 2)
    pool = RealPool(name="p", source=Source("input"), size=size, strides=strides, pads=pads)
    height, width, _ = ir.projection_shape(pool.projection(), (4, 4, 2))
    k = np.zeros((height, width), int)
    for i, j in np.ndindex(height, width):
        for di, dj in np.ndindex(size):
            y, x = i * strides[0] + di - pads[0], j * strides[1] + dj - pads[2]
            k[i, j] += 0 <= y < 4 and 0 <= x < 4
    a = RealPopulation("a", (height, width, 2), (pool,), np.zeros(2))
    out = readout("a", height * width * 2, np.random.default_rng(0))
    network = compiled([a, out], {"a": 1.7 * ratio, "out": 1.0}, ir.replace(source(), lambda_0=1.7))
    shift = 0
    while min(rint(float(n) * (1.7 * ratio) / 1.7 * 2**shift) for n in k.ravel()) < 512:
        shift += 1
    found = network["a"]
    assert found.projections[0].shift == shift
    theta = np.broadcast_to(found.theta, (height, width, 1))[..., 0]
    assert theta.tolist() == [[rint(float(n) * (1.7 * ratio) / 1.7 * 2**shift) for n in row] for row in k]
    assert not found.bias.any()
    assert np.array_equal(found.v0, found.theta // 2)


@pytest.mark.parametrize("part", ["0", "0.5", "0.3", "1", "-0.25", "0.1"])
def test_start_potential_is_an_exact_decimal(part: str) -> None:
    rng = np.random.default_rng(1)
    kernel = rng.normal(0, 1, (1, 1, 2, 5))
    a = RealPopulation(
        "a", (4, 4, 5), (RealProjection(Conv2D, name="c", source=Source("input"), weights=kernel),), np.zeros(5)
    )
    network = compiled([a, readout("a", 80, rng)], {"a": 1.0, "out": 1.0}, source(), thresholding=part)
    wanted = [math.floor(Fraction(int(t)) * Fraction(part)) for t in network["a"].theta]
    assert network["a"].v0.tolist() == wanted


@pytest.mark.parametrize("part", ["nan", "inf", "half", "2", "1/0", ""])
def test_a_start_potential_that_is_no_part_of_the_threshold(part: str) -> None:
    with pytest.raises(CalibrationError, match="thresholding"):
        check_thresholding(part)


def test_the_float_twin_keeps_floats() -> None:
    rng = np.random.default_rng(2)
    kernel = rng.normal(0, 1, (1, 1, 2, 3))
    a = RealPopulation(
        "a", (4, 4, 3), (RealProjection(Conv2D, name="c", source=Source("input"), weights=kernel),), np.ones(3)
    )
    network = compiled([a, readout("a", 48, rng)], {"a": 2.0, "out": 1.0}, source(), signed_bit=0)
    ir.check(network)
    assert not network.intervals
    assert float(network["a"].theta) == 2.0 and float(network["a"].v0) == 1.0
    np.testing.assert_array_equal(network["a"].projections[0].weights, kernel.astype(np.float32))


@pytest.mark.parametrize(
    "options",
    [
        {"signed_bit": 1},
        {"signed_bit": 17},
        {"timesteps": 0},
        {"timesteps": 65_536},
        {"timesteps": 65_535, "spike_ext": 1},
        {"spike_ext": -2},
        {"dynamics": "fast"},
        {"encoding": "phase"},
        {"readout": "first"},
        {"input_bits": 1},
        {"input_bits": 17},
        {"input_range": (1.0, 0.0)},
        {"input_range": (-2.0, -1.0)},
        {"input_range": (0.0, math.inf)},
        {"input_range": (0.0, math.nan)},
    ],
)
def test_options_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(CalibrationError):
        Options(**options)
