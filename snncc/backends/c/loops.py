"""How often each loop of the C program runs in one inference: what a model of its instructions multiplies with costs.

All of it follows from the program, in `step` also from where how many spikes are. One thing is estimated: how many
groups of four potentials have a spike, as if spikes fell independently.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from snncc.backends.c.activity import Activity
from snncc.backends.c.calls import (
    Before,
    BlocksCall,
    Call,
    InputScan,
    MaxPoolCall,
    MoveCall,
    Passed,
    PopulationScan,
    RelayScan,
    Replay,
    Run,
    Scan,
    Target,
)
from snncc.backends.c.kernels import Accumulator
from snncc.backends.c.program import Program
from snncc.backends.c.types import SIZES, Weights
from snncc.backends.c.windows import WindowTable
from snncc.ir import Array


def loops(program: Program, activity: Activity) -> dict[str, float]:
    """By loop how often its body runs."""
    found = _Loops(program, activity)
    found.add(inference=1, pixels=math.prod(program.network.input.shape))
    if program.network.window.stepping:
        found.step()
    elif program.network.input.coding.spiking:
        found.add(pixels_coded=math.prod(program.network.input.shape))
    for run in program.runs:
        found.run(run)
    return {name: number for name, number in found.counts.items() if number}


UNROLLED = 16
"""Iterations of a loop of known length that GCC writes one after the other at most."""


class _Loops:
    def __init__(self, program: Program, activity: Activity) -> None:
        self.program = program
        self.activity = activity
        self.counts: defaultdict[str, float] = defaultdict(float)
        window = program.network.over(dynamics="step") if program.network.window.stepping else program.network.window
        self.calls = Counter(_functions(program))
        self.steps, self.passes = program.network.timesteps, window.passes

    def add(self, times: float = 1, **loops: float) -> None:
        for name, number in loops.items():
            self.counts[name.replace("_", " ")] += times * number

    def how(self, function: str, iterations: int) -> str:
        """How its loop of so many iterations is written: GCC knows the number where a function is called once."""
        if self.calls[function] > 1:
            return ", shared"
        return ", unrolled" if iterations <= UNROLLED else ""

    def table(self, expression: str) -> WindowTable:
        return self.program.windows[expression.rsplit(".", 1)[1]]

    # --- whole images in gather form

    def run(self, run: Run, times: float = 1) -> None:
        neurons, rounds = run.positions * run.channels, -(-run.positions // run.pair)
        end = "fired" if run.firing else "relayed" if run.relaying else "stored"
        self.add(times, runs=1, positions=rounds, **{f"neurons_{end}": neurons})
        self.add(times, neurons_of_their_own_start=0 if run.uniform else neurons)
        self.add(times, neurons_of_64_bits=neurons if run.a.ctype == "int64_t" else 0)
        for operation in run.before:
            self.before(operation, times)
        for call in run.edges:
            if call.w is None:
                self.pool(call, times * rounds * run.pair / run.positions)
            elif call.kind == "dot":
                self.dot(run, call, call.w, times * rounds)
            else:
                self.taps(run, call, call.w, times * rounds * run.pair / run.positions)

    def dot(self, run: Run, call: Call, w: Weights, rounds: float) -> None:
        table, length, double = self.table(call.window), call.length, run.pair > 1
        outputs = -(-table.out_channels // 2)
        dsp = _multiplies(call, run.a)
        joined = double and dsp and call.x.joins and not call.kernel.endswith("_short")
        kind = "joined" if joined else "of two" if double else "of one"
        group = 8 if joined or w.nibble else 4
        groups = -(-length // 8) if joined else length // group if dsp else 0
        what = f"{kind}{', 4 bits' if w.nibble else ''}"
        self.counts[f"outputs {kind}"] += rounds * outputs
        self.counts[f"groups {what}"] += rounds * outputs * groups
        self.counts["groups of 16 bits"] += rounds * outputs * groups * group / 4 * _wide(call)
        rest = 0 if joined else length - groups * group
        self.counts[f"elements {what}"] += rounds * outputs * rest
        self.unpacked(w, rounds * 2 * outputs if call.rows else 0, length)
        windows = 2 * rounds if double else rounds
        if joined:
            self.add(windows, windows_laid=1, groups_laid=length // 8, ends_laid=int(length % 8 > 0))
        if double or call.gathers:
            self.gather(table, call, windows)

    def gather(self, table: WindowTable, call: Call, windows: float) -> None:
        self.add(windows, windows_gathered=1)
        if not call.gathers:
            return
        rows, columns = _axis(table, "h"), _axis(table, "w")
        whole = columns.all(axis=1) & (table.dilate_w == 1)
        share = windows / (len(rows) * len(columns))
        pieces, taps = rows.sum() * whole.sum(), rows.sum() * columns[~whole].sum()
        empty = rows.size * columns.size - pieces * table.kernel_w - taps
        self.add(share, rows_gathered=rows.size * len(columns), pieces_gathered=pieces + taps, taps_empty=empty)
        for copies, length in ((pieces, table.kernel_w * table.channels), (taps, table.channels)):
            words = length // call.x.per_word
            self.add(share * copies, words_gathered=words, elements_gathered=length - words * call.x.per_word)
        self.add(share * empty, bytes_zeroed=table.channels * SIZES[call.x.ctype])

    def pool(self, call: Call, share: float) -> None:
        """`share` of every position's real elements."""
        table = self.table(call.window)
        rows, columns = _axis(table, "h"), _axis(table, "w")
        taps = rows.sum() * columns.sum()
        self.add(share, windows_pooled=len(rows) * len(columns), rows_pooled=rows.sum() * len(columns))
        how = self.how(_call(call), table.channels)
        self.counts[f"taps pooled{how}"] += share * taps
        self.counts[f"elements pooled{how}"] += share * taps * table.channels

    def taps(self, run: Run, call: Call, w: Weights, share: float) -> None:
        """A depthwise edge: `share` of every position's real taps."""
        table = self.table(call.window)
        rows, columns = _axis(table, "h"), _axis(table, "w")
        taps, lines, positions = rows.sum() * columns.sum(), rows.sum() * len(columns), len(rows) * len(columns)
        outputs = table.out_channels
        fours = 0 if call.rows or table.multiplier > 1 else outputs // 4
        kind = ("4 bits" if w.nibble else "8 bits") if _multiplies(call, run.a) else "portable"
        self.add(
            share, windows_depthwise=positions, fours_depthwise=positions * fours, rows_depthwise=lines * (fours + 1)
        )
        self.counts[f"taps depthwise, {kind}"] += share * taps * fours
        self.counts["taps of 16 bits"] += share * taps * fours * _wide(call)
        self.add(share, taps_depthwise_left=taps, elements_depthwise=taps * (outputs - 4 * fours))
        self.unpacked(w, share * taps if call.rows else 0, outputs)

    def unpacked(self, w: Weights | None, rows: float, length: int) -> None:
        bits = w.bits if w else 0
        self.add(rows, rows_unpacked=1)
        kind = "weights of 4 bits unpacked" if bits == 4 else "weights unpacked"
        self.counts[f"{kind}{self.how(f'unpack {bits}', length)}"] += rows * length

    def before(self, operation: Before, times: float) -> None:
        match operation:
            case MoveCall():
                self.add(times, elements_moved=sum(part.length for part in operation.parts))
                self.add(times, bytes_zeroed=operation.length)
            case BlocksCall():
                copies = operation.height * operation.width * operation.copies
                self.add(times, blocks_copied=copies, bytes_copied=copies * operation.channels)
                self.add(times, bytes_zeroed=operation.length)
            case MaxPoolCall():
                table = self.table(operation.window)
                taps = table.out_h * table.out_w * table.kernel_h * table.kernel_w
                how = self.how(_before(operation), table.channels)
                self.counts[f"taps of maxima{how}"] += times * taps
                self.counts[f"elements of maxima{how}"] += times * taps * table.channels
            case _:
                self.add(times, elements_risen=operation.length)

    # --- timestep by timestep, in scatter form

    def step(self) -> None:
        for stage in self.program.stages:
            self.add(stages=1, bytes_zeroed=sum(buffer.bytes for buffer in stage.zero))
            self.add(self.passes, timesteps=1, scans=len(stage.scans) + len(stage.replays))
            for scan in stage.scans:
                self.scan(scan)
            for replay in stage.replays:
                self.replay(replay)
                self.handed(replay)
        for view in self.program.passing:
            self.spike(view)
            self.handed(view)

    def scan(self, scan: Scan) -> None:
        neurons = scan.positions * scan.channels
        if isinstance(scan, RelayScan):
            self.add(self.passes, relays_scanned=neurons)
            self.dense(scan.drive.run if scan.drive else None, scan.dense)
            return
        if isinstance(scan, InputScan):
            self.add(self.steps, pixels_scanned=neurons, pixels_added=self.activity.pixels)
        elif isinstance(scan, PopulationScan):
            self.population(scan, neurons)
        self.spike(scan)
        self.handed(scan)

    def population(self, scan: PopulationScan, neurons: int) -> None:
        self.dense(scan.drive.run if scan.drive else None, scan.dense)
        self.add(neurons_begun=neurons if scan.v0 else 0)
        if scan.v.lane:
            groups = scan.channels // 4
            silent = 1 - (self.activity.spikes[scan.name] / self.passes).reshape(-1, 4)
            fired = float((1 - silent.prod(axis=1)).sum())
            self.add(self.passes, columns_scanned=groups, fours_scanned=neurons // 4, fours_fired=fired)
            self.add(self.steps, fours_driven=neurons // 4 if scan.adds else 0)
            return
        own = scan.channels if scan.by_channel else neurons
        self.add(self.passes, levels=own, neurons_scanned=neurons)
        self.add(self.steps, neurons_driven=neurons if scan.adds else 0)

    def dense(self, drive: Run | None, dense: Run | None) -> None:
        if drive:
            self.run(drive)
        if dense:
            self.run(dense, self.passes)

    def spike(self, scan: Scan) -> None:
        spikes = self.activity.spikes[scan.name].sum()
        divides = scan.flat or (scan.train and scan.targets and not scan.single)
        self.add(spikes, spikes=1, spikes_divided=int(bool(divides)), spikes_counted=int(bool(scan.counts)))
        self.add(spikes, spikes_kept=int(bool(scan.train)))

    def replay(self, replay: Replay) -> None:
        spikes = self.activity.spikes[replay.name].sum()
        self.add(self.passes, words_replayed=replay.words)
        divides = not replay.single and not replay.words_per_position
        self.add(spikes, spikes_replayed=1, spikes_divided=int(divides))

    def handed(self, scan: Scan) -> None:
        spikes = self.activity.spikes[scan.name]
        for target in scan.targets:
            if isinstance(target, Passed):
                self.add(spikes.sum(), blocks_passed=target.copies if target.kind == "blocks" else 0)
                if target.kind == "rise":
                    view = next(view for view in self.program.passing if view.name == target.name)
                    self.add(rises=spikes.sum(), windows_risen=_windows(self.table(view.window), spikes))
            else:
                self.target(target, spikes)

    def target(self, target: Target, spikes: Array) -> None:
        table, number = self.table(target.window), spikes.sum()
        windows = _windows(table, spikes)
        match target.kind:
            case "pool":
                self.add(spikes_pooled=number, windows_spread=number if target.single else windows)
            case "row":
                self.rows(target, number, np.array([table.out_channels]), table.out_channels)
            case "run":
                at = np.arange(table.width) + table.left - table.kernel_w + 1
                across = np.maximum(0, np.minimum(table.out_w, at + table.kernel_w) - np.maximum(0, at))
                rows = (_places(table, spikes) * _seen(table, "h")[:, None]).sum(axis=0) * (across > 0)
                self.add(spikes_run=number)
                self.rows(target, rows, across * table.row, table.kernel_w * table.row)
            case _:
                self.add(spikes_tapped=number, windows_tapped=windows)
                lanes, how = " in lanes" * bool(target.v.lane), self.how(_target(target), table.multiplier)
                self.counts[f"taps spread{lanes}{how}"] += windows * table.multiplier
                self.unpacked(target.w, windows if target.rows else 0, table.multiplier)

    def rows(self, target: Target, times: Array, lengths: Array, stored: int) -> None:
        """Of each length, rows of weights that are added so many times."""
        plain, tag = target.scale == "1", target.v.tag if target.w and target.w.element == "int8_t" else ""
        group = 8 if tag == "l16" or (tag == "i32" and plain) else 4 if tag == "i32" else 0
        groups = lengths // group if group else 0 * lengths
        rest = lengths - groups * group
        fours = rest // 4 if tag == "l16" else 0 * rest
        kind = {"l16": "of 16 bits", "i32": "of 32 bits"}.get(tag, "")
        self.add(rows_spread=times.sum(), fours_spread=(times * fours).sum())
        how = self.how(_adder(target), int(lengths.max()) if len(lengths) == 1 else stored)
        self.counts[f"elements spread{how}"] += (times * (rest - 4 * fours)).sum()
        if kind:
            how = self.how(_adder(target), int(groups.max()) if len(lengths) == 1 else stored)
            self.counts[f"groups spread {kind}{'' if plain else ' scaled'}{how}"] += (times * groups).sum()
        self.unpacked(target.w, times.sum() if target.rows else 0, stored)


def _wide(call: Call) -> int:
    """How many of both factors are loaded as 16 bits."""
    return int(call.x.pairs == "i16") + int(call.w is not None and call.w.element == "int16_t")


def _multiplies(call: Call, a: Accumulator) -> bool:
    """Whether the kernel has a DSP path."""
    return bool(call.x.pairs) and a.tag == "i32" and not call.kernel.endswith("_long")


def _axis(table: WindowTable, axis: str) -> Array:
    """(outputs, taps) of one axis: whether the tap is inside the source."""
    at = _taps(table, axis)
    return np.asarray((at >= 0) & (at < (table.height if axis == "h" else table.width)))


def _taps(table: WindowTable, axis: str) -> Array:
    """(outputs, taps) of one axis: the coordinate of the source that each tap reads."""
    pad = table.top if axis == "h" else table.left
    outputs, taps, stride, step = (getattr(table, f"{name}_{axis}") for name in ("out", "kernel", "stride", "dilate"))
    return np.asarray(np.arange(outputs)[:, None] * stride - pad + np.arange(taps) * step)


def _seen(table: WindowTable, axis: str) -> Array:
    """By how many windows each coordinate of the source is seen on one axis."""
    size = table.height if axis == "h" else table.width
    at = _taps(table, axis)
    return np.bincount(at[(at >= 0) & (at < size)], minlength=size)


def _places(table: WindowTable, spikes: Array) -> Array:
    """(height, width): spikes at each position of the source."""
    return np.asarray(spikes.reshape(table.height, table.width, table.channels).sum(axis=2))


def _windows(table: WindowTable, spikes: Array) -> float:
    """By how many windows spikes are seen, all together."""
    return float(_seen(table, "h") @ _places(table, spikes) @ _seen(table, "w"))


def _functions(program: Program) -> Iterator[str]:
    """Whatever is called from somewhere in the program, once for each place."""
    scans = [scan for stage in program.stages for scan in stage.scans]
    neurons = [scan for scan in scans if isinstance(scan, PopulationScan | RelayScan)]
    runs = [*program.runs, *(n.drive.run for n in neurons if n.drive), *(n.dense for n in neurons if n.dense)]
    deliverers = [*scans, *(replay for stage in program.stages for replay in stage.replays), *program.passing]
    for run in runs:
        yield from (_before(operation) for operation in run.before if isinstance(operation, MaxPoolCall))
        yield from (_call(call) for call in run.edges)
    for scan in deliverers:
        targets = [target for target in scan.targets if isinstance(target, Target)]
        yield from (_target(target) for target in targets)
        yield from (_adder(target) for target in targets if target.kind in ("row", "run"))
    packed = {_call(call): call.w.bits for run in runs for call in run.edges if call.w and call.rows}
    packed |= {_target(t): t.w.bits for s in deliverers for t in s.targets if isinstance(t, Target) and t.w and t.rows}
    yield from (f"unpack {bits}" for bits in packed.values())


def _before(operation: MaxPoolCall) -> str:
    return f"max pool {operation.x.tag}"


def _call(call: Call) -> str:
    return f"{call.kind} {call.kernel} {call.x.tag}"


def _adder(target: Target) -> str:
    return f"add {target.v.tag} {target.w.element if target.w else ''}"


def _target(target: Target) -> str:
    return f"spread {target.kind} {target.w.tag if target.w else ''} {target.v.tag}"
