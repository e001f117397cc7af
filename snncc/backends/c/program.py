"""The program of a network: its buffers, tables, members and kernels. `gather` and `scatter` fill it in."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from snncc import ir
from snncc.backends.c.calls import Kept, LateScan, LeakyScan, PassingScan, PopulationScan, RelayScan, Run, Scan, Stage
from snncc.backends.c.edges import Wiring, wire
from snncc.backends.c.expressions import Channel, Element, Expression, Literal, Position, product, total
from snncc.backends.c.kernels import Kernels, Value
from snncc.backends.c.layout import Buffer, Member, hottest, order, place, struct_bytes
from snncc.backends.c.types import DTYPES, SIZES, Constant, Weights, lay_weights, signed, span, unsigned
from snncc.backends.c.views import Made, Splitter
from snncc.backends.c.windows import FIELDS, WindowTable
from snncc.ir import INPUT, Array, Interval
from snncc.names import unique

ALWAYS = 2**31 - 1
"""A time after all others."""


@dataclass
class Program:
    """Everything a template reads. `p`: the prefix of every symbol.

    `limit`: the bytes that the state may take, `most_fast`: those of a faster memory beside it.
    Const data: `constants` and `windows`. State: `arrays`, and `scratch`
    that several share. `buffers`: the expression that points to a population's spikes or counts, to the input or
    to a pool. Code: `kernels`, and the `runs`, `scans` and `passing` views that call them, in `step` in `stages`.
    `wirings`, `made`: each population's edges, and the pools and moves before it; `positions`: of every buffer the
    population that it is made by or for, 0 being the input. `currents`: buffers of the constant current. `relays`:
    buffers of values, and their ranges: of relays, of signed frames. `numbers`: sources of several spikes at a time,
    and the most of a window. `lates`: by population what holds, or hands on, what it did a timestep before. `kept`:
    what is done for that at the begin of a timestep. `restarts`: what begins anew in a window that goes on; None: it
    cannot. `rasters`: buffers of a byte for each spike.
    """

    p: str
    network: ir.Network
    pack: bool
    limit: int | None = None
    most_fast: int = 0
    constants: list[Constant] = field(default_factory=list)
    windows: dict[str, WindowTable] = field(default_factory=dict)
    arrays: list[Buffer] = field(default_factory=list)
    kernels: Kernels = field(default_factory=Kernels)
    buffers: dict[str, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    passing: list[PassingScan] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    scratch: dict[str, Buffer] = field(default_factory=dict)
    rasters: set[str] = field(default_factory=set)
    kept: list[LateScan | Kept] = field(default_factory=list)
    restarts: list[Buffer] | None = None

    def __post_init__(self) -> None:
        network, shapes = self.network, ir.population_shapes(self.network)
        constant = not (network.input.coding.spiking or network.input.coding.sequences)
        self.currents = {INPUT} if constant else set()
        self.relays: dict[str, Interval] = {
            p.name: ir.output_range(network, p.name, network.dynamics) for p in network.populations if p.relay
        }
        several = [p.name for p in network.populations if p.fires and network.window.stepping and most_spikes(p) > 1]
        if network.input.coding.sequences and network.input.signed:
            self.relays[INPUT] = ir.output_range(network, INPUT, "step")
        elif network.input.coding.sequences:
            several.append(INPUT)
        self.numbers = {name: ir.output_range(network, name, "step", whole=True)[1] for name in several}
        self.lates: dict[str, str] = {}
        for name in sorted(read_late(network)):
            base = self.lates[name] = unique(f"late_{name}", set(map(str.lower, shapes)))
            shapes[base] = shapes[name]
            if name in self.relays:
                self.relays[base] = self.relays[name]
            if name in self.numbers:
                self.numbers[base] = self.numbers[name]
        self.splitter = Splitter(shapes, self.lates)
        self.wirings: list[Wiring] = []
        self.made: list[list[Made]] = []
        self.positions = {INPUT: 0}
        for position, population in enumerate(self.network.populations, 1):
            known = len(self.splitter.made)
            self.wirings.append(wire(population, self.splitter, self.currents, self.relays, self.numbers))
            self.made.append(self.splitter.made[known:])
            self.positions |= dict.fromkeys((population.name, *(m.name for m in self.made[-1])), position)
        self.positions |= {base: self.positions[name] for name, base in self.lates.items()}

    @property
    def count(self) -> Value:
        """The type of a spike count of any population."""
        names = self.numbers.keys() & {p.name for p in self.network.populations}
        most = max([self.network.window.length, *(self.numbers[name] for name in names)])
        return Value.of(unsigned(most), most)

    @property
    def pixel(self) -> Value:
        source = self.network.input
        bits = 8 if source.bits <= 8 else 16
        return Value.of(f"{'' if source.signed else 'u'}int{bits}_t", source.levels)

    def value(self, base: str) -> Value:
        """The type of a buffer's elements."""
        if base in self.relays:
            return Value.of(signed(self.relays[base]), max(abs(end) for end in self.relays[base]))
        if base in self.rasters:
            return Value.of("uint8_t", 1)
        if base in self.currents:
            return self.pixel
        most = max(self.numbers.get(base, 0), self.network.window.length)
        return Value.of(unsigned(most), most)

    @property
    def streams(self) -> bool:
        """Whether frames may come one at a time: nothing follows a window's end."""
        return self.network.input.coding.sequences and not self.network.window.extra

    @property
    def value_type(self) -> str:
        """The type of a value of the readout."""
        if self.network.output.fires:
            return "int32_t"
        if self.runs:
            return self.runs[-1].a.ctype
        return next(scan.a.ctype for scan in reversed(self.scans) if isinstance(scan, LeakyScan))

    # --- what the header states

    @property
    def window_type(self) -> str:
        most = max((abs(number) for table in self.windows.values() for number in table.numbers), default=0)
        return "int16_t" if most < 2**15 else "int32_t"

    @property
    def tables(self) -> list[Member]:
        """The members of the one const struct: windows, parameters, weights, the hash."""
        members = [Member(name, self.window_type, len(FIELDS), "") for name in self.windows]
        members += [Member(c.name, c.ctype, c.length, c.note) for c in self.constants]
        return [*order(members), Member("hash", "uint8_t", 65, "SHA-256 of the network")]

    @property
    def const_bytes(self) -> int:
        """sizeof the const struct."""
        return struct_bytes(self.tables)

    @property
    def weight_bytes(self) -> int:
        return sum(c.bytes for c in self.constants if c.name.startswith("w_"))

    @property
    def state(self) -> list[Buffer]:
        """Everything that lies in the state."""
        return [buffer for buffer in (*self.arrays, *self.scratch.values()) if buffer.length]

    @property
    def word(self) -> str:
        """The type whose alignment the state has."""
        return "int64_t" if any(SIZES[buffer.ctype] == 8 for buffer in self.state) else "int32_t"

    @cached_property
    def fast(self) -> frozenset[str]:
        """The buffers in the faster memory: scratch, then those whose elements are read or written most often."""
        if not self.most_fast:
            return frozenset()
        return hottest(self.state, heat(self), SIZES[self.word], self.most_fast)

    @cached_property
    def places(self) -> tuple[dict[str, int], int]:
        """(offset in bytes of every buffer of the state, its bytes), once all buffers are known."""
        return place((b for b in self.state if b.name not in self.fast), SIZES[self.word])

    @cached_property
    def fast_places(self) -> tuple[dict[str, int], int]:
        """The same of the faster memory."""
        return place((b for b in self.state if b.name in self.fast), SIZES[self.word])

    # --- what gather and scatter ask for

    def need(self, name: str, ctype: str, length: int, note: str) -> str:
        """Scratch of at least `length` elements in the state; the expression that points to it."""
        most = max(length, self.scratch[name].length) if name in self.scratch else length
        self.scratch[name] = Buffer(name, ctype, most, note, 0, ALWAYS)
        return self.at(name)

    def array(self, name: str, ctype: str, length: int, note: str, life: tuple[int, int], zero: bool = False) -> str:
        """An array of the state, needed from one position, or time, to another; the expression that points to it."""
        self.arrays.append(Buffer(name, ctype, length, note, *life, zero))
        return self.at(name)

    def at(self, name: str) -> str:
        """The expression that points to a buffer of the state."""
        return f"{self.p}_at_{name}(state)"

    def constant(self, name: str, ctype: str, values: Array, note: str) -> str:
        flat = np.ascontiguousarray(values, DTYPES[ctype]).reshape(-1)
        if not any(made.name == name for made in self.constants):  # what is moved twice has one table
            self.constants.append(Constant(name, ctype, flat, note))
        return f"{self.p}_tables.{name}"

    def parameter(self, population: ir.Population, kind: str, flat: bool) -> Expression:
        """theta, bias or v0 of the neuron at a position and channel: a literal where all are equal."""
        return self.parameter_of(kind, getattr(population, kind), population, flat)

    def parameter_of(self, kind: str, values: Array, population: ir.Population, flat: bool) -> Expression:
        """A number of each neuron, in one of the shapes of a parameter, as `parameter`."""
        if values.min() == values.max():
            return Literal(int(values.min()))
        channels = population.shape[-1]
        index: Expression
        if flat or population.neurons == channels:
            index, values = Channel(), np.broadcast_to(values, population.shape)
        elif values.ndim == 1:
            index = Channel()
        elif values.shape[-1] == 1 and channels > 1:
            index = Position()
        else:
            index = total(product(Position(), Literal(channels)), Channel())
        ctype = signed(span(values))
        note = f"{kind} of {population.name}, {ctype} {list(values.shape)}"
        return Element(self.constant(f"{kind}_{population.name}", ctype, values, note), index)

    def window(self, name: str, table: WindowTable) -> str:
        """A window's table; the expression that points to it."""
        self.windows[f"g_{name}"] = table
        return f"&{self.p}_tables.g_{name}"

    def weights(self, name: str, rows: Array, note: str) -> tuple[Weights, str]:
        """Rows (R, length) of an edge's weights, and the expression that reads them."""
        laid = lay_weights(f"w_{name}", rows, self.network.signed_bit, self.pack, note)
        self.constants.append(laid.constant)
        return laid, f"{self.p}_tables.{laid.constant.name}"

    def unpacked(self, weights: Weights, rows: int) -> str:
        """Scratch for so many rows of packed weights; "" where they are not packed."""
        if not weights.packed:
            return ""
        self.kernels.unpack(weights)
        return self.need(f"rows_{weights.element[:-2]}", weights.element, rows * weights.length, "unpacked weights")


def most_spikes(population: ir.Population) -> int:
    """Of a neuron in one timestep."""
    return population.firing.output(False, None, 0, 0)[1]


def read_late(network: ir.Network) -> set[str]:
    """Names of the populations that are read a timestep late."""
    return {name for p in network.populations for q in p.projections for name in ir.late_sources(q.source)}


def at_once(population: ir.Population) -> bool:
    """Whether its potential is one pass over a whole window: a readout that never leaks."""
    return population.neuron.counts_at_once(False)


def heat(program: Program) -> Callable[[Buffer], float]:
    """How often an element of a buffer is touched in an inference, about.

    Scratch: for every output. What is read in gather form: once per output position and tap. In `step`, potentials and
    what else lives from timestep to timestep: at every timestep.
    """
    scans = [scan for scan in program.scans if isinstance(scan, PopulationScan | LeakyScan | RelayScan)]
    runs = [*program.runs, *(scan.dense for scan in scans if scan.dense), *(s.drive.run for s in scans if s.drive)]
    window = program.network.window
    reads: Counter[str] = Counter()
    for run in runs:
        for edge in run.edges:
            reads[edge.source] += run.positions * max(edge.length, edge.channels)

    def of(buffer: Buffer) -> float:
        if buffer.name in program.scratch:
            return math.inf
        held = window.stepping and not buffer.name.startswith(("c_", "train_"))
        return reads[program.at(buffer.name)] / buffer.length + (window.passes if held else 1)

    return of
