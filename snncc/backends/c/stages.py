"""`step` in stages: consecutive populations that run through all timesteps before the next ones begin.

Only the potentials of one stage exist at a time. What a later stage reads of an earlier one is its train: one bit for
each neuron and timestep, replayed there. Spikes whose readers are all in their own stage are never stored.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from snncc.backends.c.calls import BITS, Kept, LateScan, Passed, Replay, Scan, Stage, Target, Targets
from snncc.backends.c.layout import Buffer
from snncc.backends.c.program import Program, at_once
from snncc.backends.c.views import bases, spatial


@dataclass(frozen=True)
class Train:
    """The bits of a population's spikes: `words` for each timestep. `last`: the position of its last reader."""

    position: int
    words: int
    bytes: int
    last: int


def divide(program: Program, targets: Targets) -> list[Stage]:
    """The populations in stages. Buffers get stages as lifetimes, scans the targets of their own stage."""
    passes = program.network.over(dynamics="step").passes
    trains = {}
    for scan in program.scans:
        words = -(-math.prod(program.splitter.shapes[scan.name]) // BITS)
        last = max((reader for reader, _ in targets[scan.name]), default=scan.index)
        trains[scan.name] = Train(scan.index, words, 4 * words * passes, last)
    own = sum(b.bytes for b in program.scratch.values())
    limit = None if program.limit is None else program.limit + program.most_fast - own
    stage_of = cut(program.arrays, list(trains.values()), joined(program), len(program.network.populations), limit)
    program.arrays = [replace(b, born=stage_of[b.born], dies=stage_of[b.dies]) for b in program.arrays]
    scans: list[list[Scan]] = [[] for _ in range(stage_of[-1] + 1)]
    replays: list[list[Replay]] = [[] for _ in scans]
    for scan in program.scans:
        own, train = stage_of[scan.index], trains[scan.name]
        by_stage: defaultdict[int, list[Target | Passed]] = defaultdict(list)
        for reader, target in targets[scan.name]:
            by_stage[stage_of[reader]].append(target)
        made = replace(scan, targets=tuple(by_stage.pop(own, ())))
        if by_stage:
            note = f"spikes of {scan.name}, a bit each, {train.words} words for each timestep"
            bits = program.array(
                f"train_{scan.name}", "uint32_t", train.words * passes, note, (own, max(by_stage)), zero=True
            )
            made = replace(made, train=bits, words=train.words)
            program.kernels.lowest()
            for stage in sorted(by_stage):
                replays[stage].append(replay(program, made, stage, by_stage[stage]))
        scans[own].append(made)
    kept: list[list[LateScan | Kept]] = [[] for _ in scans]
    for left in program.kept:
        if isinstance(left, LateScan):
            left = replace(left, targets=tuple(target for _, target in targets[left.name]))
        kept[stage_of[left.index]].append(left)
    program.passing = [
        replace(view, targets=tuple(target for _, target in targets[view.name])) for view in program.passing
    ]
    zero = [[b for b in program.arrays if b.zero and b.length and b.born == number] for number in range(len(scans))]
    return [Stage(n, tuple(scans[n]), tuple(replays[n]), tuple(zero[n]), tuple(kept[n])) for n in range(len(scans))]


def replay(program: Program, scan: Scan, stage: int, targets: Iterable[Target | Passed]) -> Replay:
    """The train of a scan, for its readers in a stage."""
    height, width, channels = spatial(program.splitter.shapes[scan.name])
    return Replay(
        scan.name, scan.index, height * width, channels, channels, "", stage,
        targets=tuple(targets), train=scan.train, words=scan.words,
    )  # fmt: skip


def joined(program: Program) -> set[int]:
    """Positions that stay in the stage of the one before.

    A relay's values exist for one timestep only, a train has no numbers, and who is read late runs beside its readers.
    Frames come one at a time: all of it is one stage.
    """
    if program.network.input.coding.sequences:
        return set(range(1, len(program.network.populations) + 1))
    found: set[int] = set()
    events = program.numbers.keys() | set(program.lates.values())
    populations = zip(program.network.populations, program.wirings, program.made, strict=True)
    for position, (population, wiring, made) in enumerate(populations, 1):
        near = set[str]().union(*(bases(operation) for operation in made)) & events
        if not at_once(population):
            read = {edge.base for edge in wiring.edges}.union(*(bases(operation) for operation in made))
            near = read & (events | program.relays.keys())
        for name in near:
            first, last = sorted((program.positions[name], position))
            found.update(range(first + 1, last + 1))
    return found


def cut(
    buffers: Iterable[Buffer], trains: Iterable[Train], joined: set[int], last: int, limit: int | None = None
) -> list[int]:
    """The stage of each position 0..last: the fewest stages of which none needs more than `limit` bytes.

    Where there is no limit, or none so small can be met: the fewest whose largest one is the smallest; but one stage
    for all where that takes less than twice as much, since replaying spikes takes time.
    """
    cost = {at: _costs(buffers, trains, at, last) for at in range(last + 1) if at == 0 or at not in joined}
    best = [0, *([math.inf] * (last + 1))]
    for start in sorted(cost):
        for end, needed in enumerate(cost[start], start + 1):
            best[end] = min(best[end], max(best[start], needed))
    whole = cost[0][-1]
    allowed = max(best[-1], limit) if limit is not None else whole if whole < 2 * best[-1] else best[-1]
    stages = [0.0, *([math.inf] * (last + 1))]
    came = [0] * (last + 2)
    for start in sorted(cost):
        for end, needed in enumerate(cost[start], start + 1):
            if needed <= allowed and (end == last + 1 or end in cost) and stages[start] + 1 < stages[end]:
                stages[end], came[end] = stages[start] + 1, start
    starts = [last + 1]
    while starts[-1]:
        starts.append(came[starts[-1]])
    return [number for number, (start, end) in enumerate(pairwise(reversed(starts))) for _ in range(start, end)]


def _costs(buffers: Iterable[Buffer], trains: Iterable[Train], start: int, last: int) -> list[int]:
    """Bytes that a stage of the positions from `start` to `end` needs, for each end up to the last."""
    opened = [0] * (last + 2)
    needed = 0
    for buffer in buffers:
        if buffer.born >= start:
            opened[buffer.born] += buffer.bytes
        elif buffer.dies >= start:
            needed += buffer.bytes
    for train in trains:
        if train.position >= start:
            if train.last > train.position:
                opened[train.position] += train.bytes
                opened[train.last] -= train.bytes
        elif train.last >= start:
            needed += train.bytes
    found = []
    for end in range(start, last + 1):
        needed += opened[end]
        found.append(needed)
    return found
