"""Clock cycles, predicted exactly: a recurrence over (layer, frame) of work, firing pass and waits.

Cycle numbers count from the first accepted pixel after reset, input always valid and output always ready. A frame is a
timestep (`step`) or an image (`count`). A source writes the words of a frame at fixed times before its commit, which is
the last one: word w at commit + offset_w (`offsets`). For edge e of layer l and frame k:

    start(e, k) = max(turn(e, k), commit(source of e, k) + offset_0 + 1)       (an empty frame: commit + 1)
    done(e, k)  = start + 1                                                    where the frame is empty
                = max(start + work, commit(source of e, k) + lag) + 1          else; `edge_work` below
    turn(next edge, k) = done(e, k) + 1;   turn(first edge, k) = commit(l, k - 1) + 1
    fire(l, k)   = max(done(last edge, k) + 1, done(r, k - banks of r) + 1 for every reader r of l)
    commit(l, k) = fire(l, k) + pass(l)
    pass(l)      = words + 2                                                   (`step`)
                 = (parts - 1)*PERIOD + 3 + STAGES*PERIOD                      (`count`; 1*1 without division)

Within a frame, event i lies in word w_i after g_i words without events and reaches f_i word pairs
(docs/design/hardware.md):

    A_i = max(A_{i-1} + 1 + g_i, B_{i-1}, offset_{w_i} + 3);   B_i = max(A_i + 1, B_{i-1} + max(1, f_{i-1}))
    with a place table:  A_i = max(A_{i-1} + 1 + g_i, P_{i-1}, offset_{w_i} + 3);  P_i = max(A_i + 1, B_{i-1});
                         B_i = max(P_i + 1, ...)
    end = max(A_n + 1 + words after w_n, B_n + 1, last target + 2, 4)

`work` is its end with A_0 = 1 and no offsets (every word was there), `lag` with offsets and no start (A_0 = -inf): a
recurrence of maxima and sums from two beginnings is the maximum of the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snncc.backends.verilog.drafts import stores_images
from snncc.backends.verilog.edges import Edge
from snncc.backends.verilog.plan import Node, Plan
from snncc.backends.verilog.vectors import Vectors, words
from snncc.ir import INPUT, Array

NEVER = np.int64(-(2**40))


@dataclass(frozen=True)
class Timing:
    """Per image: cycle of its first pixel and of its last result beat. `work[edge]` (2, frames): `edge_work`."""

    first: tuple[int, ...]
    last: tuple[int, ...]
    work: dict[str, Array]

    @property
    def latency(self) -> list[int]:
        """Cycles from first pixel to last result beat, both counted."""
        return [b - a + 1 for a, b in zip(self.first, self.last, strict=True)]


def offsets(plan: Plan, name: str) -> Array:
    """(words,) when a source writes each word of a frame, relative to the last one."""
    if name == INPUT:
        words = np.arange(1, plan.input_layout.words + 1)
        if stores_images(plan.network):
            return words - len(words)
        pixels = int(np.prod(plan.network.input.shape))
        return np.asarray(np.minimum(words * plan.input_layout.lanes, pixels) - pixels)
    node = next(n for n in plan.nodes if n.name == name)
    return np.arange(1 - node.layout.words, 1) * (node.period if plan.count else 1)


def edge_work(edge: Edge, busy: Array, offset: Array) -> Array:
    """(work, lag) of each frame, (2, frames); busy (frames, words * lanes) says which elements are events."""
    grid = edge.layout
    frames, events = len(busy), busy.sum(axis=1)
    order = np.argsort(~busy, axis=1, kind="stable")
    fan = edge.fan_out()
    written = np.stack([np.full(grid.words, NEVER), offset + 3])
    never = np.full((2, frames), NEVER)
    a, p, b, target = np.repeat([[1], [NEVER]], frames, axis=1), never, never, never
    before, walk = np.full(frames, -1, np.int64), np.zeros(frames, np.int64)
    for i in range(int(events.max(initial=0))):
        on = events > i
        element = order[:, i]
        word, reach = element // grid.lanes, fan[element]
        gap = np.maximum(word - before - 1, 0)
        accept = np.maximum(np.maximum(a + 1 + gap, b if edge.place is None else p), written[:, word])
        placed = accept if edge.place is None else np.maximum(accept + 1, b)
        load = np.maximum(placed + 1, b + np.maximum(1, walk))
        target = np.where(on & (reach > 0), load + reach, target)
        a, p, b = np.where(on, accept, a), np.where(on, placed, p), np.where(on, load, b)
        before, walk = np.where(on, word, before), np.where(on, reach, walk)
    after = grid.words - 1 - before
    end = np.maximum.reduce([a + 1 + after, b + 1, target + 2])
    end[1] = np.maximum(end[1], 4)
    return np.asarray(end)


def full_work(edge: Edge, offset: Array) -> Array:
    """`edge_work` of one frame in which every element is an event: (work, lag).

    Then A_i = max(B_{i-1}, offset + 3), and B_i - c_i, c the fan-out before i, is a running maximum.
    """
    fan = edge.fan_out()
    before = np.concatenate([[0], np.cumsum(np.maximum(1, fan[:-1]))])
    written = np.repeat(offset, edge.layout.lanes)
    placed = int(edge.place is not None)
    load = np.stack([3 + placed + before, before + np.maximum.accumulate(written + 4 + placed - before)])
    target = np.where(fan > 0, load + fan, NEVER).max(axis=1)
    return np.asarray(np.maximum(np.maximum(load[:, -1] + 1, target + 2), [0, 4]))


def pass_cycles(plan: Plan, node: Node) -> int:
    """From the cycle in which firing may start to the commit of its last word."""
    if not plan.count:
        return node.words + 2
    parts = node.words * node.lanes // node.fire_lanes
    return (parts - 1) * node.period + 3 + node.stages * node.period


def predict(plan: Plan, vectors: Vectors) -> Timing:
    """The recurrence, run over a sequence of images fed back to back after reset."""
    events = {name: busy(plan, vectors, name) for name in plan.readers}
    work = {
        e.name: edge_work(e, events[e.source] | e.every, offsets(plan, e.source))
        for node in plan.nodes
        for e in node.edges
    }
    return _run(plan, vectors.timesteps, work)


def worst(plan: Plan, images: int = 3) -> Timing:
    """The same with every element an event in every frame, at T_max: an upper bound."""
    frames = _frames(plan, (plan.network.timesteps,) * images)
    work = {
        e.name: np.repeat(full_work(e, offsets(plan, e.source))[:, None], frames, axis=1)
        for node in plan.nodes
        for e in node.edges
    }
    return _run(plan, (plan.network.timesteps,) * images, work)


def node_cycles(plan: Plan, vectors: Vectors) -> dict[str, float]:
    """Cycles that each node is at work for an image, in the mean, without waits: what the recurrence sums.

    A frame takes the sum over its edges of start to done (`work` + 2; 2 where it is empty) and the pass (pass + 1).
    """
    frames, images, stored = _frames(plan, vectors.timesteps), len(vectors.timesteps), stores_images(plan.network)
    sent = [(k < steps if stored else k == 0) or plan.count for steps in vectors.timesteps
            for k in range(plan.network.over(steps).passes)]  # fmt: skip
    found = {}
    for node in plan.nodes:
        total = frames * (pass_cycles(plan, node) + 1)
        for edge in node.edges:
            work, _ = edge_work(edge, busy(plan, vectors, edge.source) | edge.every, offsets(plan, edge.source))
            total += 2 * frames + int(work[sent].sum() if edge.source == INPUT else work.sum())
        found[node.name] = total / images
    return found


def _frames(plan: Plan, timesteps: tuple[int, ...]) -> int:
    return sum(plan.network.over(t).passes for t in timesteps)


def busy(plan: Plan, vectors: Vectors, name: str) -> Array:
    """(frames, elements) bool; frames that are sent empty are all False."""
    layout = plan.input_layout if name == INPUT else next(n.layout for n in plan.nodes if n.name == name)
    rows = []
    for image, steps in enumerate(vectors.timesteps):
        made = [words(layout, frame).reshape(-1) != 0 for frame in vectors.frames[name][image]]
        wanted = plan.network.over(steps).passes
        made += [np.zeros(layout.words * layout.lanes, bool)] * (wanted - len(made))
        rows += made[:wanted]
    return np.stack(rows) if rows else np.zeros((0, layout.words * layout.lanes), bool)


def _run(plan: Plan, timesteps: tuple[int, ...], work: dict[str, Array]) -> Timing:
    """Commits in topological order need releases of later layers, so frames are simulated one by one, sources first."""
    pixels, stored = int(np.prod(plan.network.input.shape)), stores_images(plan.network)
    done: dict[str, list[int]] = {e.name: [] for n in plan.nodes for e in n.edges}
    free = {n.name: pass_cycles(plan, n) + 1 for n in plan.nodes}  # first WALK cycle: after the pass that resets
    readers = {name: [plan.nodes[i].edges[j] for i, j in ends] for name, ends in plan.readers.items()}
    early = {name: int(offsets(plan, name)[0]) for name in readers}
    frame, ready_at, sent_until = 0, 0, -1
    firsts: list[int] = []
    lasts: list[int] = []

    def room(name: str) -> int:
        """First cycle in which every reader of a source has a free bank for the current frame."""
        return max((done[e.name][frame - e.banks] + 1 for e in readers[name] if frame >= e.banks), default=0)

    for steps in timesteps:
        frames = plan.network.over(steps).passes
        now = -1
        for k in range(frames):
            empty = not plan.count and (k >= steps if stored else k > 0)
            if k == 0:
                first = ready_at if stored else max(ready_at, room(INPUT))
                firsts.append(first)
                now = first + pixels  # the cycle after the last pixel
                if stored:
                    now = max(now, room(INPUT)) + plan.input_layout.words + 1
            else:
                now = max(now + 1, room(INPUT))
                if stored and not empty:
                    now += plan.input_layout.words + 1
            commit = {INPUT: now}
            for node in plan.nodes:
                turn = free[node.name]
                for edge in node.edges:
                    written = commit[edge.source]
                    if edge.source == INPUT and empty:
                        finished = max(turn, written + 1) + 1
                    else:
                        start = max(turn, written + early[edge.source] + 1)
                        own, lag = map(int, work[edge.name][:, frame])
                        finished = max(start + own, written + lag) + 1
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
