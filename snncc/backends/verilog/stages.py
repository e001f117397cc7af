"""What a stage takes of each image, by the chance of events, for each way to build it; `cycles` says it exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snncc.backends.verilog.bands import bands_of
from snncc.backends.verilog.drafts import Draft, constant_input, stores_images
from snncc.backends.verilog.edges import pack_of
from snncc.backends.verilog.layout import Layout, population_layout
from snncc.backends.verilog.leaves import axes
from snncc.backends.verilog.plan import Choice, Outside
from snncc.backends.verilog.window import accesses
from snncc.ir import INPUT, Array, Network

FRAME = 7  # cycles of an edge that a band costs beside its events

Activity = Mapping[str, Array]
"""Per source the events of each element in each image (or group of them: their mean), (images, source's shape)."""


@dataclass(frozen=True)
class Option:
    """One way to build a node. Of each image, (images,): scatter work, and `cycles` from image to image with `firing`.

    `slots`: potential words that an access reaches at most.
    """

    choice: Choice
    work: Array
    firing: float
    cycles: Array
    slots: int

    @property
    def mean(self) -> float:
        """Cycles from image to image."""
        return float(self.cycles.mean())

    @property
    def cost(self) -> float:
        """In lanes: multipliers and weights for each slot, adders for each column; dividers."""
        chosen = self.choice
        return chosen.lanes * (self.slots + chosen.columns) / 2 + 1.5 * chosen.fire_lanes * (1 + chosen.stages)


@dataclass(frozen=True)
class Case:
    """What every stage's cycles depend on. `layouts`: words of the sources that are known already.

    `outside`: the projections whose weights are external; their layers take turns at the memory.
    """

    network: Network
    activity: Activity | None
    shapes: Mapping[str, tuple[int, ...]]
    layouts: dict[str, Layout]
    last: str
    outside: Outside

    def shares(self, draft: Draft) -> bool:
        """Whether weights of this node are external."""
        return any((draft.name, i) in self.outside.parts for i in range(len(draft.parts)))

    @property
    def total(self) -> int:
        return self.network.window.length

    @property
    def frames(self) -> int:
        return self.network.window.passes

    @property
    def stored(self) -> bool:
        return stores_images(self.network)


def layout(case: Case, draft: Draft, choice: Choice) -> Layout:
    """The words that a node writes with this choice."""
    padded = -(-draft.shape[-1] // choice.lanes) * choice.lanes
    lanes = choice.fire_lanes * choice.parts if case.network.window.counting else choice.lanes
    return population_layout(draft.shape, padded, lanes)


def input_cycles(case: Case) -> float:
    """From one image's first pixel to the next one's: a pixel a cycle, then what the encoder makes of them."""
    pixels = math.prod(case.network.input.shape)
    if case.stored:
        return pixels + case.network.timesteps * (case.layouts[INPUT].words + 2) + case.network.window.extra
    if case.network.input.coding.sequences:
        return case.network.timesteps * (pixels + 1) + case.network.window.extra
    return pixels + (bands_of(case.network.input.shape, True) if case.network.window.counting else case.frames)


def options(case: Case, draft: Draft, choices: list[Choice]) -> list[Option]:
    """Each choice with its cycles per image."""
    edges = [_Events(case, draft, index) for index in range(len(draft.parts))]
    positions, channels = math.prod(draft.shape[:-1]), draft.shape[-1]
    counting, quotient = case.network.window.counting, case.total.bit_length() if draft.fires else 1
    ways = []
    for choice in choices:
        groups = -(-channels // choice.lanes)
        parts = positions * groups
        firing = case.frames * (parts + 3.0)
        if counting:
            period = -(-quotient // choice.stages)
            parts *= choice.lanes // choice.fire_lanes
            bands = bands_of(draft.shape, draft.name != case.last)
            firing = (parts - bands) * period + bands * (4.0 + choice.stages * period)
        work = np.zeros(1)
        for i, ((leaf, geometry), edge) in enumerate(zip(draft.parts, edges, strict=True)):
            per = max(1, geometry.multiplier // choice.lanes) if geometry.channelwise else groups
            bands = bands_of(case.shapes[leaf.source], counting)
            reached, seen = edge.walked(choice)
            fetched = 0
            if (draft.name, i) in case.outside.parts:
                weights, bits = case.outside.weights, choice.lanes * case.network.signed_bit
                fetched = geometry.taps.size // channels * groups * weights.beats(bits) * weights.period * case.frames
            work = work + np.maximum(np.maximum(reached * per, seen), fetched) + FRAME * bands * case.frames
        slots = max(geometry.x.columns(choice.columns) for _, geometry in draft.parts)
        sending = channels * positions + 2 * parts + (5 if counting else 4) if draft.name == case.last else 0
        cycles = np.maximum(_with_input(case, draft, work + firing), sending)
        ways.append(Option(choice, work, firing, cycles, slots))
    return ways


def reads_input(draft: Draft) -> bool:
    """Whether a leaf of its views is the input."""
    return any(leaf.source == INPUT for leaf, _ in draft.parts)


def _with_input(case: Case, draft: Draft, time: Array) -> Array:
    """A reader of stored images has two frames waiting while the next image comes, and must work off the others."""
    if not case.stored or not reads_input(draft):
        return time
    waiting = max(0, case.network.timesteps - 2) / case.frames
    return np.maximum(time, math.prod(case.network.input.shape) + time * waiting + case.layouts[INPUT].words + 2)


class _Events:
    """Events of an edge in each image.

    Without activity, or where zeros count, every element is an event in every frame.
    """

    def __init__(self, case: Case, draft: Draft, index: int) -> None:
        leaf, geometry = draft.parts[index]
        once = leaf.source == INPUT and constant_input(case.network)
        self.frames = 1 if once else case.frames
        self.geometry, self.words = geometry, case.layouts.get(leaf.source)
        shape = case.shapes[leaf.source]
        full = case.activity is None or leaf.source in draft.every
        seen = np.ones((1, *shape)) if full else np.asarray(case.activity[leaf.source], float) / self.frames  # type: ignore[index]
        self.none = 1.0 - np.minimum(seen, 1.0).reshape(len(seen), -1)
        self.at = np.unravel_index(leaf.positions, geometry.view)
        packs = geometry.channelwise and not case.outside.feeds(draft, index)
        separate = axes(leaf, shape) if packs else None
        self.channels = None if separate is None else separate[2]
        self.found: dict[tuple[int, int], tuple[Array, Array]] = {}

    def walked(self, choice: Choice) -> tuple[Array, Array]:
        """(accesses to potentials for each group, events and words without any)."""
        taps, pack = self.geometry.x.columns(choice.columns), self.pack(choice)
        if (taps, pack) not in self.found:
            self.found[taps, pack] = self._walked(taps, pack)
        return self.found[taps, pack]

    def pack(self, choice: Choice) -> int:
        """Elements of an event. Of words that are not chosen yet, as many as a reader likes."""
        if self.channels is None:
            return 1
        width = choice.lanes // self.geometry.multiplier
        likely = self.words or Layout((1, 1, max(1, width)), 1, 1, max(1, width), max(1, width))
        return pack_of(self.geometry, self.channels, likely, choice.lanes)

    def _walked(self, taps: int, pack: int) -> tuple[Array, Array]:
        height, width, _ = self.geometry.view
        y, x, _ = self.at
        rows = self.geometry.y.reach(np.arange(height))[0]
        accessed = rows[y] * accesses(self.geometry.x, taps).table(np.arange(width))[x, 0]
        channels = 1 if self.channels is None else len(self.channels)
        events = 1.0 - _together(self.none, channels, pack)
        reached = events @ accessed.reshape(-1, channels)[:, ::pack].reshape(-1)
        silent = np.zeros(1)
        if self.words is not None:
            elements = self.words.elements()
            empty = np.where(elements < 0, 1.0, self.none[:, elements])
            silent = empty.reshape(len(empty), -1, self.words.lanes).prod(axis=2).sum(axis=1)
        return reached * self.frames, (events.sum(axis=1) + silent) * self.frames


def _together(none: Array, channels: int, pack: int) -> Array:
    """(images, events): for each `pack` neighbouring channels of a position the chance that none is an event."""
    images = len(none)
    padded = np.pad(none.reshape(images, -1, channels), ((0, 0), (0, 0), (0, -channels % pack)), constant_values=1.0)
    return np.asarray(padded.reshape(images, -1, pack).prod(axis=2))
