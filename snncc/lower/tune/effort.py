"""What the descent through the whole network may cost, and whether that is enough to learn anything."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from snncc.ir import INPUT, Window, sources
from snncc.lower.projections import RealPool
from snncc.lower.real import RealNetwork

BATCH = 32
MEMORY = 2**23
"""Elements of a batch's largest array."""
FEWEST_STEPS = 64
"""Below them nothing is learned."""


@dataclass(frozen=True)
class Effort:
    """The most images that the descent learns from, repeated ones included, and multiplications for all of them."""

    images: int
    multiplications: float


EFFORTS = {"light": None, "full": Effort(images=2**14, multiplications=2**37)}
"""Of the descent through the whole network; 2^37 multiplications are about half a minute of one processor."""


def multiplications(real: RealNetwork, window: Window) -> float:
    """Of one image, forward and backward."""
    total = 0.0
    for population in real.populations:
        neurons = prod(population.shape)
        for p in population.projections:
            pool = isinstance(p, RealPool)
            taps = prod(p.size) if isinstance(p, RealPool) else p.weights.size
            positions = neurons if pool else neurons / population.shape[-1]
            timed = window.stepping and set(sources(p.source)) != {INPUT}
            total += positions * taps * (3 + window.length * timed)
    return total


def planned(real: RealNetwork, window: Window, effort: Effort, images: int) -> tuple[int, int]:
    """(images of a batch, steps) of a descent; 0 steps where it would be too short to learn anything."""
    largest = max(prod(shape) for shape in real.shapes.values())
    batch = min(BATCH, images, max(1, MEMORY // (largest * window.length)))
    steps = int(min(effort.images, effort.multiplications / multiplications(real, window)) // batch)
    return batch, steps if steps >= FEWEST_STEPS else 0
