"""Data in the layout of a model that has its channels first: transposed at the border, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import ir
from snncc.errors import DataError, NetworkError
from snncc.ir.text import dump, parse
from tests.onnx_models import Make

SHAPE = (3, 4, 5)


def compiled(shape: tuple[int, ...] = SHAPE) -> tuple[snncc.Network, np.ndarray]:
    """A network whose model has channels first, and raw bytes that fill its calibration data."""
    m = Make(shape)
    model = m.model(m.pooled(m.relu(m.conv("x", 6, (2, 2), shape[0])), 6))
    raw = np.random.default_rng(0).integers(0, 256, (40, *shape), np.uint8)
    return snncc.convert(model, (raw / 255).astype(np.float32), calibrate="none", timesteps=8), raw


def test_both_layouts_are_the_same_pixels(tmp_path: Path) -> None:
    network, raw = compiled()
    assert network.ir.input.shape == (4, 5, 3) and ir.own_shape(network.ir) == (SHAPE, (1, 2, 0))
    last = raw.transpose(0, 2, 3, 1)
    pixels = network.pixels(raw, raw=True)
    np.testing.assert_array_equal(pixels, last)
    for x in (raw / 255, last / 255):
        np.testing.assert_array_equal(network.pixels(x), pixels)
    np.testing.assert_array_equal(network.ir.record.golden, last[::10])
    with pytest.raises(DataError, match=r"images of shape \(5, 3, 4\)"):
        network.pixels(raw.transpose(0, 3, 1, 2) / 255)
    kept = snncc.load(network.save(tmp_path / "a.snn"))
    np.testing.assert_array_equal(kept.pixels(raw, raw=True), pixels)
    assert ir.own_shape(parse(dump(network.ir))) == (SHAPE, (1, 2, 0))


def test_where_the_shapes_are_the_same_the_models_layout_is_meant() -> None:
    network, raw = compiled((4, 4, 4))
    np.testing.assert_array_equal(network.pixels(raw, raw=True), raw.transpose(0, 2, 3, 1))


def test_a_sequence_too() -> None:
    m = Make((3, 9))
    model = m.model(m.pooled(m.relu(m.conv("x", 6, (2,), 3)), 6))
    x = np.random.default_rng(0).random((20, 3, 9))
    network = snncc.convert(model, x, calibrate="none", timesteps=8)
    assert network.ir.input.shape == (1, 9, 3)
    np.testing.assert_array_equal(network.pixels(x), network.pixels(x.transpose(0, 2, 1)))


@pytest.mark.parametrize("axes", ["", "1,2", "1,2,0,3", "0,1,1", "a,b,c", "1,2,-3", "1;2;0"])
def test_a_record_that_contradicts_itself(axes: str) -> None:
    network, raw = compiled()
    data: dict[str, Any] = network.ir.record.data | {"axes": axes}
    changed = ir.replace(network.ir, record=ir.replace(network.ir.record, data=data))
    with pytest.raises(NetworkError, match="are no order of its data's shape"):
        ir.check(changed)
    with pytest.raises(NetworkError, match="are no order of its data's shape"):
        snncc.Network(changed).pixels(raw, raw=True)
