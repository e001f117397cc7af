"""What a stage takes per image, in the mean, for each way to build it; `cycles` says it exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snncc.backends.verilog.bands import bands_of
from snncc.backends.verilog.drafts import Draft, constant_input, stores_images
from snncc.backends.verilog.edges import Geometry
from snncc.backends.verilog.layout import Layout, population_layout
from snncc.backends.verilog.leaves import Leaf
from snncc.backends.verilog.plan import Choice
from snncc.ir import INPUT, Array, Network

FRAME = 7  # cycles of an edge that a band costs beside its events

Activity = Mapping[str, Array]
"""Per source the events of each element in one image (mean over images), in the source's shape."""


@dataclass(frozen=True)
class Option:
    """One way to build a node. Per image: cycles of scatter work and firing pass, and `cycles` from image to image."""

    choice: Choice
    work: float
    firing: float
    cycles: float

    @property
    def cost(self) -> float:
        return self.choice.lanes + 1.5 * self.choice.fire_lanes * (1 + self.choice.stages)


@dataclass(frozen=True)
class Case:
    """What every stage's cycles depend on. `layouts`: words of the sources that are known already."""

    network: Network
    activity: Activity | None
    shapes: Mapping[str, tuple[int, ...]]
    layouts: dict[str, Layout]
    last: str

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
    return population_layout(draft.shape, padded, choice.fire_lanes if case.network.window.counting else choice.lanes)


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
    events = [_events(case, leaf, geometry, leaf.source in draft.every) for leaf, geometry in draft.parts]
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
        work = 0.0
        for (leaf, geometry), (reached, seen) in zip(draft.parts, events, strict=True):
            per = max(1, geometry.multiplier // choice.lanes) if geometry.channelwise else groups
            bands = bands_of(case.shapes[leaf.source], counting)
            work += max(reached * per, seen) + FRAME * bands * case.frames
        sending = channels * positions + 2 * parts + (5 if counting else 4) if draft.name == case.last else 0
        ways.append(Option(choice, work, firing, max(_with_input(case, draft, work + firing), sending)))
    return ways


def reads_input(draft: Draft) -> bool:
    """Whether a leaf of its views is the input."""
    return any(leaf.source == INPUT for leaf, _ in draft.parts)


def _with_input(case: Case, draft: Draft, time: float) -> float:
    """A reader of stored images has two frames waiting while the next image comes, and must work off the others."""
    if not case.stored or not reads_input(draft):
        return time
    waiting = max(0, case.network.timesteps - 2) / case.frames
    return max(time, math.prod(case.network.input.shape) + time * waiting + case.layouts[INPUT].words + 2)


def _events(case: Case, leaf: Leaf, geometry: Geometry, every: bool) -> tuple[float, float]:
    """(window positions reached, events and words without any) per image.

    Without activity, or where zeros count, every element is an event in every frame.
    """
    once = leaf.source == INPUT and constant_input(case.network)
    frames = 1 if once else case.frames
    shape = case.shapes[leaf.source]
    full = case.activity is None or every
    weight = np.full(shape, float(frames)) if full else np.asarray(case.activity[leaf.source], float)  # type: ignore[index]
    y, x, _ = np.unravel_index(leaf.positions, geometry.view)
    height, width, _ = geometry.view
    reach = geometry.y.reach(np.arange(height))[0][y] * geometry.x.reach(np.arange(width))[0][x]
    return float((weight.reshape(-1) * reach).sum()), float(weight.sum()) + frames * _silent(
        case, leaf, weight / frames
    )


def _silent(case: Case, leaf: Leaf, chance: Array) -> float:
    """Words of a frame without an event, where each element is one with this chance; the scanner passes each."""
    words = case.layouts.get(leaf.source)
    if words is None:
        return 0.0
    elements = words.elements()
    none = np.where(elements < 0, 1.0, 1.0 - np.minimum(chance.reshape(-1), 1.0)[elements])
    return float(none.reshape(-1, words.lanes).prod(axis=1).sum())
