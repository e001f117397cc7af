"""Floors: `scale * clip(floor(x * levels / scale + start), 0, levels) / levels`, as torch code spells it out.

QCFS (Bu et al. 2022) is a chain of gains and shifts, one floor, and a clip before or after it, in any order:

    clip(x * a + b, low, high) -> floor -> clip(n * c + d, low', high')

It is a ClipFloor where n reaches from n0, which gives 0, to n0 + levels, and a * c = 1; the start is b - n0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from snncc import graph
from snncc.frontend.builder import Builder
from snncc.graph import Array, Node

SAME = 1e-5
"""Relative difference of what is the same in float32."""
LEVELS = 2**16 - 1
HALF = 0.5
"""The start that most have; of several chains that are one activation the one with it is taken, and the longest."""
ADVICE = (
    "it rounds what no activation of levels is made of; use scale * clip(floor(x * levels / scale + 0.5), 0, levels) / "
    "levels"
)


@dataclass(frozen=True)
class Floor:
    """A floor by itself, which is no operation of the graph."""


@dataclass(frozen=True)
class Line:
    """`clip(x * gain + shift, low, high)`; arrays () or (C,), gain not 0."""

    gain: Array
    shift: Array
    low: Array
    high: Array

    def then(self, op: graph.Op) -> Line | None:
        """A gain and shift, or a relu, after it; None for anything else."""
        if isinstance(op, graph.Affine) and np.asarray(op.scale).all():
            shift, *ends = (op.scale * v + op.shift for v in (self.shift, self.low, self.high))
            return Line(op.scale * self.gain, shift, np.minimum(*ends), np.maximum(*ends))
        if isinstance(op, graph.Relu) and op.slope is None:
            most = np.inf if op.max_value is None else op.max_value
            return replace(self, low=np.clip(self.low, 0, most), high=np.clip(self.high, 0, most))
        return None


ALL = Line(np.ones(()), np.zeros(()), np.array(-np.inf), np.array(np.inf))


def with_levels(build: Builder) -> None:
    """Put a ClipFloor in the place of the end of each such chain; what is left of a floor is refused."""
    places = {node.name: place for place, node in enumerate(build.nodes)}
    readers: dict[str, list[Node]] = {}
    for node in build.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    for node in list(build.nodes):
        if not isinstance(node.op, Floor):
            continue
        found = [
            (op.start == HALF, i + j, op, source, end)
            for i, (before, source) in enumerate(_before(build, node))
            for j, (after, end) in enumerate(_after(readers, node))
            if (op := _levels(before, after))
        ]
        if found:
            _, _, op, source, end = max(found, key=lambda one: one[:2])
            build.nodes[places[end.name]] = replace(end, op=op, inputs=(source,))
        else:
            build.refused.append(f"Floor of layer {node.layer!r}: {ADVICE}")


def _before(build: Builder, floor: Node) -> list[tuple[Line, str]]:
    """Every line in front of a floor, the shortest first, and the node that it reads."""
    chain: list[graph.Op] = []
    node = build.made(floor.inputs[0])
    found = [(ALL, node.name)]
    while node.inputs:
        chain.insert(0, node.op)
        line: Line | None = ALL
        for op in chain:
            line = line and line.then(op)
        if line is None:
            break
        node = build.made(node.inputs[0])
        found.append((line, node.name))
    return found


def _after(readers: dict[str, list[Node]], floor: Node) -> list[tuple[Line, Node]]:
    """Every line behind a floor, the shortest first, and the node that makes it."""
    found, line, node = [(ALL, floor)], ALL, floor
    while len(after := readers.get(node.name, [])) == 1 and (further := line.then(after[0].op)):
        line, node = further, after[0]
        found.append((line, node))
    return found


def _levels(before: Line, after: Line) -> graph.ClipFloor | None:
    """The activation of a whole chain, if that is one."""
    if not ((before.gain > 0).all() and (after.gain > 0).all()):
        return None
    with np.errstate(invalid="ignore"):
        ends = [np.floor(v + SAME) for v in (before.low, before.high)]
        cut = [(v - after.shift) / after.gain for v in (after.low, after.high)]
    low, high = np.maximum(ends[0], cut[0]), np.minimum(ends[1], cut[1])
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        return None
    first, levels = np.rint(low), np.rint(high) - np.rint(low)
    start = before.shift - first
    whole = all((np.abs(v - np.rint(v)) <= SAME * np.maximum(1, np.abs(v))).all() for v in (low, high))
    zero = (np.abs(after.gain * first + after.shift) <= SAME * after.gain).all()
    same = (np.abs(before.gain * after.gain - 1) <= SAME).all()
    single = np.ptp(levels) == 0 and np.ptp(start) == 0 and 1 <= levels.flat[0] <= LEVELS and 0 <= start.flat[0] <= 1
    if not (whole and zero and same and single):
        return None
    near = float(start.flat[0])
    return graph.ClipFloor(
        int(levels.flat[0]), np.asarray(after.gain * levels), HALF if abs(near - HALF) <= SAME else near
    )
