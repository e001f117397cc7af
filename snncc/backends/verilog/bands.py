"""Bands: in `count` a map is sent and fired a row at a time, so potentials and banks hold some rows and no whole maps.

A band is a frame or, in `count`, one row of a map (the readout's frame is never cut: a wrong image must not be
answered). Before a node fires band o, each of its edges has taken every band of its source that reaches a row up to o:

    need(e, o)  = 1 + the last band of e's source that reaches a row <= o;   all of them for the last o
    turns(e, o) = need(e, o) - need(e, o - 1)
    ring        = max over o and e of (last row that the need(e, o) first bands reach) - o + 1

So a convolution of K rows holds K of them, and a band that no ring has room for is never read too early.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from snncc.backends.verilog.edges import Edge
from snncc.backends.verilog.leaves import Shape, as_map
from snncc.ir import INPUT, Array


@dataclass(frozen=True)
class Schedule:
    """`turns` (bands, edges): bands of its source that each edge takes before each pass. `ring`: bands held."""

    turns: Array
    ring: int

    @property
    def plain(self) -> bool:
        """One turn of each edge, then one pass."""
        return self.turns.shape[0] == 1 and bool((self.turns == 1).all())


def bands_of(shape: Shape, counting: bool) -> int:
    """Bands of a frame of this shape."""
    return as_map(shape)[0] if counting else 1


def schedule(edges: Sequence[Edge], bands: int, row_words: int) -> Schedule:
    """The turns of a node's edges. `bands`: 1, or one for each of its rows, of so many words."""
    rows = np.arange(bands)
    need = np.zeros((bands, len(edges)), np.int64)
    most = np.zeros((bands, len(edges)), np.int64)
    for e, edge in enumerate(edges):
        first, last = edge.reached(row_words)
        before = [(np.arange(1, len(first) + 1) * (first <= row)).max() for row in rows]
        need[:, e] = np.maximum(before, int(e == 0))  # the first edge brings T
        need[-1, e] = edge.layout.bands
        most[:, e] = np.maximum.accumulate(last)[np.maximum(need[:, e] - 1, 0)] * (need[:, e] > 0)
    if bands == 1:
        return Schedule(need, 1)
    turns = np.diff(need, axis=0, prepend=0)
    return Schedule(turns, max(1, int((most.max(axis=1) - rows).max()) + 1))


def held(nodes: Mapping[str, tuple[Sequence[Edge], Array]]) -> tuple[dict[str, int], list[str]]:
    """For each edge the bands that its banks hold at most where every node fires as late as its readers allow.

    And the order in which the edges whose weights are external then take their turns.

    With so much room there is an order of all turns and passes in which none waits for room. Nodes take their turns in
    a fixed order and wait for nothing but bands and room, so what one may do stays allowed whatever the others do: with
    this room or more, no order comes to a stop. `nodes`: edges and turns of each, the readout last. Where
    frames are read late, the order is followed over more frames than there are nodes: by then each holds what the last
    one did.
    """
    readers: dict[str, list[Edge]] = {name: [] for name in (INPUT, *nodes)}
    for edges, _ in nodes.values():
        for edge in edges:
            readers[edge.source].append(edge)
    sent, taken, most = Counter[str](), Counter[str](), Counter[str]()
    order: list[str] = []

    def step(name: str) -> Iterator[str]:
        """The turns before a node's next pass; a source that has to send a band first."""
        edges, turns = nodes[name] if name != INPUT else ((), np.zeros((1, 0), np.int64))
        for edge, number in zip(edges, turns[sent[name] % len(turns)].tolist(), strict=True):
            for _ in range(number):
                while sent[edge.source] // edge.gather == taken[edge.name] - edge.late:
                    yield edge.source
                taken[edge.name] += 1
                if edge.tiles is not None:
                    order.append(edge.name)

    last = list(nodes)[-1]
    behind = any(edge.late for edges, _ in nodes.values() for edge in edges)
    waiting = [(last, step(last)) for _ in range(len(nodes) + 2 if behind else 1)]
    while waiting:
        name, turns = waiting[-1]
        source = next(turns, None)
        if source is not None:
            waiting.append((source, step(source)))
            continue
        waiting.pop()
        sent[name] += 1
        for edge in readers[name]:
            late = max(0, taken[edge.name] - edge.late)
            most[edge.name] = max(most[edge.name], -(-sent[name] // edge.gather) - late)
    return dict(most), order
