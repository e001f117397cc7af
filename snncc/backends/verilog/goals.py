"""LANES from a goal: the cheapest design whose slowest stage still meets it.

A stage's time for an image is its scatter work, which LANES divides, plus its firing pass. The slowest stage sets the
pipeline's interval; every other one gets just the lanes that keep up with it, and so does the input's word of pixels.
Where the goal is the shortest interval they keep up with it in every image: layers hold rows, so that none can work off
in the next image what took it longer in this one. A goal in cycles is one of means, and held by exact cycles.
Two things no LANES shorten: the input takes a pixel a cycle, and the readout sends a value a cycle. Without a goal in
cycles firing passes are chosen for latency too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from snncc.backends.verilog.cycles import Timing
from snncc.backends.verilog.drafts import MAX_COLUMNS, MAX_LANES, Draft, drafts, legal_columns, legal_lanes
from snncc.backends.verilog.layout import INPUT_LANES, input_layout
from snncc.backends.verilog.plan import Choice, external, whole_parts
from snncc.backends.verilog.stages import Activity, Case, Option, input_cycles, layout, options, reads_input
from snncc.backends.verilog.tiles import INSIDE, Weights
from snncc.errors import TargetError
from snncc.ir import INPUT, Array, Network

DEFAULT_LANES = 16
DIVIDERS = 32
"""Divider stages of a firing pass of several lanes at most; a LANES limit above that allows as many."""
SLACK, MODERATE = 1.02, 1.05
"""How much longer than the slowest stage another may take: for the shortest interval; in a moderate design."""
INPUT_SHARE = 4
FOLLOWED = 4
PRICES = 60


@dataclass(frozen=True)
class Goal:
    """`cycles` per image or None: as fast as `max_lanes` allows. `lanes`: fixed by name.

    Where nobody asked for more than a moderate design, `max_columns` is 1 and `slack` is `MODERATE`. `deep`: more
    registers, for a higher clock.
    """

    cycles: float | None
    max_lanes: int
    lanes: Mapping[str, int]
    max_columns: int = MAX_COLUMNS
    deep: bool = False
    slack: float = SLACK


@dataclass(frozen=True)
class Balance:
    """What was chosen, for each node and for the input (`INPUT`: pixels a word). `goal`: cycles wanted.

    `stages`: their cycles from image to image. `shared`: the stages that take turns.
    """

    choices: dict[str, Choice]
    stages: dict[str, float]
    goal: float | None
    shared: frozenset[str] = frozenset()

    @property
    def reached(self) -> float:
        """The interval of the slowest stage."""
        return max(max(self.stages.values()), sum(self.stages[name] for name in self.shared))

    @property
    def met(self) -> bool:
        return self.goal is None or self.reached <= self.goal


def goal_of(
    target_fps: float | None,
    clock_mhz: float | None,
    max_lanes: int | None,
    lanes: Mapping[str, int],
    pipeline: bool = False,
) -> Goal:
    """The goal of so many images per second at a clock; without one, lanes up to a moderate number."""
    limit = (DEFAULT_LANES if target_fps is None else MAX_LANES) if max_lanes is None else max_lanes
    cycles = None if target_fps is None or clock_mhz is None else float(clock_mhz) * 1e6 / float(target_fps)
    columns, slack = (1, MODERATE) if target_fps is None and max_lanes is None else (MAX_COLUMNS, SLACK)
    return Goal(cycles, limit, dict(lanes), columns, pipeline, slack)


def balance(network: Network, goal: Goal, activity: Activity | None = None, weights: Weights = INSIDE) -> Balance:
    """The cheapest choice per node that keeps up with the goal, or with the slowest stage where it cannot be met.

    The layers that read external weights take turns, so that all of them together are one stage.
    """
    found = drafts(network)
    if activity is not None and goal.cycles is not None:
        activity = {name: events.mean(axis=0, keepdims=True) for name, events in activity.items()}
    names = {draft.name.removeprefix("pop_") for draft in found}
    for name in goal.lanes:
        if name not in names:
            raise TargetError(f"lanes for {name!r}: there is no such layer; there are {', '.join(sorted(names))}")
    shapes = {INPUT: network.input.shape} | {d.name: d.shape for d in found}
    layouts = {INPUT: input_layout(network.input.shape, INPUT_LANES)}
    case = Case(network, activity, shapes, layouts, found[-1].name, external(network, found, weights))
    sharing = {draft.name for draft in found if case.shares(draft)}
    picked: dict[str, Option] = {}
    for _ in range(2):  # how many words a layer reads follows from its sources' LANES
        case.layouts.update((d.name, layout(case, d, _widest(picked[d.name].choice))) for d in found if picked)
        ways = {draft.name: options(case, draft, _choices(case, goal, draft)) for draft in found}
        least = {name: min(built, key=lambda o: o.mean) for name, built in ways.items()}
        alone = [option for name, option in least.items() if name not in sharing]
        fastest = _slowest([*(option.cycles for option in alone), _total(least[name] for name in sharing)])
        budget = (
            fastest * goal.slack if goal.cycles is None else np.maximum(fastest, max(goal.cycles, input_cycles(case)))
        )
        picked = {
            name: min((o for o in built if (o.cycles <= budget).all()), key=lambda o: (o.cost, o.mean))
            for name, built in ways.items()
        }
        picked |= _in_turn({name: ways[name] for name in ways if name in sharing}, budget)
        if goal.cycles is None:
            picked = _quick(found, ways, picked)
    picked = _gathered(case, found, picked, budget)
    stages = _stages(case, found, picked, budget)
    choices = {name: option.choice for name, option in picked.items()}
    choices |= {INPUT: Choice(case.layouts[INPUT].lanes, deep=int(goal.deep))}
    return Balance(choices, stages, goal.cycles, frozenset(sharing))


def _slowest(stages: Iterable[Array]) -> Array:
    """Of each image the cycles of the slowest stage."""
    return np.asarray(np.maximum.reduce(np.broadcast_arrays(*stages)))


def _total(options: Iterable[Option]) -> Array:
    """Of each image the cycles of stages that take turns."""
    return sum((option.cycles for option in options), np.zeros(1))


def _in_turn(ways: dict[str, list[Option]], budget: Array) -> dict[str, Option]:
    """The cheapest options whose cycles add up to no more than the budget: a cycle has one price for all of them."""

    def at(price: float) -> dict[str, Option]:
        return {name: min(built, key=lambda o: o.cost + price * o.mean) for name, built in ways.items()}

    low, high = 1e-12, 1.0
    for _ in range(PRICES):
        price = (low * high) ** 0.5
        if (_total(at(price).values()) <= budget).all():
            high = price
        else:
            low = price
    return at(high)


def _quick(found: list[Draft], ways: dict[str, list[Option]], picked: dict[str, Option]) -> dict[str, Option]:
    """For latency: with the LANES picked, firing passes that take a quarter of the work of the readers that follow."""
    allowed = {draft.name: 0.0 for draft in found}
    for draft in found:
        for leaf, _ in draft.parts:
            if leaf.source != INPUT:
                allowed[leaf.source] = max(allowed[leaf.source], float(picked[draft.name].work.mean()))
    chosen = {}
    for name, old in picked.items():
        width = (old.choice.lanes, old.choice.columns)
        same = [o for o in ways[name] if (o.choice.lanes, o.choice.columns) == width and (o.cycles <= old.cycles).all()]
        longest = max(allowed[name] / FOLLOWED, min(o.firing for o in same))
        chosen[name] = min((o for o in same if o.firing <= longest), key=lambda o: (o.cost, o.firing))
    return chosen


def _widest(choice: Choice) -> Choice:
    """Sending whole potential words."""
    return replace(choice, parts=choice.lanes // choice.fire_lanes)


def _gathered(case: Case, found: list[Draft], picked: dict[str, Option], budget: Array) -> dict[str, Option]:
    """As picked for sources that send whole words; each sends the fewest parts at once that keep its readers going."""
    if case.network.window.stepping:
        return picked
    readers = {d.name: [r for r in found if any(leaf.source == d.name for leaf, _ in r.parts)] for d in found}
    chosen = dict(picked)
    for draft in found:
        widest = _widest(picked[draft.name].choice)

        def cycles(parts: int, draft: Draft = draft, widest: Choice = widest) -> list[Array]:
            case.layouts[draft.name] = layout(case, draft, replace(widest, parts=parts))
            return [options(case, r, [picked[r.name].choice])[0].cycles for r in readers[draft.name]]

        allowed = [
            best if case.shares(r) else np.maximum(budget, best)
            for r, best in zip(readers[draft.name], cycles(widest.parts), strict=True)
        ]
        parts = next(
            n for n in range(1, widest.parts + 1)
            if widest.parts % n == 0 and all((a <= b).all() for a, b in zip(cycles(n), allowed, strict=True))
        )  # fmt: skip
        chosen[draft.name] = replace(picked[draft.name], choice=replace(widest, parts=parts))
    return {d.name: options(case, d, [chosen[d.name].choice])[0] for d in found}


def _stages(case: Case, found: list[Draft], picked: dict[str, Option], budget: Array) -> dict[str, float]:
    """Cycles per image of the input and of each node as picked, with the fewest pixels a word that keep up.

    That is: scanned word by word an image takes no more than a share of the budget, and no stage gets too slow.
    """
    frames = case.network.timesteps if case.stored else 1
    readers = [draft for draft in found if reads_input(draft)]

    def stages(lanes: int) -> dict[str, Array]:
        case.layouts[INPUT] = input_layout(case.network.input.shape, lanes)
        again = {d.name: options(case, d, [picked[d.name].choice])[0].cycles for d in readers}
        first = {INPUT: np.full(1, float(input_cycles(case)))}
        return first | {name: option.cycles for name, option in picked.items()} | again

    def keeps_up(lanes: int) -> bool:
        made = stages(lanes)
        scanned = frames * case.layouts[INPUT].words
        return bool((scanned * INPUT_SHARE <= budget).all() and (_slowest(made.values()) <= allowed).all())

    allowed = np.maximum(budget, _slowest(stages(INPUT_LANES).values()))
    fewest = next((lanes for lanes in range(1, INPUT_LANES) if keeps_up(lanes)), INPUT_LANES)
    return {name: float(cycles.mean()) for name, cycles in stages(fewest).items()}


def _choices(case: Case, goal: Goal, draft: Draft) -> list[Choice]:
    """Every way to build a node."""
    legal = legal_lanes(draft, goal.max_lanes)
    fixed = goal.lanes.get(draft.name.removeprefix("pop_"))
    if fixed is not None:
        if fixed not in legal_lanes(draft):
            allowed = ", ".join(map(str, legal_lanes(draft)))
            raise TargetError(f"{draft.name.removeprefix('pop_')!r} cannot have {fixed} lanes: choose from {allowed}")
        legal = [fixed]
    most = 1 if case.outside.plain(draft) else goal.max_columns
    deep = 0 if case.outside.shallow(draft) else int(goal.deep)
    widths = [
        (lanes, columns)
        for lanes in legal
        for columns in legal_columns(draft, lanes)
        if columns <= most and lanes * max(g.x.columns(columns) for _, g in draft.parts) <= goal.max_lanes
    ] or [(lanes, 1) for lanes in legal]
    if case.network.window.stepping:
        return [Choice(lanes, columns=columns, deep=deep) for lanes, columns in widths]
    quotient = case.total.bit_length()
    return [
        Choice(lanes, fire, stages, columns=columns, deep=deep)
        for lanes, columns in widths
        for fire in range(1, lanes + 1)
        if lanes % fire == 0 and (draft.name != case.last or whole_parts(draft.shape[-1], lanes, fire) == fire)
        for stages in sorted({min(n, quotient) for n in (1, 2, 3, 4, quotient)} if draft.fires else {1})
        if fire * stages <= max(DIVIDERS, goal.max_lanes) or fire == 1
    ]


def interval(timing: Timing) -> int:
    """Cycles from one result to the next in the steady state."""
    return timing.last[-1] - timing.last[-2]
