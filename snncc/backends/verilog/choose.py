"""The plan that is exported: the cheapest whose exact cycles on the golden images meet the goal."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from snncc import sim
from snncc.backends.vectors import longest
from snncc.backends.verilog import cycles, goals, vectors
from snncc.backends.verilog.drafts import constant_input, drafts
from snncc.backends.verilog.leaves import node_name
from snncc.backends.verilog.plan import Plan, build
from snncc.backends.verilog.ports import PLAIN, Ports
from snncc.ir import INPUT, Array, Network, output_range
from snncc.sim.linear import before, values_of

LEAST = 3
"""Golden images: two at T_max, one at T = 1."""
GROUPS = 8
"""Images, or groups of them, that the balance looks at one by one."""


@dataclass(frozen=True)
class Made:
    """A plan, how its lanes were balanced, what it must do with the golden images and in which cycles, exactly."""

    plan: Plan
    balance: goals.Balance
    expected: vectors.Vectors
    timing: cycles.Timing
    goal: float | None

    @property
    def interval(self) -> float:
        """Mean cycles from one result to the next at T_max; the last image runs at T = 1."""
        return (self.timing.last[-2] - self.timing.last[0]) / (len(self.timing.last) - 2)

    @property
    def met(self) -> bool:
        return self.goal is None or self.interval <= self.goal


def choose(network: Network, goal: goals.Goal, pixels: Array, ports: Ports = PLAIN) -> Made:
    """The cheapest plan whose exact cycles on the golden images (at least three) meet the goal, or the nearest.

    The balance goes by means over an image; where they promise too much, it is asked again for that much more.
    """
    pixels = timed(pixels)
    seen, asked = activity(network, pixels), goal
    while True:
        balance = goals.balance(network, asked, seen, ports.weights)
        plan = build(network, balance.choices, ports)
        expected = vectors.make(plan, pixels, [longest(network, pixels)] * (len(pixels) - 1) + [1])
        made = Made(plan, balance, expected, cycles.predict(plan, expected), goal.cycles)
        if made.met or not balance.met or asked.cycles is None or goal.cycles is None:
            return made
        asked = replace(goal, cycles=min(asked.cycles * goal.cycles / made.interval, 0.99 * balance.reached))


def timed(pixels: Array) -> Array:
    """The golden images as they are run one after the other: repeated where there are fewer than `LEAST`."""
    return np.resize(pixels, (max(len(pixels), LEAST), *pixels.shape[1:]))


def activity(network: Network, pixels: Array) -> dict[str, Array]:
    """Events per element of every source, max-pools included, in each golden image, (images, source's shape).

    Of many images each of `GROUPS` groups has its mean.
    """
    counting, steps = network.window.counting, longest(network, pixels)
    values = [p.name for p in network.populations if p.hands_on and output_range(network, p.name, "step") != (0, 1)]
    values = [] if counting else values
    result = sim.run(network, pixels, steps, network.dynamics, trace=bool(values))
    seen = {name: np.asarray(c) for name, c in result.counts.items()}
    if result.trace is not None:
        seen |= {name: (result.trace.spikes[name] != 0).sum(axis=0) for name in values}
    if network.input.coding.sequences:
        seen[INPUT] = (pixels[:, :steps] != 0).sum(axis=1)
    once = counting or constant_input(network)
    events = {node_name(name): c != 0 if counting or (name == INPUT and once) else c for name, c in seen.items()}
    for draft in drafts(network):
        if draft.pool is not None:
            known = seen | {before(name): values for name, values in seen.items()}
            handed, frames = values_of(draft.pool, known), 1 if counting else network.timesteps
            spikes = draft.tally and not draft.sums
            events[draft.name] = handed if spikes else (handed != 0) * frames
    return {name: _grouped(c) for name, c in events.items()}


def _grouped(events: Array) -> Array:
    return np.stack([group.mean(axis=0) for group in np.array_split(events, min(GROUPS, len(events)))])
