"""The Keras twin as a function from the input's counts to what every population hands on, on Keras's own device."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from snncc import ir
from snncc.ir import INPUT, Array
from snncc.keras_layers.build import to_keras

BATCH = 256
"""Images at a time: compiled for this number, and the last ones are filled up."""


def outputs(network: ir.Network, timesteps: int) -> Callable[[Array], dict[str, Array]]:
    """`count` at T: counts of the input (N <= BATCH, *shape) -> counts, values, a readout's potentials by population.

    NetworkError as `to_keras`, whose check is left to the caller.
    """
    twin = to_keras(network, timesteps, rescale=False, check=0)
    source = twin.get_layer(INPUT).output
    layers = {p.name: twin.get_layer(p.name).output for p in network.populations}
    model = keras.Model(source, layers)

    def run(counts: Array) -> dict[str, Array]:
        filled = np.zeros((BATCH, *counts.shape[1:]), source.dtype)
        filled[: len(counts)] = counts
        made = model.predict_on_batch(filled)
        return {name: np.asarray(values)[: len(counts)] for name, values in made.items()}

    return run
