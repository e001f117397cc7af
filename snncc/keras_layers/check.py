"""A model against the simulator, on a few images: the potential and the count of every neuron of every population."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from snncc import ir, sim
from snncc.errors import NetworkError
from snncc.ir import Array
from snncc.sim.encode import to_pixels

SEED = 0


def sample(network: ir.Network, number: int) -> Array:
    """`number` float32 images: pixels at random, half of them ties between two, by turns with what it keeps of its
    calibration data (golden images), else with pixels at either end."""
    source = network.input
    random = np.random.default_rng(SEED)
    lowest, highest = ir.pixel_range(source)
    halves = random.integers(2 * lowest, 2 * highest, (number, *source.shape), endpoint=True)
    others = halves[1::2]
    golden = network.golden
    if golden is not None and len(golden):
        others[...] = 2 * golden[np.arange(len(others)) % len(golden)]
    else:
        others[...] = random.choice([2 * lowest, 2 * highest], others.shape)
    gain = np.where(source.gain == 0, 1, source.gain)
    images: Array = ((halves / 2 * source.lambda_0 / source.levels - source.offset) / gain).astype(np.float32)
    return images


def compare(network: ir.Network, model: keras.Model, timesteps: int, number: int) -> None:
    """NetworkError that names the first population, image and neuron where the model and the simulator differ.

    The model runs as `predict` runs it, compiled where the backend compiles.
    """
    images = sample(network, number)
    expected = sim.run(network, to_pixels(network.input, images), timesteps, "count", trace=True)
    potentials = expected.trace.potentials if expected.trace else {}
    layers = {p.name: model.get_layer(p.name) for p in network.populations}
    charges = {f"charge of {name}": layer.input for name, layer in layers.items()}
    tap = keras.Model(model.input, charges | {name: layer.output for name, layer in layers.items()})
    got = tap.predict_on_batch(images)
    for population in network.populations:
        name = population.name
        if population.fires:
            potential = got[f"charge of {name}"] + np.asarray(population.v0, np.float64)
            _equal(population, "potential", potential, potentials[name])
            _equal(population, "count", got[name], expected.counts[name])
        elif population.relay:
            _equal(population, "potential", got[f"charge of {name}"], potentials[name])
            _equal(population, "value", got[name], expected.counts[name])
        else:
            _equal(population, "potential", got[name], expected.values)


def _equal(population: ir.Population, what: str, got: Any, expected: Array) -> None:
    wrong = np.argwhere(np.asarray(got) != expected)
    if len(wrong):
        image, *neuron = (int(i) for i in wrong[0])
        place = (image, *neuron)
        raise NetworkError(
            f"the Keras model is not exact here: population {population.name!r}, neuron {tuple(neuron)}, image {image} "
            f"of the check: its {what} is {float(got[place]):.17g}, the simulator's {int(expected[place])} "
            f"({len(wrong)} of {expected.size} values differ, backend {keras.backend.backend()!r}). "
            "Set the backend to full float32 and float64, or run the network with snncc's simulator"
        )
