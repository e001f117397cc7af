"""The Keras twin as functions from the input's counts to what every population hands on, on Keras's own device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from snncc import ir
from snncc.ir import INPUT, Array, has_max_pool, sources
from snncc.keras_layers.build import to_keras
from snncc.sim.chunk import Chunk

MOST, VALUES = 256, 2**28
"""Images at a time, and values that are held for them."""
EXACT = 2**24
"""Below it float32 holds every sum of whole numbers."""


class Twin:
    """`count` at T. `batch`: the images of a batch, for which the model is compiled.

    NetworkError as `to_keras`, whose check is left to the caller.
    """

    def __init__(self, network: ir.Network, timesteps: int) -> None:
        twin = to_keras(network, timesteps, rescale=False, check=0)
        neurons = sum(p.neurons for p in network.populations)
        self.batch = int(max(1, min(MOST, VALUES // neurons)))
        self.source = twin.get_layer(INPUT).output
        made = {p.name: twin.get_layer(p.name).output for p in network.populations}
        limits = {p.name: network.over(timesteps, "count").limit(p.saturates) for p in network.populations if p.fires}
        whole = {name for p in network.populations for q in p.projections if has_max_pool(q.source)
                 for name in sources(q.source)} | {network.output.name}  # fmt: skip
        self.summed = [n for n, most in limits.items() if n not in whole and most and most * self.batch < EXACT]
        self._all = keras.Model(self.source, made)
        self._sums = keras.Model(self.source, _reduced(made, self.summed))

    def outputs(self, counts: Array) -> dict[str, Array]:
        """Counts of the input (N <= batch, *shape) -> counts, values, a readout's potentials by population."""
        filled = np.zeros((self.batch, *counts.shape[1:]), self.source.dtype)
        filled[: len(counts)] = counts
        made = self._all.predict_on_batch(filled)
        return {name: np.asarray(values)[: len(counts)] for name, values in made.items()}

    def sums(self, counts: Array) -> Chunk:
        """Of a whole batch, what evaluation needs of it: most populations are summed where they are."""
        made = self._sums.predict_on_batch(counts.astype(self.source.dtype))
        found = {name: np.asarray(values) for name, values in made.items()}
        return Counted({INPUT: counts} | {n: v for n, v in found.items() if " of " not in n}, found, self.summed)


def _reduced(made: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Of these populations the sum, the images in which it is not 0, and the largest; of the others all."""
    found = {name: y for name, y in made.items() if name not in names}
    for name in names:
        y = made[name]
        found[f"total of {name}"] = ops.sum(y, axis=0)
        found[f"active of {name}"] = ops.sum(ops.cast(y > 0, "float32"), axis=0)
        found[f"most of {name}"] = ops.max(y)
    return found


class Counted(Chunk):
    """A chunk whose sums a device has made."""

    def __init__(self, outputs: Mapping[str, Array], found: Mapping[str, Array], names: list[str]) -> None:
        super().__init__(outputs)
        self._totals = {name: found[f"total of {name}"].astype(np.float64)[None] for name in names}
        self._active = {name: found[f"active of {name}"].astype(np.uint32)[None] for name in names}
        self._most = {name: float(found[f"most of {name}"]) for name in names}

    def _graded(self, name: str) -> bool:
        return self._most[name] > 1 if name in self._most else super()._graded(name)
