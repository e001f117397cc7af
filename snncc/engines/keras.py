"""The Keras twin on whatever device Keras's backend has: exact by construction, and checked all the same.

Of every run the first, second, fourth, eighth, ... chunk has some images that the simulator runs too.
"""

from __future__ import annotations

import itertools

import numpy as np

from snncc.errors import NetworkError
from snncc.ir import INPUT, Array, Dynamics, Network
from snncc.sim.count import input_counts
from snncc.sim.run import Ready, Trace, ready

CHECKED = 4
"""Images of a chunk that is checked."""


class Keras:
    """The engine `keras`."""

    name = "keras"

    def ready(self, network: Network, timesteps: int, dynamics: Dynamics, changes: bool = False) -> Ready:
        """A network made ready. NetworkError in `step`, and where Keras cannot hold a population exactly."""
        if not network.over(timesteps, dynamics).counting:
            raise NetworkError("the engine `keras` runs `count` alone: use `native` or `numpy` for `step`")
        from snncc.keras_layers.outputs import BATCH, outputs

        twin, simulator, number = outputs(network, timesteps), ready(network, timesteps, dynamics), itertools.count(1)

        def run(pixels: Array) -> tuple[dict[str, Array], Trace]:
            counts = input_counts(network, pixels, timesteps)
            made = {INPUT: counts} | twin(counts)
            chunk = next(number)
            if chunk & (chunk - 1) == 0:
                picked = np.random.default_rng(chunk).permutation(len(pixels))[:CHECKED]
                compare(
                    network, {name: values[picked] for name, values in made.items()}, simulator.run(pixels[picked])[0]
                )
            return made, Trace()

        return Ready(BATCH, run, workers=1)


def compare(network: Network, got: dict[str, Array], expected: dict[str, Array]) -> None:
    """NetworkError that names the first population and neuron where an engine and the simulator differ."""
    for population in network.populations:
        wrong = np.argwhere(got[population.name] != expected[population.name])
        if len(wrong):
            place = tuple(int(i) for i in wrong[0])
            raise NetworkError(
                f"the engine `keras` is not exact on this device: population {population.name!r}, neuron {place[1:]}: "
                f"{float(got[population.name][place]):.17g}, the simulator has {int(expected[population.name][place])} "
                f"({len(wrong)} of {expected[population.name].size} values differ): use `native` or `numpy`"
            )
