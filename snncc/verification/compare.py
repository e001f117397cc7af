"""Expected against observed integers, image by image: every population's spikes and potentials, and the readout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from snncc import sim
from snncc.ir import Array, Network
from snncc.jobs import Observation
from snncc.verification.report import Mismatch


@dataclass
class Tally:
    """Compares observations as they come and remembers the first mismatch."""

    images: int = 0
    values: int = 0
    mismatches: int = 0
    first: Mismatch | None = None

    def compare(self, expected: Observation, got: Observation) -> None:
        """One image. In `step` the earliest timestep comes first, within it the order of the populations."""
        found = []
        wanted = expected.pixels.get("", np.zeros(0))[None]
        for order, (name, observed) in enumerate(got.pixels.items()):
            for _, element, e, g in self._differences(wanted, observed[None]):
                found.append((-1, order, 0, element, "the input", 0, f"the pixel from {name}", e, g))
        names = list(dict.fromkeys([*got.spikes, *got.potentials]))
        for rank, quantity in enumerate(("spikes", "potentials")):
            known = getattr(expected, quantity)
            for name, observed in getattr(got, quantity).items():
                order = names.index(name)
                for t, neuron, e, g in self._differences(known[name], observed):
                    singular = "the spike count" if quantity == "spikes" else "the potential"
                    timestep = t + 1 if len(known[name]) > 1 else 0
                    found.append((t, order, rank, neuron, name, timestep, singular, e, g))
        for _, neuron, e, g in self._differences(expected.values[None], got.values[None]):
            found.append((1 << 30, 0, 2, neuron, "the readout", 0, "the value", e, g))
        self.values += 1
        if expected.class_index != got.class_index:
            self.mismatches += 1
            e, g = expected.class_index, got.class_index
            found.append((1 << 30, 1, 3, 0, "the readout", 0, "the class", e, g))
        if found and self.first is None:
            _, _, _, neuron, name, timestep, singular, e, g = min(found)
            self.first = Mismatch(self.images, name, neuron, timestep, singular, e, g)
        self.images += 1

    def _differences(self, expected: Array, got: Array) -> list[tuple[int, int, int, int]]:
        """The first place that differs, as (timestep, neuron, expected, got); all are counted."""
        if expected.shape != got.shape:
            raise ValueError(f"observed {got.shape}, expected {expected.shape}")
        self.values += expected.size
        wrong = np.argwhere(expected != got)
        self.mismatches += len(wrong)
        if not len(wrong):
            return []
        t, neuron = (int(v) for v in wrong[0])
        return [(t, neuron, int(expected[t, neuron]), int(got[t, neuron]))]


def expectations(network: Network, pixels: Array, timesteps: int) -> Iterable[Observation]:
    """The simulator's integers, one image at a time so that traces stay small."""
    for image in pixels:
        result = sim.run(network, image[None], timesteps, network.dynamics, trace=True)
        trace = result.trace or sim.Trace()
        values = np.asarray(result.values).reshape(-1).astype(np.int64)
        readout = network.output.name
        if network.window.stepping:
            spikes = {n: v.reshape(len(v), -1) for n, v in trace.spikes.items()}
            potentials = {n: v.reshape(len(v), -1) for n, v in trace.potentials.items() if n != "input"}
        else:
            spikes = {n: v.reshape(1, -1) for n, v in result.counts.items()}
            if not network.input.coding.spiking:
                spikes.pop("input", None)
            if not network.output.fires:
                spikes.pop(readout, None)
            potentials = {n: v.reshape(1, -1) for n, v in trace.potentials.items() if n != "input"}
        classes = int(np.asarray(result.classes).reshape(-1)[0])
        yield Observation(values, classes, spikes, potentials, {"": image.reshape(-1)})


def compare_all(tally: Tally, expected: Iterable[Observation], observed: Iterable[Observation]) -> None:
    """Every image; ValueError where the target reported another number of images than it was given."""
    for want, got in zip_longest(expected, observed):
        if want is None or got is None:
            raise ValueError("the target reported another number of images than it was given")
        tally.compare(want, got)
