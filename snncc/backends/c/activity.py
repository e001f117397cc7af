"""What happens while a C program runs, which no plan says: how many spikes there are, and how many pixels are not 0."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snncc import sim
from snncc.backends.c.program import Program
from snncc.backends.c.views import Made, Move, Pool, bases, spatial
from snncc.ir import INPUT, Array


@dataclass(frozen=True)
class Activity:
    """Means over images: `spikes` of each element, in `step`, of pools and moved views too; `pixels` that are not 0."""

    spikes: Mapping[str, Array]
    pixels: float


def activity(program: Program, pixels: Array) -> Activity:
    """Of integer images (N, *input shape), in the simulator; nothing is simulated in `count`, where loops are fixed."""
    network, images = program.network, len(pixels)
    lit = float(np.count_nonzero(pixels)) / images
    if network.window.counting:
        return Activity({}, lit)
    found = sim.run(network, pixels, network.timesteps, "step").counts
    counts = {name: values.reshape(images, -1) for name, values in found.items()}
    spiking = {INPUT, *(p.name for p in network.populations if p.fires)} - program.currents
    for made in (operation for group in program.made for operation in group):
        if spiking.issuperset(bases(made)):
            counts[made.name] = _count(made, counts)
            spiking.add(made.name)
    return Activity({name: counts[name].mean(axis=0) for name in spiking & counts.keys()}, lit)


def _count(made: Made, counts: Mapping[str, Array]) -> Array:
    """The counts (N, elements) of a view that is made at run time, of those of what it reads."""
    images = len(counts[bases(made)[0]])
    if isinstance(made, Move):
        moved = np.zeros((images, math.prod(made.shape)), np.int64)
        for base, to in made.parts:
            moved[:, to] = counts[base]
        return moved
    source = counts[made.base].reshape(images, *spatial(made.source))
    out = np.zeros((images, *spatial(made.shape)), np.int64)
    down, across = made.strides
    if isinstance(made, Pool):
        top, bottom, left, right = (a + b for a, b in zip(made.frame, made.pads, strict=True))
        padded = np.pad(source, ((0, 0), (top, bottom), (left, right), (0, 0)))
        for y, x in np.ndindex(*made.size):
            part = padded[:, y:, x:][:, ::down, ::across][:, : out.shape[1], : out.shape[2]]
            np.maximum(out[:, : part.shape[1], : part.shape[2]], part, out=out[:, : part.shape[1], : part.shape[2]])
        return out.reshape(images, -1)
    height, width = source.shape[1:3]
    for y, x in np.ndindex(*made.copies):
        out[:, y::down, x::across][:, :height, :width] = source
    return out.reshape(images, -1)
