"""What is run on images, and what is counted of it: once in a process, for all T."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np

from snncc import engines
from snncc.data import Block, Held, Stored
from snncc.errors import DataError
from snncc.evaluation.cost import Cost
from snncc.evaluation.result import labels
from snncc.evaluation.sums import Sums
from snncc.ir import Array, Dynamics, Network, as_read, content_hash, own_shape
from snncc.metrics import Meter
from snncc.sim.encode import Outside, bytes_to_pixels, quantised
from snncc.sim.run import Ready, check, check_shape, classify, in_parallel

Reading = Literal["pixels", "images", "bytes"]
"""What data are: integer pixels, what one would feed to the model, or raw bytes."""

AT_ONCE = 2**18
"""Values that are quantised together: in float64, several times over."""

Tag = TypeVar("Tag")


class One:
    """A network at one T."""

    def __init__(self, network: Network, timesteps: int, dynamics: Dynamics, engine: str, images: float) -> None:
        self.network = network
        self.meter = Meter(network, timesteps, dynamics)
        self.cost = Cost(self.meter)
        self._choice = engine, network, timesteps, dynamics, images

    @cached_property
    def chosen(self) -> tuple[str, Ready]:
        """(engine, the network made ready on it)."""
        return engines.choose(*self._choice, changes=True)

    def measure(self, pixels: Array, truth: Array | None) -> Sums:
        """The sums of one chunk of images."""
        name, made = self.chosen
        chunk, trace = made.chunk(pixels)
        classes = classify(chunk.outputs[self.network.output.name])
        pairs = None if truth is None else Counter(zip(truth.tolist(), classes.tolist(), strict=True))
        work = self.meter.measure(chunk, trace)
        spikes, operations = self.cost.digest(chunk, work, trace)
        return Sums(pairs, Outside(), spikes, operations, work, name)


@dataclass(frozen=True)
class Plan:
    """A network, the T at which it is run, and what the data are. `images`: how many, roughly."""

    network: Network
    timesteps: tuple[int, ...]
    dynamics: Dynamics
    engine: str
    reading: Reading
    images: float

    @cached_property
    def runs(self) -> list[One]:
        """One for each T."""
        return [One(self.network, t, self.dynamics, self.engine, self.images) for t in self.timesteps]

    def pixels(self, x: Array) -> tuple[Array, Outside]:
        """(integer pixels of images, how their values lie to the input's range). DataError."""
        if self.reading == "pixels":
            check(self.network, x, max(self.timesteps), self.dynamics)
            return x, Outside()
        step = max(1, AT_ONCE // math.prod(self.network.input.shape))
        parts = [self._quantised(x[i : i + step]) for i in range(0, max(1, len(x)), step)]
        return np.concatenate([pixels for pixels, _ in parts]), sum((outside for _, outside in parts), Outside())

    def _quantised(self, x: Array) -> tuple[Array, Outside]:
        x = as_read(self.network, x)
        if self.reading == "bytes":
            return bytes_to_pixels(self.network.input, x), Outside()
        return quantised(self.network.input, x)

    def check(self) -> None:
        """Refuse what the contract refuses, before any image is read."""
        for timesteps in self.timesteps:
            lead = (0, timesteps) if self.network.input.coding.sequences else (0,)
            check(self.network, np.zeros((*lead, *self.network.input.shape), np.int64), timesteps, self.dynamics)

    def checked(self, source: Stored) -> Stored:
        """Images of the right shape and type, labels as class numbers, before any is run. DataError."""
        if not source.length:
            raise DataError("there are no images to evaluate")
        pixels, _ = self.pixels(np.zeros((0, *source.x.shape[1:]), source.x.dtype))
        check_shape(self.network, pixels.shape[1:], max(self.timesteps))
        if isinstance(source.y, Held):
            source = replace(source, y=Held(labels(source.y.values, source.y.shape[0], self.network.output.neurons)))
        return source

    def keys(self, block: Block, version: str) -> list[str]:
        """What the sums of a block are known by, for each T: all that they depend on, and the version of snncc."""
        data = [version, self._identity, self.dynamics, self.reading, block.digest]
        return [hashlib.sha256(json.dumps([*data, t]).encode()).hexdigest() for t in self.timesteps]

    @cached_property
    def _identity(self) -> list[str]:
        return [content_hash(self.network), str(own_shape(self.network))]


def here(
    plan: Plan, wanted: Iterable[tuple[Tag, Block, Sequence[int]]], workers: int
) -> Generator[tuple[Tag, dict[int, Sums]], None, None]:
    """The sums of each block at those T whose numbers stand with it, one block after the other.

    At most `workers` chunks are under way. A block is read when it is needed, and several T share it.
    """

    def pieces() -> Iterator[tuple[Tag, int, Array, Array | None, Outside, bool]]:
        for tag, block, missing in wanted:
            pixels, outside = plan.pixels(block.x)
            truth = None if block.y is None else labels(block.y, len(pixels), plan.network.output.neurons)
            for number in missing:
                size = plan.runs[number].chosen[1].size
                for start in range(0, len(pixels), size):
                    part = slice(start, start + size)
                    last = number == missing[-1] and start + size >= len(pixels)
                    share = Outside() if start else outside
                    yield tag, number, pixels[part], None if truth is None else truth[part], share, last

    def work(piece: tuple[Tag, int, Array, Array | None, Outside, bool]) -> tuple[Tag, int, Sums, bool]:
        tag, number, pixels, truth, outside, last = piece
        sums = plan.runs[number].measure(pixels, truth)
        return tag, number, replace(sums, outside=outside), last

    found: dict[int, Sums] = {}
    for tag, number, sums, last in in_parallel(work, pieces(), workers):
        found[number] = found[number] + sums if number in found else sums
        if last:
            yield tag, found
            found = {}
