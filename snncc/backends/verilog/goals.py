"""LANES from a goal: the cheapest design whose slowest stage still meets it.

A stage's time per image is its scatter work, which LANES divides, plus its firing pass. The slowest stage sets the
pipeline's interval; every other one gets just the lanes that keep up with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snncc.backends.verilog.cycles import Timing
from snncc.backends.verilog.edges import Geometry
from snncc.backends.verilog.layout import INPUT_LANES, input_layout
from snncc.backends.verilog.leaves import Leaf
from snncc.backends.verilog.plan import MAX_LANES, Choice, Draft, Plan, drafts, legal_lanes, whole_parts
from snncc.errors import TargetError
from snncc.ir import INPUT, Array, Dynamics, Network

DEFAULT_LANES = 16
DIVIDERS = 32
SLACK = 1.05
INPUT_SHARE = 4
FOLLOWED = 4

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
    """One way to build a node and its cycles per image."""

    choice: Choice
    work: float
    firing: float

    @property
    def cycles(self) -> float:
        return self.work + self.firing

    @property
    def cost(self) -> float:
        return self.choice.lanes + 1.5 * self.choice.fire_lanes * (1 + self.choice.stages)


@dataclass(frozen=True)
class Balance:
    """What was chosen. `reached`: the interval of the slowest stage; `met`: whether the goal was."""

    choices: dict[str, Choice]
    stages: dict[str, float]
    reached: float
    met: bool


def goal_of(options: Mapping[str, object]) -> Goal:
    """Checked options `target_fps`, `clock_mhz`, `max_lanes`, `lanes`."""
    fps, clock, most = options["target_fps"], options["clock_mhz"], options["max_lanes"]
    if (fps is None) != (clock is None):
        raise TargetError("--target-fps and --clock-mhz go together: cycles per image = clock / frames per second")
    for name, value in (("--target-fps", fps), ("--clock-mhz", clock)):
        if value is not None and not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
            raise TargetError(f"{name} must be positive, not {value}")
    limit = (MAX_LANES if fps is not None else DEFAULT_LANES) if most is None else most
    if not isinstance(limit, int) or not 1 <= limit <= MAX_LANES:
        raise TargetError(f"--max-lanes must be 1..{MAX_LANES}, not {most}")
    cycles = None if fps is None else float(clock) * 1e6 / float(fps)  # type: ignore[arg-type]
    lanes = options["lanes"]
    if not isinstance(lanes, Mapping):
        raise TargetError("lanes is a table: population -> LANES")
    return Goal(cycles, limit, dict(lanes))


def balance(network: Network, dynamics: Dynamics, goal: Goal, activity: Activity | None = None) -> Balance:
    """The cheapest choice per node that keeps up with the goal, or with the slowest stage where it cannot be met."""
    found = drafts(network, dynamics)
    names = {draft.name.removeprefix("pop_") for draft in found}
    for name in goal.lanes:
        if name not in names:
            raise TargetError(f"lanes for {name!r}: there is no such layer; there are {', '.join(sorted(names))}")
    options = {
        draft.name: _options(network, dynamics, draft, goal, activity, draft is found[-1], found) for draft in found
    }
    fastest = max(min(option.cycles for option in ways) for ways in options.values())
    budget = fastest * SLACK if goal.cycles is None else max(goal.cycles, fastest)
    picked = {
        name: min((o for o in ways if o.cycles <= budget), key=lambda o: (o.cost, o.cycles))
        for name, ways in options.items()
    }
    if goal.cycles is None:
        picked = _quick(found, options, picked)
    stages = {name: option.cycles for name, option in picked.items()}
    reached = max(stages.values())
    met = goal.cycles is None or reached <= goal.cycles
    choices = {name: option.choice for name, option in picked.items()}
    return Balance(choices | {INPUT: Choice(_input_lanes(network, dynamics, budget))}, stages, reached, met)


def _quick(found: list[Draft], options: dict[str, list[Option]], picked: dict[str, Option]) -> dict[str, Option]:
    """For latency: with the LANES picked, firing passes that take a quarter of the work of the readers that follow."""
    allowed = {draft.name: 0.0 for draft in found}
    for draft in found:
        for leaf, _ in draft.parts:
            if leaf.source != INPUT:
                allowed[leaf.source] = max(allowed[leaf.source], picked[draft.name].work)
    chosen = {}
    for name, old in picked.items():
        same = [o for o in options[name] if o.choice.lanes == old.choice.lanes and o.firing <= old.firing]
        longest = max(allowed[name] / FOLLOWED, min(o.firing for o in same))
        chosen[name] = min((o for o in same if o.firing <= longest), key=lambda o: (o.cost, o.firing))
    return chosen


def _input_lanes(network: Network, dynamics: Dynamics, budget: float) -> int:
    """The fewest pixels a word whose scan, word by word, takes no more than a share of the budget."""
    frames = network.timesteps if dynamics == "step" and network.input.encoding == "rate" else 1
    layouts = [input_layout(network.input.shape, lanes) for lanes in range(1, INPUT_LANES + 1)]
    fitting = [made.lanes for made in layouts if INPUT_SHARE * frames * made.words <= budget]
    return min(fitting, default=layouts[-1].lanes)


def _options(
    network: Network, dynamics: Dynamics, draft: Draft, goal: Goal, activity: Activity | None, last: bool,
    found: list[Draft],
) -> list[Option]:  # fmt: skip
    counting = dynamics == "count"
    shapes = {INPUT: network.input.shape} | {d.name: d.shape for d in found}
    total = network.timesteps + network.spike_ext
    frames = 1 if counting else total
    events = [
        _events(leaf, geometry, shapes, frames, activity, leaf.source in draft.every) for leaf, geometry in draft.parts
    ]
    legal = legal_lanes(draft, goal.max_lanes)
    fixed = goal.lanes.get(draft.name.removeprefix("pop_"))
    if fixed is not None:
        if fixed not in legal_lanes(draft):
            allowed = ", ".join(map(str, legal_lanes(draft)))
            raise TargetError(f"{draft.name.removeprefix('pop_')!r} cannot have {fixed} lanes: choose from {allowed}")
        legal = [fixed]
    positions, channels = math.prod(draft.shape[:-1]), draft.shape[-1]
    fires = draft.population is not None and draft.population.fires
    quotient = total.bit_length()
    ways = []
    for lanes in legal:
        groups = -(-channels // lanes)
        words = positions * groups
        work = 0.0
        for (_, geometry), (reached, seen) in zip(draft.parts, events, strict=True):
            per = max(1, geometry.multiplier // lanes) if geometry.channelwise else groups
            work += max(reached * per, seen) + 6 * frames
        if not counting:
            ways.append(Option(Choice(lanes), work, frames * (words + 3.0)))
            continue
        for fire in (n for n in range(1, lanes + 1) if lanes % n == 0):
            if last and whole_parts(channels, lanes, fire) != fire:
                continue
            for stages in {1, 2, 3, 4, quotient} if fires else {1}:
                stages = min(stages, quotient)
                if fire * stages > DIVIDERS and (fire, stages) != (1, stages):
                    continue
                period = -(-quotient // stages) if fires else 1
                firing = words * lanes // fire * period + 6.0 + stages * period
                ways.append(Option(Choice(lanes, fire, stages), work, firing))
    return ways


def _events(
    leaf: Leaf,
    geometry: Geometry,
    shapes: Mapping[str, tuple[int, ...]],
    frames: int,
    activity: Activity | None,
    every: bool,
) -> tuple[float, float]:
    """(window positions reached, events) per image; without activity, or where zeros count, every element is one."""
    shape = shapes[leaf.source]
    weight = np.full(shape, float(frames)) if activity is None or every else activity[leaf.source]
    y, x, _ = np.unravel_index(leaf.positions, geometry.view)
    height, width, _ = geometry.view
    reach = geometry.y.reach(np.arange(height))[0][y] * geometry.x.reach(np.arange(width))[0][x]
    return float((weight.reshape(-1) * reach).sum()), float(weight.sum())


def interval(timing: Timing) -> int:
    """Cycles from one result to the next in the steady state."""
    return timing.last[-1] - timing.last[-2]


def rows(plan: Plan, chosen: Balance) -> list[tuple[str, int, list[int], float]]:
    """(layer, LANES, legal LANES, cycles per image) for a table."""
    legal = {d.name: legal_lanes(d) for d in drafts(plan.network, plan.dynamics)}
    return [(n.name, n.lanes, legal[n.name], chosen.stages[n.name]) for n in plan.nodes]
