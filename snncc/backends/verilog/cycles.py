"""Clock cycles, predicted exactly: a recurrence over (layer, band) of work, firing pass and waits.

Cycle numbers count from the first accepted pixel after reset, input always valid and output always ready. A frame is a
timestep (`step`) or an image (`count`); a band is a frame or, in `count`, a row of a map (bands.py). A source writes
the words of a band at fixed times before its commit, which is the last one: word w at commit + offset_w (`offsets`).
For turn k of edge e, in layer l:

    start(e, k) = max(turn(e, k), commit(source of e, k) + offset_0 + 1)       (an empty frame: commit + 1)
    done(e, k)  = start + 1                                                    where the frame is empty
                = max(start + work, commit(source of e, k) + lag) + 1          else; `edge_work` below
    turn(next)  = done(e, k) + 1;   an edge without a turn before this pass takes a cycle

The turns before pass p of layer l are those that its schedule says, one of each edge for a whole frame:

    first turn  = commit(l, p - 1) + 1
    fire(l, p)  = max(turn after the last one, done(r, p - banks of r) + 1 for every reader r of l)
    commit(l, p) = fire(l, p) + pass(l)
    pass(l)     = words + 2                                                    (`step`; leaky: stages)
                = (parts of a band - 1)*PERIOD + 3 + STAGES*PERIOD             (`count`; 1*1 without division)

A late edge's turn k reads its source's band k - 1, when all of it is there, and without its events where it is an
image's last: start = max(turn, commit + 1), done = start + work + 1; the first turn of all is an empty frame's.

Within a band, event i lies in word w_i after g_i words without events and reaches f_i word pairs
(docs/design/hardware.md):

    A_i = max(A_{i-1} + 1 + g_i, B_{i-1}, offset_{w_i} + 3);   B_i = max(A_i + 1, B_{i-1} + max(1, f_{i-1}))
    with a place table:  A_i = max(A_{i-1} + 1 + g_i, P_{i-1}, offset_{w_i} + 3);  P_i = max(A_i + 1, B_{i-1});
                         B_i = max(P_i + 1, ...)
    end = max(A_n + 1 + words after w_n, B_n + 1, last target + 2, 4)

`work` is its end with A_0 = 1 and no offsets (every word was there), `lag` with offsets and no start (A_0 = -inf): a
recurrence of maxima and sums from two beginnings is the maximum of the two.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from snncc.backends.verilog.drafts import constant_input, stores_images
from snncc.backends.verilog.edges import Edge, by_tiles
from snncc.backends.verilog.plan import Node, Plan
from snncc.backends.verilog.vectors import Vectors, words
from snncc.ir import INPUT, Array

NEVER = np.int64(-(2**40))
NEVER_YET = -(2**40)


@dataclass(frozen=True)
class Timing:
    """Per image: cycle of its first pixel and of its last result beat. `work[edge]` (2, bands): `edge_work`."""

    first: tuple[int, ...]
    last: tuple[int, ...]
    work: dict[str, Array]

    @property
    def latency(self) -> list[int]:
        """Cycles from first pixel to last result beat, both counted."""
        return [b - a + 1 for a, b in zip(self.first, self.last, strict=True)]


def offsets(plan: Plan, name: str) -> Array:
    """(words of a band,) when a source writes each word of a band, relative to the last one."""
    if name == INPUT:
        words = np.arange(1, plan.input_layout.band_words + 1)
        if stores_images(plan.network):
            return words - len(words)
        pixels = int(np.prod(plan.network.input.shape)) // plan.input_layout.bands
        return np.asarray(np.minimum(words * plan.input_layout.lanes, pixels) - pixels)
    node = next(n for n in plan.nodes if n.name == name)
    return np.arange(1 - node.layout.band_words, 1) * (node.period * node.parts if plan.count else 1)


def edge_work(edge: Edge, busy: Array, offset: Array) -> Array:
    """(work, lag) of each band, (2, bands); busy (frames, words * lanes) says which elements are events.

    Where weights are external, the work of each tile, (frames, tiles): a tile is walked as a band would be.
    """
    grid, fans, lanes = edge.layout, edge.fan_out(), edge.word_events
    if edge.tiles is not None:
        places, tiles = edge.scan[0] * edge.scan[1], edge.tiles
        bands = by_tiles(edge, tiles, busy.reshape(-1, grid.words * lanes)).reshape(-1, places * tiles.part)
        walked = _walked(bands, by_tiles(edge, tiles, fans), tiles.part, np.zeros(places, np.int64), edge)
        return np.asarray(walked[0].reshape(-1, tiles.number))
    bands = busy.reshape(-1, edge.pack).any(axis=1).reshape(-1, grid.band_words * lanes)
    return _walked(bands, fans.reshape(grid.bands, -1), lanes, offset, edge)


def _walked(busy: Array, fans: Array, lanes: int, offset: Array, edge: Edge) -> Array:
    """The recurrence: (work, lag) of each band, (2, bands). busy (bands, words * lanes), fans those of one frame's."""
    placing, deep = edge.place is not None, edge.deep
    bands, events, words = len(busy), busy.sum(axis=1), len(offset)
    order = np.argsort(~busy, axis=1, kind="stable")
    of_frame = np.arange(bands) % len(fans)
    written = np.stack([np.full(words, NEVER), offset + 3])
    never = np.full((2, bands), NEVER)
    a = np.repeat([[1], [NEVER]], bands, axis=1)
    q, q_before, p, b, target = never, never, never, never, never
    before, walk = np.full(bands, -1, np.int64), np.zeros(bands, np.int64)
    for i in range(int(events.max(initial=0))):
        on = events > i
        element = order[:, i]
        word, reach = element // lanes, fans[of_frame, element]
        gap = np.maximum(word - before - 1, 0)
        room = q_before + 1 if deep else p if placing else b
        accept = np.maximum(np.maximum(a + 1 + gap, room), written[:, word])
        passed = np.maximum(accept + 1, p if placing else b) if deep else accept
        placed = np.maximum(passed + 1, b) if placing else passed
        load = np.maximum(placed + 1, b + np.maximum(1, walk))
        target = np.where(on & (reach > 0), load + reach, target)
        q_before, q = np.where(on, q, q_before), np.where(on, passed, q)
        a, p, b = np.where(on, accept, a), np.where(on, placed, p), np.where(on, load, b)
        before, walk = np.where(on, word, before), np.where(on, reach, walk)
    after = words - 1 - before
    end = np.maximum.reduce([a + 1 + after, b + 1, target + 2 + 2 * deep])
    end[1] = np.maximum(end[1], 4)
    return np.asarray(end)


def full_work(edge: Edge, offset: Array) -> Array:
    """`edge_work` of one frame in which every element is an event: (work, lag) of each band, (2, bands).

    Then A_i = max(B_{i-1}, offset + 3), and B_i - c_i, c the fan-out before i, is a running maximum.
    """
    if edge.tiles is not None:
        return edge_work(edge, np.ones((1, edge.layout.words * edge.layout.lanes), bool), offset)
    fan = edge.fan_out().reshape(edge.layout.bands, -1)
    before = np.pad(np.cumsum(np.maximum(1, fan[:, :-1]), axis=1), ((0, 0), (1, 0)))
    written = np.repeat(offset, edge.word_events)
    placed = int(edge.place is not None) + int(edge.deep)
    load = np.stack([3 + placed + before, before + np.maximum.accumulate(written + 4 + placed - before, axis=1)])
    target = np.where(fan > 0, load + fan, NEVER).max(axis=2)
    return np.asarray(np.maximum(np.maximum(load[:, :, -1] + 1, target + 2 + 2 * edge.deep), [[0], [4]]))


def input_delay(plan: Plan) -> int:
    """Cycles by which a deep encoder's registers delay a band: of stored images 1, of pixels that go on at once 2."""
    if not plan.deep_input or plan.network.input.coding.sequences:
        return 0
    return 1 if stores_images(plan.network) else 2


def pass_cycles(plan: Plan, node: Node) -> int:
    """From the cycle in which a pass may start to the commit of its last word."""
    if not plan.count:
        return node.words + node.fire_cycles
    parts = node.band_words * node.lanes // node.fire_lanes
    return (parts - 1) * node.period + 3 + 2 * node.deep + node.stages * node.period


def predict(plan: Plan, vectors: Vectors) -> Timing:
    """The recurrence, run over a sequence of images fed back to back after reset."""
    work = {
        e.name: edge_work(e, busy(plan, vectors, e.source, e.late) | e.every, offsets(plan, e.source))
        for node in plan.nodes
        for e in node.edges
        if not e.beat
    }
    return _run(plan, vectors.timesteps, work)


def worst(plan: Plan, images: int = 3) -> Timing:
    """The same with every element an event in every frame, at T_max: an upper bound."""
    frames = _frames(plan, (plan.network.timesteps,) * images)
    work = {
        e.name: np.tile(full_work(e, offsets(plan, e.source)), (frames, 1) if e.tiles else (1, frames))
        for node in plan.nodes
        for e in node.edges
        if not e.beat
    }
    return _run(plan, (plan.network.timesteps,) * images, work)


def node_cycles(plan: Plan, vectors: Vectors) -> dict[str, float]:
    """Cycles that each node is at work for an image, in the mean, without waits: what the recurrence sums.

    A frame takes the sum over its edges' turns of start to done (`work` + 2; 2 where it is empty), a cycle where an
    edge has no turn before a pass, and the passes (pass + 1).
    """
    frames, images = _frames(plan, vectors.timesteps), len(vectors.timesteps)
    sent = np.array([not empty for _, _, empty in _each_frame(plan, vectors.timesteps)])
    found = {}
    for node in plan.nodes:
        total = frames * (node.bands * (pass_cycles(plan, node) + 1) + int((node.turns == 0).sum()))
        for edge, turns in zip(node.edges, node.turns.sum(axis=0).tolist(), strict=True):
            if edge.beat:
                total += 2 * frames * turns
                continue
            seen = busy(plan, vectors, edge.source, edge.late) | edge.every
            work = edge_work(edge, seen, offsets(plan, edge.source))
            if edge.tiles is not None:
                total += int((work + 1).sum()) + frames
                continue
            real = np.repeat(sent, turns) if edge.source == INPUT else slice(None)
            total += 2 * frames * turns + int(work[0][real].sum())
        found[node.name] = total / images
    return found


def _each_frame(plan: Plan, timesteps: Sequence[int]) -> Iterator[tuple[bool, bool, bool]]:
    """Of each frame: whether it is an image's first, an image's last, and whether the input sends it empty."""
    for steps in timesteps:
        frames, sent = plan.network.over(steps).passes, 1 if constant_input(plan.network) else steps
        for k in range(frames):
            yield k == 0, k == frames - 1, not plan.count and k >= sent


def _frames(plan: Plan, timesteps: tuple[int, ...]) -> int:
    return sum(plan.network.over(t).passes for t in timesteps)


def busy(plan: Plan, vectors: Vectors, name: str, late: bool = False) -> Array:
    """(frames, elements) bool; all False for frames that are sent empty, and for an image's first where it is late."""
    layout = plan.input_layout if name == INPUT else next(n.layout for n in plan.nodes if n.name == name)
    rows: list[Array] = []
    none = np.zeros(layout.words * layout.lanes, bool)
    last = none
    for image, steps in enumerate(vectors.timesteps):
        made = [words(layout, frame).reshape(-1) != 0 for frame in vectors.frames[name][image]]
        wanted = plan.network.over(steps).passes
        made += [none] * (wanted - len(made))
        rows += [last, *made[: wanted - 1]] if late else made[:wanted]
        last = made[wanted - 1] if vectors.goes_on(image) else none
    return np.stack(rows) if rows else none[None][:0]


def _run(plan: Plan, timesteps: tuple[int, ...], work: dict[str, Array]) -> Timing:
    """Every layer goes on as far as the bands and the room that it waits for are known, until none is left."""
    run = _Run(plan, timesteps, work)
    active = [run.source(), *(run.layer(node) for node in plan.nodes), run.reader()]
    while active:
        known = run.known()
        active = [process for process in active if next(process, None) is not None]
        if active and run.known() == known:
            raise RuntimeError("the design waits for itself")  # never: see `bands.held`
    return Timing(tuple(n - run.ready for n in run.first), tuple(n - run.ready for n in run.last), work)


def loading(plan: Plan) -> int:
    """Cycles before the first pixel is accepted: those of the weights' beats, where they are loaded."""
    return sum(plan.stream_beats) if plan.ports.weights.where == "load" else 0


class _Run:
    """What is known so far: `commits` of every source and `done` of every edge, band after band."""

    def __init__(self, plan: Plan, timesteps: Sequence[int], work: dict[str, Array]) -> None:
        self.plan, self.timesteps, self.work = plan, timesteps, work
        self.commits: dict[str, list[int]] = {name: [] for name in (INPUT, *(node.name for node in plan.nodes))}
        self.done: dict[str, list[int]] = {edge.name: [] for node in plan.nodes for edge in node.edges}
        self.readers = {name: [plan.nodes[i].edges[j] for i, j in ends] for name, ends in plan.readers.items()}
        self.early = {name: int(offsets(plan, name)[0]) for name in self.readers}
        self.stored = stores_images(plan.network)
        self.arrived: dict[str, list[int]] = {edge.name: [] for edge in plan.streamed}
        self.released: dict[str, list[int]] = {edge.name: [] for edge in plan.streamed}
        self.ready = loading(plan)
        self.first: list[int] = []
        self.last: list[int] = []

    def known(self) -> int:
        found = (self.commits, self.done, self.arrived, self.released)
        return sum(len(numbers) for by_name in found for numbers in by_name.values())

    def room(self, name: str) -> int | None:
        """First cycle in which every reader of a source has room for its next band; None: not known yet."""
        free = 0
        for edge in self.readers[name]:
            number = len(self.commits[name]) // edge.gather
            if number >= edge.banks:
                freed = number - edge.banks + edge.late
                if len(self.done[edge.name]) <= freed:
                    return None
                free = max(free, self.done[edge.name][freed] + 1)
        return free

    def source(self) -> Iterator[bool]:
        """The encoder. It stores images, or sends each band as its pixels come; empty frames follow."""
        layout = self.plan.input_layout
        pixels, ready = int(np.prod(self.plan.network.input.shape)), self.ready
        for first, _, empty in _each_frame(self.plan, self.timesteps):
            if first and self.stored:
                self.first.append(ready)
                ready += pixels
            for band in range(layout.bands):
                while (room := self.room(INPUT)) is None:
                    yield True
                begin = max(ready, room)
                if first and band == 0 and not self.stored:
                    self.first.append(begin)
                if not empty:
                    begin += (layout.words + 1 if self.stored else pixels // layout.bands) + input_delay(self.plan)
                self.commits[INPUT].append(begin)
                ready = begin + 1

    def layer(self, node: Node) -> Iterator[bool]:
        """Turns and passes of one node, from the first passes after reset on."""
        own, beats = pass_cycles(self.plan, node), int(np.prod(node.shape)) + node.layout.words - 1
        free, sent = node.schedule.ring * (own + 1), -1
        for _, final, empty in _each_frame(self.plan, self.timesteps):
            for turns in node.turns.tolist():
                for edge, number in zip(node.edges, turns, strict=True):
                    for _ in range(number):
                        while len(self.commits[edge.source]) // edge.gather <= len(self.done[edge.name]) - edge.late:
                            yield True
                        if edge.tiles is not None:
                            free = yield from self.tiles(edge, free)
                        else:
                            free = self.turn(edge, free, edge.beat or (empty and edge.source == INPUT))
                    free += number == 0
                while (room := 0 if node.readout else self.room(node.name)) is None:
                    yield True
                free = max(free, room, sent + 1 if node.readout and final else 0) + own + 1
                self.commits[node.name].append(free - 1)
            if node.readout and final:
                sent = free + 1 + beats
                self.last.append(sent)

    def turn(self, edge: Edge, turn: int, empty: bool) -> int:
        """The cycle after one turn of an edge, which has its source's band."""
        number = len(self.done[edge.name])
        written = int(NEVER) if number < edge.late else self.commits[edge.source][number - edge.late]
        if empty or number < edge.late:
            done = max(turn, written + 1) + 1
        elif edge.late:
            done = max(turn, written + 1) + int(self.work[edge.name][0, number]) + 1
        else:
            work, lag = map(int, self.work[edge.name][:, number])
            done = max(max(turn, written + self.early[edge.source] + 1) + work, written + lag) + 1
        self.done[edge.name].append(done)
        return done + 1

    def tiles(self, edge: Edge, turn: int) -> Generator[bool, None, int]:
        """The same of an edge with external weights: tile after tile, each when it is there."""
        number = len(self.done[edge.name])
        at = max(turn, self.commits[edge.source][(number + 1) * edge.gather - 1] + 1)
        arrived, released = self.arrived[edge.name], self.released[edge.name]
        for work in self.work[edge.name][number].tolist():
            while len(arrived) == len(released):
                yield True
            at = max(at, arrived[len(released)]) + work + 1
            released.append(at - 1)
        self.done[edge.name].append(at)
        return at + 1

    def reader(self) -> Iterator[bool]:
        """The reader of external weights, and the memory: when each tile is there."""
        weights = self.plan.ports.weights
        streams = [(edge, edge.tiles) for edge in self.plan.streamed if edge.tiles is not None]
        asked, asking, beat = dict.fromkeys(self.arrived, 0), -1, NEVER_YET
        for _ in _each_frame(self.plan, self.timesteps) if streams else ():
            for edge, tiles in streams:
                arrived, released = self.arrived[edge.name], self.released[edge.name]
                left, missing = tiles.number * tiles.beats_of_tile, tiles.beats_of_tile
                while left:
                    beats = min(weights.burst, left)
                    gone = -(-(asked[edge.name] + weights.burst - tiles.room) // tiles.beats_of_tile)
                    while len(released) < gone:
                        yield True
                    asking = max(asking + 1, released[gone - 1] + 1 if gone > 0 else 0)
                    begin = max(asking + 1 + weights.latency, beat + weights.period)
                    beat = begin + (beats - 1) * weights.period
                    for last in range(missing - 1, beats, tiles.beats_of_tile):
                        arrived.append(begin + last * weights.period + 2)
                    missing = (missing - beats - 1) % tiles.beats_of_tile + 1
                    asked[edge.name] += beats
                    left -= beats
