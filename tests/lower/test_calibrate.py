"""Section 2 of the contract: the input's scale, the scales of populations, exact percentiles, dead populations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from snncc import ir
from snncc.errors import CalibrationError, DataError, SnnccWarning
from snncc.graph import Affine, Conv, Graph, Input, Node
from snncc.ir import Dense, Identity, Source
from snncc.lower import Options, lower
from snncc.lower.calibrate import LARGEST_LOGIT, check_samples, scales, snap
from snncc.lower.projections import RealProjection
from snncc.lower.real import CHUNK, RealNetwork, RealPopulation
from snncc.sim.encode import to_pixels

SIZE = 6


def network(bias: Any = 0.0, max_value: float | None = None, weights: Any = 1.0) -> RealNetwork:
    """a = relu(weights*x + bias) elementwise, then a readout -2*a[0]."""
    gains = np.broadcast_to(np.asarray(weights, np.float64), (SIZE,)).copy()
    a = RealPopulation(
        "a",
        (SIZE,),
        (RealProjection(Identity, name="i", source=Source("input"), weights=gains),),
        np.broadcast_to(np.asarray(bias, np.float64), (SIZE,)).copy(),
        max_value,
    )
    out = np.zeros((SIZE, 2))
    out[0, 0] = -2.0
    readout = RealPopulation(
        "out", (2,), (RealProjection(Dense, name="d", source=Source("a"), weights=out),), np.zeros(2)
    )
    return RealNetwork("net", (SIZE,), np.ones(()), np.zeros(()), (a, readout), "linear", (2,))


def samples(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, SIZE)).astype(np.float32)


@pytest.mark.parametrize("count", [1, CHUNK - 1, CHUNK, 5 * CHUNK + 3, 40 * CHUNK + 1])
@pytest.mark.parametrize("percentile", [100.0, 99.9, 99.0, 50.0, 3.0])
@pytest.mark.parametrize("per_channel", [False, True])
def test_percentiles_of_the_strictly_positive_values(count: int, percentile: float, per_channel: bool) -> None:
    x = samples(count)
    x[0] = np.abs(x[0]) + 0.1
    found = scales(network(), x, percentile, per_channel)["a"]
    columns = x.astype(np.float64).T if per_channel else [x.astype(np.float64).ravel()]
    wanted = [np.percentile(column[column > 0], percentile) for column in columns]
    np.testing.assert_allclose(found.reshape(-1), wanted, rtol=1e-12)
    assert found.shape == ((SIZE,) if per_channel else ())


def test_the_last_partial_batch_counts() -> None:
    x = samples(3 * CHUNK + 1)
    x[-1, 2] = 50.0
    assert scales(network(), x)["a"] == 50.0


def test_many_equal_and_zero_values() -> None:
    """Zeros are not positive; ties are kept."""
    x = np.zeros((9 * CHUNK, SIZE), np.float32)
    x[::7, 0], x[::50, 1] = 2.0, 3.0
    positive = x[x > 0].astype(np.float64)
    assert scales(network(), x, 90.0)["a"] == np.percentile(positive, 90.0)


def test_scale_is_capped_by_the_relus_maximum() -> None:
    assert scales(network(max_value=0.5), samples(64))["a"] == 0.5
    assert scales(network(max_value=50.0), samples(64))["a"] < 10
    assert scales(network(max_value=0.5), samples(64), fixed=2.0)["a"] == 0.5
    assert scales(network(max_value=5.0), samples(64), fixed=2.0)["a"] == 2.0


def test_the_readouts_scale_is_its_largest_absolute_output() -> None:
    x = samples(64)
    found = scales(network(), x)
    assert found["out"] == np.float64(2 * max(0, x[:, 0].max()))
    assert found[LARGEST_LOGIT] == 0


def test_a_percentile_is_not_for_the_readout() -> None:
    x = samples(64)
    assert scales(network(), x, 50.0)["out"] == np.float64(2 * x[:, 0].max())


def test_dead_populations_take_one_with_a_warning() -> None:
    with pytest.warns(SnnccWarning, match="'a' is dead"):
        found = scales(network(bias=-100.0), samples(8))
    assert found["a"] == 1.0
    bias = np.zeros(SIZE)
    bias[3] = -100.0
    with pytest.warns(SnnccWarning, match="1 of 6 channels"):
        found = scales(network(bias=bias), np.abs(samples(8)) + 0.1, per_channel=True)
    assert found["a"][3] == 1.0 and (found["a"] > 0).all()


@pytest.mark.parametrize("percentile", [0.0, -1.0, 100.1, float("nan")])
def test_percentiles_out_of_range(percentile: float) -> None:
    with pytest.raises(CalibrationError, match="percentile"):
        scales(network(), samples(4), percentile)


# --- the input ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("largest", "signed", "wanted"),
    [
        (0.9, False, 0.9), (0.9001, False, 1.0), (1.0, False, 1.0), (0.95, True, 1.0), (1.01, False, 1.01),
        (230.0, False, 230.0), (231.0, False, 255.0), (255.0, False, 255.0), (255.0, True, 255.0),
        (250.0, True, 250.0), (256.0, False, 256.0), (17.0, False, 17.0), (0.0, False, 1.0),
    ],
)  # fmt: skip
def test_snaps(largest: float, signed: bool, wanted: float) -> None:
    assert snap(largest, signed) == wanted


def graph(affine: tuple[Any, Any] | None = None, channels: int = 3) -> Graph:
    shape = (2, 2, channels)
    nodes = [Node("input", "input", Input(), (), shape)]
    if affine:
        scale, shift = (np.asarray(v, np.float64) for v in affine)
        nodes.append(Node("scale", "scale", Affine(scale, shift), ("input",), shape))
    kernel = np.random.default_rng(0).normal(0, 1, (2, 2, channels, 4))
    nodes.append(Node("conv", "conv", Conv(kernel, None, (1, 1), (1, 1), (0, 0, 0, 0)), (nodes[-1].name,), (1, 1, 4)))
    return Graph("net", tuple(nodes))


def entry(x: np.ndarray, affine: Any = None, **options: Any) -> ir.Input:
    return lower(graph(affine), x, Options(**options)).input


def unit(seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).integers(0, 256, (20, 2, 2, 3)).astype(np.uint8)
    x[0, 0, 0] = 255
    return x


def test_raw_bytes_stay_raw_bytes() -> None:
    x = unit()
    source = entry(x)
    assert (source.lambda_0, source.signed, source.encoding, source.levels) == (255.0, False, "rate", 255)
    np.testing.assert_array_equal(to_pixels(source, x), x)
    for scaled in (x / 255, (x / 255).astype(np.float32), x.astype(np.float32) / np.float32(255)):
        source = entry(scaled)
        assert source.lambda_0 == 1.0
        np.testing.assert_array_equal(to_pixels(source, scaled), x)


def test_rescaling_in_front_leaves_bytes_raw() -> None:
    x = unit()
    source = entry(x, (1 / 255, 0.0))
    assert source.lambda_0 == 1.0 and source.gain == 1 / 255
    np.testing.assert_array_equal(to_pixels(source, x), x)


def test_gain_and_offset_per_channel() -> None:
    x = unit()
    gain, offset = np.array([0.01, 0.02, -0.03]), np.array([-1.0, 0.5, 0.25])
    source = entry(x, (gain, offset))
    values = x.astype(np.float64) * gain + offset
    assert source.signed and source.encoding == "current" and source.levels == 127
    assert source.lambda_0 == np.abs(values).max()
    wanted = [round(float(v) * 127 / source.lambda_0) for v in values.ravel()]
    assert to_pixels(source, x).ravel().tolist() == [max(-127, min(127, p)) for p in wanted]


def test_quantiser_rounds_half_to_even_and_clips() -> None:
    source = ir.Input(shape=(7,), bits=3, signed=True, encoding="current", lambda_0=3.0, gain=np.ones(()),
                      offset=np.zeros(()))  # fmt: skip
    x = np.array([[0.5, 1.5, 2.5, -0.5, -1.5, 9.0, -9.0]])
    assert to_pixels(source, x).tolist() == [[0, 2, 2, 0, -2, 3, -3]]
    assert to_pixels(ir.replace(source, bits=2, signed=False), np.abs(x)).tolist() == [[0, 2, 2, 0, 2, 3, 3]]


def test_negatives_of_an_unsigned_input_are_counted() -> None:
    source = entry(unit())
    x = unit().astype(np.float32)
    x[0, 0, 0, :2] = -5
    with pytest.warns(SnnccWarning, match="2 of 240"):
        pixels = to_pixels(source, x)
    assert pixels[0, 0, 0, :2].tolist() == [0, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_errors(bad: float) -> None:
    x = unit().astype(np.float32)
    source = entry(x)
    x[3, 1, 1, 1] = bad
    with pytest.raises(DataError, match="NaN or inf"):
        to_pixels(source, x)
    with pytest.raises(CalibrationError, match="NaN or inf"):
        lower(graph(), x, Options())


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((0, 2, 2, 3)),
        np.zeros((4, 2, 3, 3)),
        np.zeros((2, 2, 3)),
        np.zeros(()),
        np.full((3, 2, 2, 3), "a"),
        np.full((3, 2, 2, 3), None),
        np.zeros((3, 2, 2, 3), complex),
    ],
)
def test_calibration_arrays_that_cannot_be_used(x: np.ndarray) -> None:
    with pytest.raises(CalibrationError):
        lower(graph(), x, Options())


def test_encodings() -> None:
    x, signed = unit(), unit().astype(np.float32) - 100
    assert entry(x, encoding="current").encoding == "current"
    assert entry(x, encoding="current").lambda_ == 1.0
    assert entry(signed).signed
    with pytest.raises(CalibrationError, match="rate encoding"):
        lower(graph(), signed, Options(encoding="rate"))


def test_input_range_overrides_the_calibration() -> None:
    source = entry(unit(), input_range=(0.0, 240.0))
    assert source.lambda_0 == 240.0 and not source.signed
    source = entry(unit(), input_range=(-300.0, 10.0), input_bits=12)
    assert (source.lambda_0, source.signed, source.levels) == (300.0, True, 2047)


def test_a_dead_input_converts() -> None:
    with (
        pytest.warns(SnnccWarning, match="dead"),
        pytest.warns(SnnccWarning, match="the 3 .* samples are all the same"),
    ):
        assert entry(np.zeros((3, 2, 2, 3))).lambda_0 == 1.0


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((5, 6, 4), r"\(6, 4\); the model's input is \(6, 4, 1\); x\[\.\.\., None\]"),
        ((5, 1, 6, 4), r"numpy\.moveaxis\(x, 1, -1\)"),
        ((6, 4, 1, 5), r"numpy\.moveaxis\(x, -1, 0\)"),
        ((6, 4, 1), r"this is one sample: x\[None\]"),
        ((5, 24), r"x\.reshape\(-1, 6, 4, 1\)"),
        ((5, 4, 4, 1), r"input is \(6, 4, 1\)$"),
    ],
)
def test_data_of_another_shape_are_told_the_way_out(shape: tuple[int, ...], words: str) -> None:
    """What the words say makes samples of it."""
    with pytest.raises(CalibrationError, match=words):
        check_samples(np.zeros(shape), (6, 4, 1))
