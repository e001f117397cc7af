"""The counts of a network as a Keras model, compared with the integer simulator's."""

from __future__ import annotations

import hypothesis
import keras
import numpy as np
from hypothesis import assume

from snncc import ir, sim
from snncc.errors import NetworkError
from snncc.keras_layers import to_keras
from snncc.sim.encode import to_pixels


def images(source: ir.Input, pixels: np.ndarray) -> np.ndarray:
    """Images (float64) that the quantiser makes these pixels of."""
    x = (pixels * (source.lambda_0 / source.levels) - source.offset) / source.gain
    assume(np.array_equal(to_pixels(source, x), pixels))
    return x


def built(network: ir.Network, timesteps: int) -> keras.Model:
    """The Keras model; a random network beyond float64 is not one that can be compared."""
    try:
        return to_keras(network, timesteps)
    except NetworkError as error:
        assert "53 bits" in str(error)
        hypothesis.reject()


def counts(network: ir.Network, snn: keras.Model, x: np.ndarray) -> dict[str, np.ndarray]:
    """What the model's layers of the populations' names give."""
    tap = keras.Model(snn.input, {p.name: snn.get_layer(p.name).output for p in network.populations})
    return {name: np.asarray(values) for name, values in tap(x).items()}


def differences(network: ir.Network, x: np.ndarray, timesteps: int, found: dict[str, np.ndarray]) -> list[str]:
    """The populations whose counts, or the readout whose values, are not the simulator's."""
    result = sim.run(network, to_pixels(network.input, x), timesteps, "count")
    expected = result.counts | {network.output.name: result.values}
    return [name for name, values in found.items() if not np.array_equal(values, expected[name])]
