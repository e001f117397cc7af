"""Clock cycles, predicted exactly: a recurrence over (layer, frame) of work, firing pass and bank waits.

Cycle numbers count from the first accepted pixel after reset, input always valid and output always ready. A frame is a
timestep (`step`) or an image (`count`). For edge e of layer l and frame k:

    start(e, k) = max(turn(e, k), commit(source of e, k) + 1)
    done(e, k)  = start + 1                            where the frame is empty
                = start + work(e, events of k) + 1     else; `work` below
    turn(next edge, k) = done(e, k) + 1;   turn(first edge, k) = commit(l, k - 1) + 1
    fire(l, k)   = max(done(last edge, k) + 1, done(r, k - banks of r) + 1 for every reader r of l)
    commit(l, k) = fire(l, k) + pass(l)
    pass(l)      = words + 2                                                   (`step`)
                 = (parts - 1)*PERIOD + 4 + STAGES*PERIOD                      (`count`; no division: + 4)

`work` of one bank, event i in word w_i with f_i targets, g_i words without events before it (docs/hardware.md):

    A_i = max(A_{i-1} + 1 + g_i, B_{i-1});   B_i = max(A_i + 1, B_{i-1} + max(1, f_{i-1}))
    with a place table:  A_i = max(A_{i-1} + 1 + g_i, P_{i-1});  P_i = max(A_i + 1, B_{i-1});  B_i = max(P_i + 1, ...)
    work = max(A_n + 1 + words after w_n, B_n + 1, last target + 1 (+ 1 with a multiplier))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snncc.backends.verilog.edges import Edge
from snncc.backends.verilog.plan import Node, Plan
from snncc.backends.verilog.vectors import Vectors, words
from snncc.ir import INPUT, Array


@dataclass(frozen=True)
class Timing:
    """Per image: cycle of its first pixel and of its last result beat. `work[edge]`: cycles per frame."""

    first: tuple[int, ...]
    last: tuple[int, ...]
    work: dict[str, Array]

    @property
    def latency(self) -> list[int]:
        """Cycles from first pixel to last result beat, both counted."""
        return [b - a + 1 for a, b in zip(self.first, self.last, strict=True)]


def edge_work(edge: Edge, busy: Array) -> Array:
    """Cycles of each frame's bank; busy (frames, words * lanes) says which elements are events."""
    grid = edge.layout
    frames, events = len(busy), busy.sum(axis=1)
    order = np.argsort(~busy, axis=1, kind="stable")
    fan = edge.fan_out()
    never = np.full(frames, -(2**40), np.int64)
    a, p, b, target = np.ones(frames, np.int64), never, never, never
    before, walk = np.full(frames, -1, np.int64), np.zeros(frames, np.int64)
    for i in range(int(events.max(initial=0))):
        on = events > i
        element = order[:, i]
        word, reach = element // grid.lanes, fan[element]
        gap = np.maximum(word - before - 1, 0)
        accept = np.maximum(a + 1 + gap, b if edge.place is None else p)
        placed = accept if edge.place is None else np.maximum(accept + 1, b)
        load = np.maximum(placed + 1, b + np.maximum(1, walk))
        target = np.where(on & (reach > 0), load + reach, target)
        a, p, b = np.where(on, accept, a), np.where(on, placed, p), np.where(on, load, b)
        before, walk = np.where(on, word, before), np.where(on, reach, walk)
    after = grid.words - 1 - before
    return np.asarray(np.maximum.reduce([a + 1 + after, b + 1, target + 1 + int(edge.values)]))


def full_work(edge: Edge) -> int:
    """`edge_work` of a bank in which every element is an event: B rises by max(1, f) each time."""
    fan = edge.fan_out()
    load = 3 + int(edge.place is not None) + np.concatenate([[0], np.cumsum(np.maximum(1, fan[:-1]))])
    target = (load + fan)[fan > 0].max(initial=0)
    return int(max(load[-1] + 1, target + 1 + int(edge.values)))


def pass_cycles(plan: Plan, node: Node) -> int:
    """From the cycle in which firing may start to the commit of its last word."""
    if not plan.count:
        return node.words + 2
    parts = node.words * node.lanes // node.fire_lanes
    return (parts - 1) * node.period + 4 + (node.stages * node.period if node.fires else 0)


def predict(plan: Plan, vectors: Vectors) -> Timing:
    """The recurrence, run over a sequence of images fed back to back after reset."""
    events = {name: busy(plan, vectors, name) for name in plan.readers}
    work = {e.name: edge_work(e, events[e.source] | e.every) for node in plan.nodes for e in node.edges}
    return _run(plan, vectors.timesteps, work)


def worst(plan: Plan, images: int = 3) -> Timing:
    """The same with every element an event in every frame, at T_max: an upper bound."""
    frames = _frames(plan, (plan.network.timesteps,) * images)
    work = {e.name: np.full(frames, full_work(e)) for node in plan.nodes for e in node.edges}
    return _run(plan, (plan.network.timesteps,) * images, work)


def _frames(plan: Plan, timesteps: tuple[int, ...]) -> int:
    return len(timesteps) if plan.count else sum(t + plan.network.spike_ext for t in timesteps)


def busy(plan: Plan, vectors: Vectors, name: str) -> Array:
    """(frames, elements) bool; frames that are sent empty are all False."""
    layout = plan.input_layout if name == INPUT else next(n.layout for n in plan.nodes if n.name == name)
    rows = []
    for image, steps in enumerate(vectors.timesteps):
        made = [words(layout, frame).reshape(-1) != 0 for frame in vectors.frames[name][image]]
        wanted = 1 if plan.count else steps + plan.network.spike_ext
        made += [np.zeros(layout.words * layout.lanes, bool)] * (wanted - len(made))
        rows += made[:wanted]
    return np.stack(rows) if rows else np.zeros((0, layout.words * layout.lanes), bool)


def _run(plan: Plan, timesteps: tuple[int, ...], work: dict[str, Array]) -> Timing:
    """Commits in topological order need releases of later layers, so frames are simulated one by one, sources first."""
    ext, pixels = plan.network.spike_ext, int(np.prod(plan.network.input.shape))
    step_rate = not plan.count and plan.network.input.encoding == "rate"
    done: dict[str, list[int]] = {e.name: [] for n in plan.nodes for e in n.edges}
    free = {n.name: pass_cycles(plan, n) + 1 for n in plan.nodes}  # first WALK cycle: after the pass that resets
    readers = {name: [plan.nodes[i].edges[j] for i, j in ends] for name, ends in plan.readers.items()}
    frame, ready_at, sent_until = 0, 0, -1
    firsts: list[int] = []
    lasts: list[int] = []

    def room(name: str) -> int:
        """First cycle in which every reader of a source has a free bank for the current frame."""
        return max((done[e.name][frame - e.banks] + 1 for e in readers[name] if frame >= e.banks), default=0)

    for steps in timesteps:
        frames = 1 if plan.count else steps + ext
        now = -1
        for k in range(frames):
            empty = not plan.count and (k >= steps if step_rate else k > 0)
            if k == 0:
                first = ready_at if step_rate else max(ready_at, room(INPUT))
                firsts.append(first)
                now = first + pixels  # the cycle after the last pixel
                if step_rate:
                    now = max(now, room(INPUT)) + plan.input_layout.words + 1
            else:
                now = max(now + 1, room(INPUT))
                if step_rate and not empty:
                    now += plan.input_layout.words + 1
            commit = {INPUT: now}
            for node in plan.nodes:
                turn = free[node.name]
                for edge in node.edges:
                    start = max(turn, commit[edge.source] + 1)
                    idle = edge.source == INPUT and empty
                    finished = start + 1 if idle else start + int(work[edge.name][frame]) + 1
                    done[edge.name].append(finished)
                    turn = finished + 1
                fire = turn
                if not node.readout:
                    fire = max(fire, room(node.name))
                elif k == frames - 1:
                    fire = max(fire, sent_until + 1)
                commit[node.name] = fire + pass_cycles(plan, node)
                free[node.name] = commit[node.name] + 1
            frame += 1
        last = plan.nodes[-1]
        sent_until = commit[last.name] + 2 + int(np.prod(last.shape)) + last.layout.words - 1
        lasts.append(sent_until)
        ready_at = now + 1
    return Timing(tuple(firsts), tuple(lasts), work)
