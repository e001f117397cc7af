"""The program as ready values for the templates: which buffers, types, tables and kernels a network needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snncc import ir
from snncc.backends.c import scatter
from snncc.backends.c.edges import Edge, Wiring, wire
from snncc.backends.c.kernels import Accumulator, Kernels, Value
from snncc.backends.c.layout import Lifetime, Member, order, place, struct_bytes
from snncc.backends.c.types import DTYPES, Constant, Weights, lay_weights, signed, span
from snncc.backends.c.views import Move, Pool, Splitter, spatial
from snncc.ir import INPUT, Array

WINDOW_FIELDS = (
    "height", "width", "channels", "kernel_h", "kernel_w", "stride_h", "stride_w", "dilate_h", "dilate_w",
    "top", "left", "out_h", "out_w", "out_channels", "multiplier", "first", "row", "gathers",
)  # fmt: skip


@dataclass
class Plan:
    """Everything a template reads. `p`: the prefix of every symbol."""

    p: str
    network: ir.Network
    pack: bool
    constants: list[Constant] = field(default_factory=list)
    windows: list[tuple[str, list[int]]] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    kernels: Kernels = field(default_factory=Kernels)
    buffers: dict[str, str] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    scans: list[dict[str, Any]] = field(default_factory=list)
    operations: list[dict[str, Any]] = field(default_factory=list)
    scratch: dict[str, tuple[str, int, str]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.network.timesteps + self.network.spike_ext

    @property
    def count(self) -> Value:
        """The type of a spike count."""
        return Value.of("uint8_t" if self.total <= 255 else "uint16_t", self.total)

    @property
    def pixel(self) -> Value:
        source = self.network.input
        bits = 8 if source.bits <= 8 else 16
        return Value.of(f"{'' if source.signed else 'u'}int{bits}_t", source.levels)

    def value(self, base: str) -> Value:
        """The type of a buffer's elements."""
        return self.pixel if base in self.currents else self.count

    @property
    def currents(self) -> set[str]:
        return self._currents

    def __post_init__(self) -> None:
        self._currents = {INPUT} if self.network.input.encoding == "current" else set()
        network = self.network
        self.splitter = Splitter(ir.population_shapes(network))
        self.wirings: list[Wiring] = []
        self.made: list[list[Pool | Move]] = []
        for population in network.populations:
            known = len(self.splitter.made)
            self.wirings.append(wire(network, population, self.splitter, self._currents))
            self.made.append(self.splitter.made[known:])
        if network.dynamics == "count":
            self._plan_count()
        else:
            self._plan_step()
        self.members += [Member(name, ctype, n, note) for name, (ctype, n, note) in self.scratch.items()]
        self.members = order(self.members)

    # --- what the header states

    @property
    def window_type(self) -> str:
        most = max((abs(v) for _, values in self.windows for v in values), default=0)
        return "int16_t" if most < 2**15 else "int32_t"

    @property
    def tables(self) -> list[Member]:
        """The members of the one const struct: windows, parameters, weights, the hash."""
        members = [Member(name, self.window_type, len(values), "") for name, values in self.windows]
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
    def state_bytes(self) -> int:
        return struct_bytes(self.members)

    # --- shared by both dynamics

    def need(self, name: str, ctype: str, length: int, note: str) -> str:
        """Scratch of at least `length` elements in the state; the expression that reads it."""
        old = self.scratch.get(name, (ctype, 0, note))
        self.scratch[name] = (ctype, max(old[1], length), note)
        return f"state->{name}"

    def constant(self, name: str, ctype: str, values: Array, note: str) -> str:
        flat = np.ascontiguousarray(values, DTYPES[ctype]).reshape(-1)
        self.constants.append(Constant(name, ctype, flat, note))
        return f"{self.p}_tables.{name}"

    def parameter(self, population: ir.Population, kind: str, flat: bool) -> str:
        """A C expression of theta, bias or v0 at position p + q, channel c: a literal where all are equal."""
        values: Array = getattr(population, kind)
        if values.min() == values.max():
            return literal(int(values.min()))
        channels = population.shape[-1]
        if flat or population.neurons == channels:
            index, values = "c", np.broadcast_to(values, population.shape)
        elif values.ndim == 1:
            index = "c"
        elif values.shape[-1] == 1 and channels > 1:
            index = "(p + q)"
        else:
            index = f"(p + q) * {channels} + c"
        ctype = signed(span(values))
        note = f"{kind} of {population.name}, {ctype} {list(values.shape)}"
        return f"{self.constant(f'{kind}_{population.name}', ctype, values, note)}[{index}]"

    def window(self, name: str, edge: Edge, row: int) -> str:
        height, width, channels = edge.source
        multiplier = edge.weights.shape[3] if edge.kind == "taps" and edge.weights is not None else 1
        values = [
            height, width, channels, *edge.kernel, *edge.strides, *edge.dilation, edge.top, edge.left,
            *edge.output, multiplier, edge.first, row, int(edge.gathers),
        ]  # fmt: skip
        self.windows.append((f"g_{name}", values))
        return f"&{self.p}_tables.g_{name}"

    def weights(self, name: str, rows: Array, note: str) -> Weights:
        laid = lay_weights(f"w_{name}", rows, self.network.signed_bit, self.pack, note)
        self.constants.append(laid.constant)
        if laid.packed:
            self.kernels.unpack(laid)
        return laid

    def gather_edge(self, edge: Edge, row: int, a: Accumulator, positions: int, factor: str) -> dict[str, Any]:
        """One projection in gather form: the kernel call's arguments. `factor`: what a current is multiplied by."""
        x = self.value(edge.base)
        call: dict[str, Any] = {
            "kind": edge.kind, "x": x, "a": a, "window": self.window(edge.name, edge, row),
            "source": self.buffers[edge.base], "first": edge.first, "name": edge.name,
        }  # fmt: skip
        power = literal(2**edge.shift)
        call["scale"] = (f"{factor} * {power}" if edge.shift else factor) if edge.current and factor else power
        if edge.kind == "pool" or edge.weights is None:
            self.kernels.pool(x, a)
            return call
        kh, kw, channels, outputs = edge.weights.shape
        if edge.kind == "dot":
            length = kh * kw * channels
            rows = edge.weights.reshape(length, outputs).T
            note = f"weights of {edge.name}, [{outputs}][{kh}][{kw}][{channels}]: output, row, column, input channel"
            patch = "NULL"
            if edge.gathers:
                patch = self.need(f"patch_{x.tag}", x.ctype, 2 * length, "windows in one piece")
                self.kernels.gather(x)
            call |= {"patch": patch, "length": length, "gathers": edge.gathers, "channels": channels}
        else:
            length = channels * outputs
            rows = edge.weights.reshape(kh * kw, length)
            note = f"weights of {edge.name}, [{kh}][{kw}][{channels * outputs}]: row, column, output channel"
        w = self.weights(edge.name, rows, note)
        if w.packed:
            call["rows"] = self.need(f"rows_{w.element[:-2]}", w.element, 2 * length, "unpacked weights")
        call |= {"w": w, "weights": f"{self.p}_tables.{w.constant.name}"}
        if edge.kind == "dot":
            call["dot"] = self.kernels.dot(x, w, a, positions > 1)
        else:
            self.kernels.taps(x, w, a)
        return call

    def run(
        self, population: ir.Population, wiring: Wiring, index: int, edges: list[Edge], **more: Any
    ) -> dict[str, Any]:
        """A population integrated in gather form over a whole image."""
        height, width, channels = (1, 1, population.neurons) if wiring.flat else spatial(population.shape)
        positions = height * width
        a = more.pop("a")
        factor = more.pop("factor")
        self.need(f"acc_{a.tag}", a.ctype, min(2, positions) * channels, "accumulators")
        return {
            "name": population.name, "index": index, "positions": positions, "channels": channels, "a": a,
            "pair": min(2, positions), "acc": f"state->acc_{a.tag}",
            "edges": [self.gather_edge(e, channels, a, positions, factor) for e in edges],
        } | more  # fmt: skip

    # --- count

    def _count_type(self, population: ir.Population) -> Accumulator:
        theta = span(population.theta, population.bias, population.v0)
        low, high = self.network.intervals["count"][population.name]
        ctype = signed((min(low, theta[0]), max(high, theta[1], self.network.timesteps)), 32)
        return Accumulator.of(ctype)

    def counting_run(self, population: ir.Population, wiring: Wiring, index: int) -> dict[str, Any]:
        flat = wiring.flat
        a = self._count_type(population)
        bias = self.parameter(population, "bias", flat)
        v0 = self.parameter(population, "v0", flat)
        factor = "steps"
        start = v0 if bias == "0" else f"{bias} * steps" + ("" if v0 == "0" else f" + {v0}")
        run = self.run(population, wiring, index, list(wiring.edges), a=a, factor=factor, start=start)
        run["uses_steps"] = "steps" in start or any(e.current for e in wiring.edges)
        run["fires"] = population.fires
        if population.fires:
            run["theta"] = self.parameter(population, "theta", flat)
            more = 0 if population.saturates else self.network.spike_ext
            run["limit"] = f"limit + {more}U" if more else "limit"
            run["out"] = self.buffers.get(population.name)
            self.kernels.fire(a)
        return run

    def _plan_count(self) -> None:
        network = self.network
        populations = network.populations
        born: dict[str, int] = {INPUT: 0}
        dies: dict[str, int] = {}
        time = 1
        when: list[int] = []
        for population, wiring, made in zip(populations, self.wirings, self.made, strict=True):
            for operation in made:
                for base in _bases(operation):
                    dies[base] = time
                born[operation.name] = time
                time += 1
            for edge in wiring.edges:
                dies[edge.base] = time
            born[population.name] = time
            when.append(time)
            time += 1
        dies[populations[-1].name] = time
        names = [n for n in born if not (n == INPUT and INPUT in self.currents)]
        if not populations[-1].fires:
            names.remove(populations[-1].name)
        for pixels, member in ((False, "counts"), (True, "pixels")):
            chosen = [
                Lifetime(n, math.prod(self.splitter.shapes[n]), born[n], dies.get(n, born[n]))
                for n in names
                if (n in self.currents) == pixels
            ]
            offsets, length = place(chosen)
            ctype = (self.pixel if pixels else self.count).ctype
            self.members.append(Member(member, ctype, length, "spike counts" if not pixels else "pooled input"))
            self.buffers |= {n: f"(state->{member} + {at})" for n, at in offsets.items()}
        if INPUT in self.currents:
            self.buffers[INPUT] = "image"
        for index, (population, wiring, made) in enumerate(zip(populations, self.wirings, self.made, strict=True), 1):
            before = [self._operation(o) for o in made]
            self.runs.append(self.counting_run(population, wiring, index) | {"before": before})

    def _operation(self, operation: Pool | Move) -> dict[str, Any]:
        x = self.value(operation.name)
        out = self.buffers[operation.name]
        if isinstance(operation, Move):
            parts = []
            for number, (base, to) in enumerate(operation.parts):
                ctype = "uint16_t" if len(to) == 0 or int(to.max()) < 2**16 else "uint32_t"
                note = f"where the elements of {base} go"
                table = self.constant(f"{operation.name}_{number}", ctype, to, note)
                parts.append({"source": self.buffers[base], "table": table, "length": len(to)})
            return {"kind": "move", "out": out, "parts": parts, "length": math.prod(operation.shape), "x": x}
        self.kernels.max_pool(x)
        height, width, channels = spatial(operation.source)
        edge = Edge(
            name=operation.name, kind="pool", base=operation.base, source=(height, width, channels),
            output=spatial(operation.shape), kernel=operation.size, weights=None, shift=0, current=False,
            strides=operation.strides,
            top=operation.pads[0] + operation.frame[0], left=operation.pads[2] + operation.frame[2],
        )  # fmt: skip
        frame = Edge(
            name=operation.name, kind="pool", base=operation.base, weights=None, shift=0, current=False,
            source=(height + operation.frame[1], width + operation.frame[3], channels),
            output=(0, 0, 0), kernel=(0, 0), top=operation.frame[0], left=operation.frame[2],
        )  # fmt: skip
        return {
            "kind": "max_pool", "x": x, "out": out, "source": self.buffers[operation.base],
            "window": self.window(operation.name, edge, channels),
            "frame": self.window(operation.name + "_frame", frame, channels),
        }  # fmt: skip

    # --- step

    def _plan_step(self) -> None:
        scatter.plan_step(self)


def _bases(operation: Pool | Move) -> list[str]:
    return [base for base, _ in operation.parts] if isinstance(operation, Move) else [operation.base]


def literal(value: int) -> str:
    """A C integer constant of the smallest fitting type."""
    if -(2**31) < value < 2**31:
        return str(value) if value >= 0 else f"({value})"
    return f"INT64_C({value})"
