"""Raw bytes: recognised where the calibration data are unmistakable, never guessed, and exact to the last pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from snncc import ir
from snncc.errors import CalibrationError, DataError, NetworkError
from snncc.lower.raw import Found, raw_bytes
from snncc.sim.encode import bytes_to_pixels, to_pixels
from tests.networks import population, unproved, with_intervals
from tests.support import examples

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
SCRIPTS: dict[str, Any] = {
    "x": lambda b: b.astype(np.float32),
    "x/255": lambda b: b.astype(np.float32) / 255,
    "x/256": lambda b: b.astype(np.float32) / 256,
    "x/127.5-1": lambda b: b.astype(np.float32) / np.float32(127.5) - 1,
    "x/128-1": lambda b: (b.astype(np.float32) - 128) / 128,
    "x/255-0.5": lambda b: b / 255.0 - 0.5,
    "imagenet": lambda b: ((b / np.float32(255) - MEAN) / DEVIATION).astype(np.float32),
    "imagenet-bgr": lambda b: b.astype(np.float32) - np.array([103.939, 116.779, 123.68], np.float32),
}
"""What a training script makes of bytes, written as people write it."""


def some_bytes(seed: int = 0, low: int = 0, high: int = 255, shape: tuple[int, ...] = (40, 6, 5, 3)) -> np.ndarray:
    made = np.random.default_rng(seed).integers(low, high, shape, endpoint=True).astype(np.uint8)
    made[0].reshape(-1)[:6] = np.repeat([low, high], 3)
    return made


def source_of(x: np.ndarray, bits: int = 8, **more: Any) -> ir.Input:
    signed = bool(x.min() < 0)
    return ir.Input(
        **{"shape": x.shape[1:], "bits": bits, "signed": signed, "encoding": "current" if signed else "rate",
           "lambda_0": float(np.abs(x).max()) or 1.0, "gain": np.ones(()), "offset": np.zeros(())} | more,
    )  # fmt: skip


def found_in(x: np.ndarray, kind: str = "auto", **options: Any) -> Found:
    return raw_bytes(source_of(x), x, kind, **options)


@pytest.mark.parametrize("name", list(SCRIPTS))
@pytest.mark.parametrize("bits", [4, 8, 12])
def test_a_script_is_recognised_and_every_byte_becomes_its_pixel(name: str, bits: int) -> None:
    data = some_bytes()
    x = SCRIPTS[name](data)
    found = raw_bytes(source_of(x, bits), x, "auto")
    assert found.name == name and found.raw is not None
    network_input = ir.replace(source_of(x, bits), raw=found.raw)
    every = np.stack([np.arange(256)] * 3, axis=1).reshape(256, 1, 1, 3).astype(np.uint8)
    every = np.broadcast_to(every, (256, 6, 5, 3))
    assert np.array_equal(bytes_to_pixels(network_input, every), to_pixels(network_input, SCRIPTS[name](every)))
    assert "recognised" in found.line


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_type_of_the_data_does_not_matter(dtype: Any) -> None:
    data = some_bytes()
    x = (data / 255).astype(dtype)
    found = found_in(x)
    assert found.name == "x/255" and found.raw is not None
    assert found.raw.pixels.tolist() == list(range(256))


def test_bytes_are_bytes() -> None:
    found = found_in(some_bytes(high=1))  # lambda_0 is 1: a byte of 1 is the largest pixel already
    assert found.name == "x" and found.raw is not None and found.raw.pixels[:3].tolist() == [0, 255, 255]
    assert found_in(some_bytes()).raw.pixels.tolist() == list(range(256))  # type: ignore[union-attr]


def test_standardised_data_that_span_all_bytes_are_recognised() -> None:
    data = some_bytes()
    x = ((data - np.array([100.0, 120, 90])) / np.array([50.0, 60, 70])).astype(np.float32)
    found = found_in(x)
    assert found.raw is not None and found.name == "" and found.raw.scale.shape == (3,)
    assert np.allclose(found.raw.scale, [1 / 50, 1 / 60, 1 / 70], rtol=1e-5)
    assert np.allclose(found.raw.offset, [-2.0, -2.0, -9 / 7], rtol=1e-5)
    source = ir.replace(source_of(x), raw=found.raw)
    assert np.array_equal(bytes_to_pixels(source, data), to_pixels(source, x))


NOT_SAID = {
    "noise": np.random.default_rng(1).normal(size=(50, 6, 5, 3)),
    "two values": (some_bytes() > 128).astype(np.float32),
    "a coarser lattice": (some_bytes() // 64 * 64).astype(np.float32) / 256,
    "MFCC-like features": np.random.default_rng(2).integers(-129, 323, (50, 6, 5, 3)).astype(np.float32),
    "features of 8 bits": np.random.default_rng(3).integers(-128, 127, (50, 6, 5, 3)).astype(np.int8),
    "standardised, the ends unseen": (some_bytes(low=20, high=200) - 100.0) / 50,
    "nothing but zeros": np.zeros((50, 6, 5, 3)),
    "a byte too many": np.concatenate([some_bytes() / 255, np.full((1, 6, 5, 3), 256 / 255)]),
    "one value off": np.concatenate([some_bytes() / 255, np.full((1, 6, 5, 3), 100.2 / 255)]),
}


@pytest.mark.parametrize("name", list(NOT_SAID))
def test_what_is_not_unmistakable_is_not_guessed(name: str) -> None:
    found = found_in(NOT_SAID[name])
    assert found.raw is None and "no target gets a byte quantiser" in found.line and "`bytes_scale`" in found.line


def test_the_digits_of_scikit_learn() -> None:
    digits = some_bytes(high=16, shape=(40, 8, 8, 1))
    assert found_in(digits / 16).name == "x/16" and found_in(digits.astype(np.float64)).name == "x"


def test_given_is_given() -> None:
    x = NOT_SAID["MFCC-like features"]
    named = found_in(x, "x-128").raw
    assert named is not None and named.scale == 1 and named.offset == -128
    own = found_in(x, scale=(2.0, 3.0, 4.0), offset=-129.0)
    assert own.raw is not None and own.raw.pixels.shape == (3, 256)
    half = 127 / float(np.abs(x).max())
    assert own.raw.pixels[1, 50] == np.rint((50 * 3.0 - 129) * half)
    assert found_in(some_bytes(), "none").raw is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "x/254"}, "no kind of bytes 'x/254': choose auto, none, x, x/255"),
        ({"scale": (1.0, 2.0)}, r"one finite number, or one per channel \(3\)"),
        ({"scale": float("nan")}, "one finite number"),
        ({"scale": "x/255"}, "must be numbers"),
        ({"scale": 0.0}, "must not be 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        found_in(some_bytes(), **{"kind": "auto"} | options)


def test_imagenet_is_of_three_channels() -> None:
    x = some_bytes(shape=(40, 6, 5, 1))
    with pytest.raises(CalibrationError, match=r"'imagenet': give one finite number, or one per channel \(1\)"):
        raw_bytes(source_of(x), x, "imagenet")


@examples(60)
@given(
    scale=st.floats(1e-3, 10).filter(lambda v: abs(v) > 1e-3),
    offset=st.floats(-20, 20),
    bits=st.integers(2, 16),
    data=arrays.arrays(np.uint8, (9, 4, 4, 2)),
    single=st.booleans(),
)
def test_a_given_lattice_is_exact_on_the_data_that_was_seen(
    scale: float, offset: float, bits: int, data: np.ndarray, single: bool
) -> None:
    """In the data's own precision, whatever it is: device and simulator see the same pixels."""
    x = data * scale + offset
    x = x.astype(np.float32) if single else x
    source = source_of(x, bits)
    found = raw_bytes(source, x, "auto", scale, offset)
    assert found.raw is not None
    source = ir.replace(source, raw=found.raw)
    ir.check(_network(source))
    assert np.array_equal(bytes_to_pixels(source, data), to_pixels(source, x))
    back = ir.bytes_of_pixels(found.raw, bytes_to_pixels(source, data).astype(np.int64))
    assert back is not None and np.array_equal(bytes_to_pixels(source, back), bytes_to_pixels(source, data))


def _network(source: ir.Input) -> ir.Network:
    size = int(np.prod(source.shape))
    view = ir.Reshape(ir.Source("input"), (size,))
    last = population("last", (1,), ir.Dense(name="d", source=view, weights=np.ones((size, 1), np.int8)), theta=None)
    made = unproved(last, name="n", shape=source.shape, timesteps=2)
    return with_intervals(ir.replace(made, input=source))


def test_a_table_that_is_not_scale_and_offset_is_refused() -> None:
    x = some_bytes() / 255
    raw = found_in(x).raw
    assert raw is not None
    for change, message in (
        ({"pixels": raw.pixels[::-1].copy()}, "not those of scale and offset"),
        ({"pixels": raw.pixels + 1}, "out of range"),
        ({"pixels": raw.pixels[:-1]}, "does not fit"),
        ({"pixels": raw.pixels.astype(np.int16)}, "must be int64"),
        ({"scale": np.ones(2)}, "one number or one per channel"),
        ({"offset": np.array(np.nan)}, "finite"),
    ):
        broken = ir.replace(source_of(x), raw=ir.replace(raw, **change))
        with pytest.raises(NetworkError, match=message):
            ir.check(_network(broken))


def test_bytes_of_an_unknown_kind_are_refused() -> None:
    source = source_of(NOT_SAID["noise"])
    with pytest.raises(DataError, match="`bytes` x/255"):
        bytes_to_pixels(source, some_bytes())
    known = ir.replace(source, raw=found_in(some_bytes() / 255).raw)
    for data, message in ((some_bytes() / 255, "integers in 0..255"), (some_bytes()[:, :2], "the network reads")):
        with pytest.raises(DataError, match=message):
            bytes_to_pixels(known, data)


def test_words() -> None:
    assert found_in(some_bytes() / 255).line == (
        "Raw bytes: a model input is byte/255, recognised from the calibration data (256 different values)."
    )
    assert ir.describe_bytes(found_in(some_bytes()).raw) == "the byte itself"  # type: ignore[arg-type]
    own = found_in(some_bytes() / 255, scale=0.5, offset=-1.0).raw
    assert own is not None and ir.describe_bytes(own) == "byte*0.5 - 1"


def test_a_kind_of_another_scale_than_the_calibration_data_is_refused() -> None:
    """Raw bytes in the place of model inputs, or the other way round: the network would be scaled for neither."""
    for data, kind, scale in (
        (some_bytes(), "x/255", None),
        (some_bytes() / 255, "x", None),
        (some_bytes(), "auto", 1 / 255),
    ):
        with pytest.raises(CalibrationError, match=r"the calibration data reach .*not as raw bytes"):
            found_in(data, kind, scale=scale)
