"""Weights that are not in the design's own ROMs: where they are instead, and in which pieces they come.

`load`: every weight memory is written once, through a stream. `external`: large projections read theirs from a memory
on an AXI4 bus, each weight once per frame (an image in `count`, a timestep in `step`): `snn_edge_tiles` has its
source's whole frame in its banks and takes it once per tile. A tile is the weights of `part` channels of the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from snncc.errors import TargetError

WHERE = ("rom", "load", "external")
BUSES = ("32", "64", "128", "256", "512")
INSIDE_KBIT = 2048
LATENCY, PERIOD = 32, 1
PAGE = 4096
RING = 512
"""Words that a ring of tiles has at least: so many a block RAM has anyway."""
TILE = 256
"""Words that a tile has at least where its source's words have so many channels: the walk ends before the next tile."""


@dataclass(frozen=True)
class Weights:
    """Where the weights are. `bus`: bits of a beat. `inside`: kbit that may stay in ROMs, where others are external.

    `latency`, `period`: the memory that cycles are predicted for; its first beat comes so many cycles after a burst
    was accepted, and a beat every `period` cycles.
    """

    where: str = "rom"
    bus: int = 64
    inside: float = INSIDE_KBIT
    latency: int = LATENCY
    period: int = PERIOD

    @property
    def burst(self) -> int:
        """Beats of a burst: at most 64, and no more than a page, so that none crosses a page."""
        return min(64, PAGE * 8 // self.bus)

    def beats(self, word_bits: int) -> int:
        """Beats of a word: a beat holds no parts of two."""
        return -(-word_bits // self.bus)


INSIDE = Weights()


def read(facts: Any) -> Weights:
    """What `to_dict` wrote; ValueError or TypeError where it did not."""
    if not isinstance(facts, Mapping):
        raise TypeError("no weights")
    found = Weights(**facts)
    numbers = (found.inside, found.latency, found.period)
    if (
        found.where not in WHERE
        or str(found.bus) not in BUSES
        or any(not isinstance(n, int | float) or n < 0 for n in numbers)
    ):
        raise ValueError("no such weights")
    return found


@dataclass(frozen=True)
class Tiles:
    """`number` tiles a frame, of `part` channels and `words` words of `beats` beats; the ring has room for `slots`."""

    part: int
    words: int
    slots: int
    beats: int
    number: int

    @property
    def beats_of_tile(self) -> int:
        return self.words * self.beats

    @property
    def room(self) -> int:
        """Beats of the ring."""
        return self.slots * self.beats_of_tile

    def describe(self) -> dict[str, int]:
        return asdict(self)


def tiles_of(weights: Weights, lanes: int, channels: int, channel_words: int, word_bits: int) -> Tiles:
    """Of an edge whose source sends `channels` in words of `lanes`; each channel has so many words of weights."""
    parts = [n for n in range(1, lanes + 1) if lanes % n == 0]
    part = next((n for n in parts if n * channel_words >= TILE), lanes)
    words, beats = part * channel_words, weights.beats(word_bits)
    slots = max(2, -(-RING // words), 1 + -(-weights.burst // (words * beats)))
    return Tiles(part, words, slots, beats, channels // part)


def choose(sizes: list[int], reasons: list[str | None], names: list[str], inside: float) -> list[bool]:
    """Which projections are external: the largest, until the weights of the others fit `inside` kbit.

    `sizes` in bits; a projection with a reason cannot be. TargetError names those, where too much is left.
    """
    external, left = [False] * len(sizes), sum(sizes)
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        if left <= inside * 1000:
            return external
        if reasons[i] is None:
            external[i], left = True, left - sizes[i]
    if left > inside * 1000:
        held = [f"{names[i]!r} ({reasons[i]})" for i in range(len(sizes)) if sizes[i] and reasons[i]]
        raise TargetError(
            f"{left / 1000:,.4g} kbit of weights cannot be external: {', '.join(held)}; allow more than "
            f"{inside:,.4g} kbit by `weights_inside`"
        )
    return external
