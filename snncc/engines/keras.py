"""The Keras twin on whatever device Keras's backend has: exact by construction, and checked all the same.

Of every run the first, second, fourth, eighth, ... chunk has some images that the simulator runs too.
"""

from __future__ import annotations

import itertools

import numpy as np

from snncc.errors import NetworkError
from snncc.ir import INPUT, Array, Dynamics, Network
from snncc.sim.chunk import Chunk
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
        from snncc.keras_layers.outputs import Twin

        twin, simulator, number = Twin(network, timesteps), ready(network, timesteps, dynamics), itertools.count(1)

        def checked(pixels: Array) -> bool:
            """Whether this chunk is one that is checked, and then it was found right."""
            chunk = next(number)
            if chunk & (chunk - 1):
                return False
            picked = pixels[np.random.default_rng(chunk).permutation(len(pixels))[:CHECKED]]
            compare(network, twin.outputs(input_counts(network, picked, timesteps)), simulator.run(picked)[0])
            return True

        def run(pixels: Array) -> tuple[dict[str, Array], Trace]:
            checked(pixels)
            counts = input_counts(network, pixels, timesteps)
            return {INPUT: counts} | twin.outputs(counts), Trace()

        def sums(pixels: Array) -> tuple[Chunk, Trace]:
            if len(pixels) < twin.batch:
                outputs, trace = run(pixels)
                return Chunk(outputs), trace
            right, counts = checked(pixels), input_counts(network, pixels, timesteps)
            chunk = twin.sums(counts)
            if right:
                compare_sums(network, chunk, Chunk({INPUT: counts} | twin.outputs(counts)))
            return chunk, Trace()

        return Ready(twin.batch, run, workers=1, sums=sums)


def compare_sums(network: Network, got: Chunk, expected: Chunk) -> None:
    """NetworkError where the sums that a device makes are not those of what it hands on."""
    for population in network.populations:
        name = population.name
        if name not in got.outputs and not (
            np.array_equal(got.total(name), expected.total(name))
            and np.array_equal(got.active(name), expected.active(name))
        ):
            raise NetworkError(
                f"the engine `keras` does not sum exactly on this device: population {name!r}: use `native` or `numpy`"
            )


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
