"""`step` on a host, of the native library alone: a population takes a block of timesteps before the next one begins.

What a population sends in a block is its raster, a byte for each timestep and neuron. What a kernel reads of it are
lists: of every timestep the elements that spiked, position by position. A neuron row's charge is then the sum of the
rows of weights that its window's lists name; it stays in registers while they pass, and the potentials of a position
go through all timesteps of the block while they are near. The integers are those of the scatter form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from snncc import ir
from snncc.backends.c import gather, relays, scatter
from snncc.backends.c.calls import Before, Call, Rise, Run
from snncc.backends.c.edges import Edge, Wiring
from snncc.backends.c.expressions import RUN, Literal
from snncc.backends.c.kernels import Accumulator
from snncc.backends.c.program import Program
from snncc.backends.c.types import Weights, span
from snncc.backends.c.views import Made, Pool, bases, spatial
from snncc.ir import INPUT, Array, Network

BITS = 31
"""Of potentials and of charges."""
BLOCK = 16
"""Timesteps of a block."""
LANES, TILE = 32, 128
"""Outputs that weights are filled up to, 16 where there are no more; outputs whose sums registers hold."""
LONGEST = 2**16
"""Elements of a window, whose rows lie on the stack."""
CHUNK = 256
"""Weights of 8 bits whose sums fit 16."""
NEAR = 2**19
"""Bytes of weights that stay in a second cache while all windows pass."""
ROW, MOST = 512, 4096
"""Outputs of a group, at most; where an edge is not divided into groups."""
AHEAD = 16
"""Entries that are read on beyond a list."""
TOGETHER = 128
"""Neurons of a few positions that are scanned together."""


@dataclass(frozen=True)
class Listed:
    """Which elements of a raster spiked, of each timestep: `entries`, x*channels + c, those of a position side by side.

    `starts`: where each position's begin, and the end. The map as it is read: positions x channels, `width` positions
    to a row.
    """

    raster: str
    starts: str
    entries: str
    positions: int
    width: int
    channels: int


@dataclass(frozen=True)
class Rows:
    """An edge as sums of rows of weights: `sums[o] += scale * sum of W[r, o]` over what spiked in a window.

    `weights`: tiles of `TILE` outputs, each (`length` + 1, its outputs), the last filled up to `last` outputs. `taps`:
    of a window.
    """

    kind: ClassVar = "rows"
    window: str
    listed: Listed
    w: Weights
    weights: str
    length: int
    last: int
    scale: str
    taps: int


@dataclass(frozen=True)
class Near:
    """A depthwise edge, or a pool (`weights`: ""), read from all elements of a raster of `elements` neurons."""

    kind: ClassVar = "near"
    window: str
    raster: str
    elements: int
    weights: str
    first: int
    scale: str


@dataclass(frozen=True)
class Layer:
    """A block of timesteps of a population's `positions` x `channels` neurons.

    `together` positions at a time, or `group` channels of one. `start`: what each timestep until T brings anyway,
    of a neuron `at`, `c`; `theta`, `v0` alike. `fixed`: start and theta are the same at every position.
    """

    kind: ClassVar = "layer"
    name: str
    index: int
    positions: int
    channels: int
    group: int
    together: int
    v: str
    raster: str
    theta: str
    start: str
    v0: str
    fixed: bool
    edges: tuple[Rows | Near | Call, ...]
    drive: Run | None
    drive_type: str
    counts: str
    lists: tuple[Listed, ...] = ()

    @property
    def elements(self) -> int:
        """Neurons."""
        return self.positions * self.channels

    @property
    def sums(self) -> int:
        """Elements of a timestep's charges, filled up as far as a kernel writes beyond."""
        return self.together * self.group + TILE

    @property
    def longest(self) -> int:
        """Elements of the longest window."""
        return max((edge.length for edge in self.edges if isinstance(edge, Rows)), default=1)


@dataclass(frozen=True)
class Encoded:
    """The rate-coded input: potentials `v`."""

    kind: ClassVar = "input"
    name: str
    index: int
    elements: int
    v: str
    raster: str
    counts: str
    lists: tuple[Listed, ...] = ()


@dataclass(frozen=True)
class Viewed:
    """A view that is computed at every timestep, by `operations`. `seen`: where the spikes that a maximum reads count,
    those of `source`, `read` elements; "" of what only moves."""

    kind: ClassVar = "view"
    name: str
    index: int
    elements: int
    operations: tuple[Before, ...]
    raster: str
    counts: str
    seen: str = ""
    source: str = ""
    read: int = 0
    lists: tuple[Listed, ...] = ()


@dataclass
class Rasters:
    """What the template reads: the steps of a block in order; buffers that begin as zeros; the counts' type."""

    steps: list[Encoded | Viewed | Layer] = field(default_factory=list)
    zero: list[tuple[str, int]] = field(default_factory=list)
    rows: dict[str, Weights] = field(default_factory=dict)
    near: bool = False
    block: int = BLOCK
    tile: int = TILE


def fits(network: Network) -> bool:
    """Whether this form is there: populations that all spike, without leaks, and potentials and charges of 32 bits."""
    if not network.window.stepping or network.has_relays or "count" not in network.runs_in:
        return False
    program = Program("fits", network, False)
    for population, wiring in zip(network.populations, program.wirings, strict=True):
        if not population.hands_on:
            continue
        reach = scatter.reach(network, population, lazy=False)[:2]
        currents = [edge for edge in wiring.edges if edge.current]
        brought = relays.reach_of(program, currents, span(population.bias))
        wide = population.shape[-1] if not wiring.flat else population.neurons
        whole = any(edge.kind != "dot" for edge in wiring.edges if not edge.current)
        if any(edge.kind == "dot" and math.prod((*edge.kernel, edge.source[2])) > LONGEST for edge in wiring.edges):
            return False
        if max(ir.bits_needed(reach), ir.bits_needed(brought)) > BITS or (whole and wide > MOST):
            return False
    return True


def raster(name: str) -> str:
    """The buffer of what a source sends in a block of timesteps."""
    return f"{name} raster"


def plan(network: Network, prefix: str) -> tuple[Program, Rasters]:
    """The program of a network that `fits`."""
    return _Planner(Program(prefix, network, False)).plan()


class _Planner:
    def __init__(self, program: Program) -> None:
        self.program, self.made = program, Rasters()
        self.last = len(program.network.populations)
        self.read: dict[str, int] = {}
        self.lists: dict[tuple[str, int, int], Listed] = {}
        self.of: dict[str, list[Listed]] = {}

    def plan(self) -> tuple[Program, Rasters]:
        program, network = self.program, self.program.network
        if INPUT in program.currents:
            program.buffers[INPUT] = "image"
        self._readers()
        if network.input.coding.spiking:
            self._place(INPUT)
            v = self._kept("v", INPUT, program.pixel.ctype, math.prod(network.input.shape), "potentials", zero=True)
            neurons = math.prod(network.input.shape)
            self.made.steps.append(Encoded(INPUT, 0, neurons, v, self._raster(INPUT), self._counts(INPUT)))
        populations = zip(network.populations, program.wirings, program.made, strict=True)
        for index, (population, wiring, made) in enumerate(populations, 1):
            driven = not population.hands_on or any(edge.current for edge in wiring.edges)
            pools = [operation for operation in made if driven and operation.name in program.currents]
            held = tuple(scatter.hold(program, operation) for operation in pools)
            for operation in made:
                if operation.name not in program.currents:
                    self._view(operation)
            if population.hands_on:
                self._layer(population, wiring, index, held)
            else:
                run = gather.window_run(program, population, wiring, index)
                program.runs.append(replace(run, before=held))
        self.made.steps = [replace(step, lists=tuple(self.of.get(step.name, ()))) for step in self.made.steps]
        always = {f"d_{p.name}" for p in network.populations}
        program.arrays = [replace(b, born=0, dies=self.last) if b.name in always else b for b in program.arrays]
        return program, self.made

    def _readers(self) -> None:
        """The last position that reads each raster, and which sources' counts are kept."""
        program, network = self.program, self.program.network
        kept = [network.output.name] if network.output.fires else []
        if not network.output.fires:
            kept = list(dict.fromkeys(e.base for e in program.wirings[-1].edges if not e.current))
        for name in kept:
            length = math.prod(program.splitter.shapes[name])
            program.buffers[name] = self._kept("c", name, program.count.ctype, length, "spikes so far", zero=True)
        populations = zip(network.populations, program.wirings, program.made, strict=True)
        for position, (_, wiring, made) in enumerate(populations, 1):
            for name in (*(e.base for e in wiring.edges), *(b for m in made for b in bases(m))):
                self.read[name] = position

    def _kept(self, kind: str, name: str, ctype: str, length: int, note: str, zero: bool = False) -> str:
        """A buffer of the whole run."""
        at = self.program.array(f"{kind}_{name}", ctype, length, f"{note} of {name}", (0, self.last))
        if zero:
            self.made.zero.append((at, length))
        return at

    def _place(self, name: str) -> None:
        """A source's raster; timestep t of it is what is read."""
        program = self.program
        position, elements = program.positions[name], math.prod(program.splitter.shapes[name])
        life = (position, self.read.get(name, position))
        at = program.array(f"s_{name}", "uint8_t", BLOCK * elements, f"raster of {name}", life)
        program.rasters.add(raster(name))
        program.buffers[raster(name)] = f"({at} + t * {elements})"

    def _raster(self, name: str) -> str:
        return self.program.at(f"s_{name}")

    def _counts(self, name: str) -> str:
        return self.program.buffers.get(name, "")

    def _view(self, operation: Made) -> None:
        """A view of spikes: moved, spread, or a maximum of the counts so far, of which it hands on the growth."""
        program, name, elements = self.program, operation.name, math.prod(operation.shape)
        self._place(name)
        index = program.positions[name]
        if not isinstance(operation, Pool):
            operations: tuple[Before, ...] = (gather.before(program, operation, raster),)
            self.made.steps.append(Viewed(name, index, elements, operations, self._raster(name), self._counts(name)))
            return
        count, base, read = program.count, operation.base, math.prod(operation.source)
        seen = self._kept("n", name, count.ctype, read, "spikes read", zero=True)
        most = self._kept("m", name, count.ctype, elements, "largest counts", zero=True)
        fresh = program.need("fresh", count.ctype, elements, "new maxima")
        rise = Rise(program.buffers[raster(name)], "uint8_t", most, fresh, elements)
        operations = (gather.maxima(program, operation, count, fresh, seen), rise)
        source = program.buffers[raster(base)]
        self.made.steps.append(
            Viewed(name, index, elements, operations, self._raster(name), self._counts(name), seen, source, read)
        )

    def _layer(self, population: ir.Population, wiring: Wiring, index: int, held: tuple[Before, ...]) -> None:
        program, name = self.program, population.name
        height, width, stride = spatial(population.shape)
        positions, channels = (1, population.neurons) if wiring.flat else (height * width, stride)
        self._place(name)
        theta, bias, v0 = (program.parameter(population, kind, wiring.flat) for kind in ("theta", "bias", "v0"))
        currents = [e for e in wiring.edges if e.current]
        drive = scatter.drive_of(program, population, wiring, index, currents, bias, held) if currents else None
        start = f"{program.at(f'd_{name}')}[at * {channels} + c]" if drive else bias.text(RUN)
        a = Accumulator.of("int32_t")
        edges = tuple(self._edge(edge, channels, a) for edge in wiring.edges if not edge.current)
        divided = all(edge.kind == "rows" for edge in edges)
        length = max((edge.length for edge in edges if isinstance(edge, Rows)), default=0)
        group = min(channels, ROW, max(TILE, NEAR // length // TILE * TILE)) if divided and length else channels
        self.made.steps.append(
            Layer(
                name, index, positions, channels, group,
                together=min(positions, max(1, TOGETHER // channels)) if group == channels else 1,
                v=self._kept("v", name, "int32_t", positions * channels, "potentials"),
                raster=self._raster(name), theta=theta.text(RUN), start=start, v0=v0.text(RUN),
                fixed=not drive and gather.by_channel(theta) and gather.by_channel(bias),
                edges=edges, drive=drive.run if drive else None, drive_type=drive.ctype if drive else "",
                counts=self._counts(name),
            )
        )  # fmt: skip

    def _edge(self, edge: Edge, channels: int, a: Accumulator) -> Rows | Near | Call:
        program = self.program
        taps, wide = math.prod(edge.kernel), edge.weights is not None and edge.weights.shape[3] > 1
        scale = Literal(2**edge.shift).text()
        if edge.kind != "dot" and not wide and program.network.signed_bit <= 8 and taps <= CHUNK:
            self.made.near = True
            weights = ""
            if edge.weights is not None:
                rows = edge.weights.reshape(taps, -1)
                weights = program.weights(edge.name, rows, f"weights of {edge.name}: tap, channel")[1]
            window = program.window(edge.name, edge.window(channels))
            elements = math.prod(program.splitter.shapes[edge.base])
            return Near(window, self._raster(edge.base), elements, weights, edge.first, scale)
        if edge.kind != "dot" or edge.weights is None:
            return gather.call_of(program, replace(edge, base=raster(edge.base)), channels, a, 1, None)
        kh, kw, inputs, outputs = edge.weights.shape
        tiles, last = tiled(edge.weights.reshape(kh * kw * inputs, outputs))
        note = f"weights of {edge.name}: tiles of {TILE} outputs, each row, column, input channel, output"
        w, weights = program.weights(edge.name, tiles.reshape(1, -1), note)
        self.made.rows[w.element_tag] = w
        return Rows(
            window=program.window(edge.name, edge.window(channels)), listed=self._listed(edge), w=w, weights=weights,
            length=kh * kw * inputs, last=last, scale=scale, taps=taps,
        )  # fmt: skip

    def _listed(self, edge: Edge) -> Listed:
        """The lists of what an edge reads, in the shape in which it is read."""
        program, base, (height, width, channels) = self.program, edge.base, edge.source
        key = (base, width, channels)
        if key not in self.lists:
            life = (program.positions[base], self.read[base])
            number = f"{base}_{len(self.of.get(base, ()))}"
            positions, elements = height * width, height * width * channels
            starts, entries = (
                program.array(f"{kind}_{number}", "uint32_t", BLOCK * size + AHEAD, f"{note} of {base}", life)
                for kind, note, size in (
                    ("starts", "where positions' spikes begin,", positions + 1), ("spikes", "spikes", elements),
                )
            )  # fmt: skip
            self.lists[key] = Listed(self._raster(base), starts, entries, positions, width, channels)
            self.of.setdefault(base, []).append(self.lists[key])
        return self.lists[key]


def tiled(rows: Array) -> tuple[Array, int]:
    """Rows (K, O), and one of zeros, as tiles (K + 1, TILE) one after the other; outputs of the last, filled up."""
    rows = np.concatenate([rows, np.zeros_like(rows[:1])])
    length, outputs = rows.shape
    rest = outputs - (-(-outputs // TILE) - 1) * TILE
    last = 16 if rest <= 16 else -(-rest // LANES) * LANES
    whole = outputs - rest
    tiles = [rows[:, first : first + TILE].reshape(-1) for first in range(0, whole, TILE)]
    filled = np.zeros((length, last), rows.dtype)
    filled[:, :rest] = rows[:, whole:]
    return np.concatenate([*tiles, filled.reshape(-1)]), last
