"""Calibrated networks in Verilog: whatever integers calibration chose, Icarus makes the simulator's of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import ir
from snncc.sim.encode import to_pixels
from tests.hw.simulate import exact, plan_with
from tests.keras_models import L, build, keras, randomised, samples


def calibrated(model: Any, x: np.ndarray, **options: Any) -> ir.Network:
    """`--calibrate light`, the default, at few timesteps and bits; other integers than without it."""
    options = {"signed_bit": 4, "timesteps": 3, **options}
    network = snncc.convert(model, x, **options)
    assert network.hash != snncc.convert(model, x, calibrate="none", **options).hash
    return network.ir


def parity(folder: Path, network: ir.Network, x: np.ndarray) -> None:
    """As many lanes as channels; T and less."""
    exact(folder, plan_with(network), to_pixels(network.input, x[:3]), [3, 2, 3])


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("encoding", ["rate", "current"])
def test_a_calibrated_network(tmp_path: Path, dynamics: str, encoding: str) -> None:
    """Convolutions, a batch normalisation and a linear shortcut."""
    x = samples("add_linear_shortcut")
    network = calibrated(build("add_linear_shortcut"), x, dynamics=dynamics, encoding=encoding)
    assert network.input.encoding == encoding and not network.input.signed
    parity(tmp_path, network, x)


def test_a_maximum_of_signed_data(tmp_path: Path) -> None:
    """From Keras: a max-pool right behind signed data, whose padding is no element."""
    pixels = keras.Input((5, 5, 2))
    y = L.Conv2D(3, 2, activation="relu")(L.MaxPooling2D(2, padding="same")(pixels))
    model = randomised(keras.Model(pixels, L.Dense(3)(L.Flatten()(y))))
    x = np.random.default_rng(2).normal(-0.4, 0.5, (60, 5, 5, 2)).astype(np.float32)
    network = calibrated(model, x, signed_bit=8, dynamics="count")
    assert network.input.signed and ir.has_max_pool(network.populations[0].projections[0].source)
    parity(tmp_path, network, x)
