"""LANES from a goal: the cheapest design whose slowest stage still meets it.

A stage's time per image is its scatter work, which LANES divides, plus its firing pass. The slowest stage sets the
pipeline's interval; every other one gets just the lanes that keep up with it, and so does the input's word of pixels.
Two things no LANES shorten: the input takes a pixel a cycle, and the readout sends a value a cycle. Without a goal in
cycles firing passes are chosen for latency too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snncc.backends.verilog.cycles import Timing
from snncc.backends.verilog.drafts import MAX_LANES, Draft, drafts, legal_lanes, stores_images
from snncc.backends.verilog.edges import Geometry
from snncc.backends.verilog.layout import INPUT_LANES, Layout, input_layout, population_layout
from snncc.backends.verilog.leaves import Leaf
from snncc.backends.verilog.plan import Choice, whole_parts
from snncc.errors import TargetError
from snncc.ir import INPUT, Array, Network

DEFAULT_LANES = 16
DIVIDERS = 32
SLACK = 1.05
INPUT_SHARE = 4
FOLLOWED = 4
FRAME = 7  # cycles of an edge that a frame costs beside its events

Activity = Mapping[str, Array]
"""Per source the events of each element in one image (mean over images), in the source's shape."""


@dataclass(frozen=True)
class Goal:
    """`cycles` per image or None: as fast as `max_lanes` allows. `lanes`: fixed by name."""

    cycles: float | None
    max_lanes: int
    lanes: Mapping[str, int]


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
class Balance:
    """What was chosen, for each node and for the input (`INPUT`: pixels a word). `goal`: cycles wanted.

    `stages`: their cycles from image to image.
    """

    choices: dict[str, Choice]
    stages: dict[str, float]
    goal: float | None

    @property
    def reached(self) -> float:
        """The interval of the slowest stage."""
        return max(self.stages.values())

    @property
    def met(self) -> bool:
        return self.goal is None or self.reached <= self.goal


def goal_of(options: Mapping[str, object]) -> Goal:
    """Checked options `target_fps`, `clock_mhz`, `max_lanes`, `lanes`."""
    fps, clock, most = options["target_fps"], options["clock_mhz"], options["max_lanes"]
    if (fps is None) != (clock is None):
        raise TargetError("--target-fps and --clock-mhz go together: cycles per image = clock / frames per second")
    for name, value in (("--target-fps", fps), ("--clock-mhz", clock)):
        if value is not None and not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
            raise TargetError(f"{name} must be positive and finite, not {value}")
    limit = (MAX_LANES if fps is not None else DEFAULT_LANES) if most is None else most
    if not isinstance(limit, int) or not 1 <= limit <= MAX_LANES:
        raise TargetError(f"--max-lanes must be 1..{MAX_LANES}, not {most}")
    cycles = None if fps is None else float(clock) * 1e6 / float(fps)  # type: ignore[arg-type]
    lanes = options["lanes"]
    if not isinstance(lanes, Mapping):
        raise TargetError("lanes is a table: population -> LANES")
    return Goal(cycles, limit, dict(lanes))


@dataclass(frozen=True)
class _Case:
    """What every stage's cycles depend on. `layouts`: words of the sources that are known already."""

    network: Network
    goal: Goal
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


def balance(network: Network, goal: Goal, activity: Activity | None = None) -> Balance:
    """The cheapest choice per node that keeps up with the goal, or with the slowest stage where it cannot be met."""
    found = drafts(network)
    names = {draft.name.removeprefix("pop_") for draft in found}
    for name in goal.lanes:
        if name not in names:
            raise TargetError(f"lanes for {name!r}: there is no such layer; there are {', '.join(sorted(names))}")
    shapes = {INPUT: network.input.shape} | {d.name: d.shape for d in found}
    layouts = {INPUT: input_layout(network.input.shape, INPUT_LANES)}
    case = _Case(network, goal, activity, shapes, layouts, found[-1].name)
    picked: dict[str, Option] = {}
    for _ in range(2):  # how many words a layer reads follows from its sources' LANES
        case.layouts.update((d.name, _layout(case, d, picked[d.name].choice)) for d in found if picked)
        options = {draft.name: _options(case, draft, _choices(case, draft)) for draft in found}
        fastest = max(min(option.cycles for option in ways) for ways in options.values())
        budget = fastest * SLACK if goal.cycles is None else max(goal.cycles, fastest, _input_cycles(case))
        picked = {
            name: min((o for o in ways if o.cycles <= budget), key=lambda o: (o.cost, o.cycles))
            for name, ways in options.items()
        }
        if goal.cycles is None:
            picked = _quick(found, options, picked)
    stages = _stages(case, found, picked, budget)
    choices = {name: option.choice for name, option in picked.items()}
    return Balance(choices | {INPUT: Choice(case.layouts[INPUT].lanes)}, stages, goal.cycles)


def _quick(found: list[Draft], options: dict[str, list[Option]], picked: dict[str, Option]) -> dict[str, Option]:
    """For latency: with the LANES picked, firing passes that take a quarter of the work of the readers that follow."""
    allowed = {draft.name: 0.0 for draft in found}
    for draft in found:
        for leaf, _ in draft.parts:
            if leaf.source != INPUT:
                allowed[leaf.source] = max(allowed[leaf.source], picked[draft.name].work)
    chosen = {}
    for name, old in picked.items():
        same = [o for o in options[name] if o.choice.lanes == old.choice.lanes and o.cycles <= old.cycles]
        longest = max(allowed[name] / FOLLOWED, min(o.firing for o in same))
        chosen[name] = min((o for o in same if o.firing <= longest), key=lambda o: (o.cost, o.firing))
    return chosen


def _stages(case: _Case, found: list[Draft], picked: dict[str, Option], budget: float) -> dict[str, float]:
    """Cycles per image of the input and of each node as picked, with the fewest pixels a word that keep up.

    That is: scanned word by word an image takes no more than a share of the budget, and no stage gets too slow.
    """
    frames = case.network.timesteps if case.stored else 1
    readers = [draft for draft in found if _reads_input(draft)]

    def stages(lanes: int) -> dict[str, float]:
        case.layouts[INPUT] = input_layout(case.network.input.shape, lanes)
        again = {d.name: _options(case, d, [picked[d.name].choice])[0].cycles for d in readers}
        return {INPUT: _input_cycles(case)} | {name: option.cycles for name, option in picked.items()} | again

    widest = max(stages(INPUT_LANES).values())
    for lanes in range(1, INPUT_LANES):
        made = stages(lanes)
        scanned = frames * case.layouts[INPUT].words
        if scanned * INPUT_SHARE <= budget and max(made.values()) <= max(budget, widest):
            return made
    return stages(INPUT_LANES)


def _layout(case: _Case, draft: Draft, choice: Choice) -> Layout:
    """The words that a node writes with this choice."""
    padded = -(-draft.shape[-1] // choice.lanes) * choice.lanes
    return population_layout(draft.shape, padded, choice.fire_lanes if case.network.window.counting else choice.lanes)


def _input_cycles(case: _Case) -> float:
    """From one image's first pixel to the next one's: a pixel a cycle, then what the encoder makes of them."""
    pixels = math.prod(case.network.input.shape)
    if case.stored:
        return pixels + case.network.timesteps * (case.layouts[INPUT].words + 2) + case.network.window.extra
    return pixels + case.frames


def _choices(case: _Case, draft: Draft) -> list[Choice]:
    """Every way to build a node."""
    legal = legal_lanes(draft, case.goal.max_lanes)
    fixed = case.goal.lanes.get(draft.name.removeprefix("pop_"))
    if fixed is not None:
        if fixed not in legal_lanes(draft):
            allowed = ", ".join(map(str, legal_lanes(draft)))
            raise TargetError(f"{draft.name.removeprefix('pop_')!r} cannot have {fixed} lanes: choose from {allowed}")
        legal = [fixed]
    if case.network.window.stepping:
        return [Choice(lanes) for lanes in legal]
    quotient = case.total.bit_length()
    return [
        Choice(lanes, fire, stages)
        for lanes in legal
        for fire in range(1, lanes + 1)
        if lanes % fire == 0 and (draft.name != case.last or whole_parts(draft.shape[-1], lanes, fire) == fire)
        for stages in sorted({min(n, quotient) for n in (1, 2, 3, 4, quotient)} if draft.fires else {1})
        if fire * stages <= DIVIDERS or fire == 1
    ]


def _options(case: _Case, draft: Draft, choices: list[Choice]) -> list[Option]:
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
            firing = (parts - 1) * period + 4.0 + choice.stages * period
        work = 0.0
        for (_, geometry), (reached, seen) in zip(draft.parts, events, strict=True):
            per = max(1, geometry.multiplier // choice.lanes) if geometry.channelwise else groups
            work += max(reached * per, seen) + FRAME * case.frames
        sending = channels * positions + 2 * parts + (5 if counting else 4) if draft.name == case.last else 0
        ways.append(Option(choice, work, firing, max(_with_input(case, draft, work + firing), sending)))
    return ways


def _reads_input(draft: Draft) -> bool:
    return any(leaf.source == INPUT for leaf, _ in draft.parts)


def _with_input(case: _Case, draft: Draft, time: float) -> float:
    """A reader of stored images has two frames waiting while the next image comes, and must work off the others."""
    if not case.stored or not _reads_input(draft):
        return time
    waiting = max(0, case.network.timesteps - 2) / case.frames
    return max(time, math.prod(case.network.input.shape) + time * waiting + case.layouts[INPUT].words + 2)


def _events(case: _Case, leaf: Leaf, geometry: Geometry, every: bool) -> tuple[float, float]:
    """(window positions reached, events and words without any) per image.

    Without activity, or where zeros count, every element is an event in every frame.
    """
    once = case.network.window.stepping and leaf.source == INPUT and not case.network.input.coding.spiking
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


def _silent(case: _Case, leaf: Leaf, chance: Array) -> float:
    """Words of a frame without an event, where each element is one with this chance; the scanner passes each."""
    layout = case.layouts.get(leaf.source)
    if layout is None:
        return 0.0
    elements = layout.elements()
    none = np.where(elements < 0, 1.0, 1.0 - np.minimum(chance.reshape(-1), 1.0)[elements])
    return float(none.reshape(-1, layout.lanes).prod(axis=1).sum())


def interval(timing: Timing) -> int:
    """Cycles from one result to the next in the steady state."""
    return timing.last[-1] - timing.last[-2]
