"""The integers that an evaluation is made of, summed over images: exact, whatever the order and the cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np

from snncc.metrics import Meter, Work
from snncc.sim.encode import Outside

Count = Annotated[int, msgspec.Meta(ge=0, lt=2**62)]


@dataclass(frozen=True)
class Sums:
    """Over some images at one T.

    `pairs`: (true class, class taken) -> images, None without labels. `outside`: of the input values.
    `spikes` per population. `operations`: of spikes. `work`: what the metrics count. `engine`: what ran the network.
    """

    pairs: Mapping[tuple[int, int], int] | None
    outside: Outside
    spikes: dict[str, int]
    operations: int
    work: Work
    engine: str

    @property
    def images(self) -> int:
        return self.work.images

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            pairs=None if self.pairs is None or other.pairs is None else Counter(self.pairs) + Counter(other.pairs),
            outside=self.outside + other.outside,
            spikes={name: number + other.spikes[name] for name, number in self.spikes.items()},
            operations=self.operations + other.operations,
            work=self.work + other.work,
            engine=", ".join(sorted({*self.engine.split(", "), *other.engine.split(", ")})),
        )


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """A block of a journal: `Sums` as JSON, known by `key`."""

    key: str
    images: Count
    pairs: list[tuple[int, int, Count]] | None
    outside: tuple[Count, Count, Count]
    spikes: dict[str, Count]
    operations: Count
    effective: list[list[Count]]
    graded: list[list[bool]]
    activations: Count
    changes: Count
    engine: str


def written(key: str, sums: Sums) -> dict[str, Any]:
    """As a line of a journal."""
    work = sums.work
    return {
        "key": key,
        "images": work.images,
        "pairs": None if sums.pairs is None else [[*pair, number] for pair, number in sorted(sums.pairs.items())],
        "outside": [sums.outside.negative, sums.outside.far, sums.outside.largest],
        "spikes": sums.spikes,
        "operations": sums.operations,
        "effective": [operations.tolist() for operations in work.operations],
        "graded": [graded.tolist() for graded in work.graded],
        "activations": work.activations,
        "changes": work.changes,
        "engine": sums.engine,
    }


def read(line: Any, meter: Meter, spiking: list[str]) -> Sums | None:
    """The sums of a line; None where it is no line of this network at this T."""
    try:
        found = msgspec.convert(line, Line)
    except msgspec.ValidationError:
        return None
    lengths = [meter.entries(projection) for _, projection in meter.projections]
    if any([len(part) for part in parts] != lengths for parts in (found.effective, found.graded)):
        return None
    if list(found.spikes) != sorted(spiking):
        return None
    work = Work(
        images=found.images,
        operations=tuple(np.array(part, np.int64) for part in found.effective),
        graded=tuple(np.array(part, bool) for part in found.graded),
        activations=found.activations,
        changes=found.changes,
    )
    spikes = {name: found.spikes[name] for name in spiking}
    pairs = None if found.pairs is None else {(truth, taken): number for truth, taken, number in found.pairs}
    return Sums(pairs, Outside(*found.outside), spikes, found.operations, work, found.engine)
