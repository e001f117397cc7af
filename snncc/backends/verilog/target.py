"""The target `verilog`: IR -> plan -> snn_top.v, hand-written modules, memory files, bench, manifest.

The folder is for any simulator and synthesiser as it is; docs/guide/hardware.md describes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from snncc.backends.options import PREFIX, TargetOptions, option, shared
from snncc.backends.target import Summary, Table, Target
from snncc.backends.verilog import emit, goals, memory, ports, tiles
from snncc.backends.verilog.drafts import MAX_LANES
from snncc.backends.verilog.run import TOOLS, Icarus, Verilator
from snncc.backends.verilog.tiles import INSIDE
from snncc.errors import TargetError
from snncc.ir import NO_HARDWARE, Network, Refusals
from snncc.jobs import Runner

CLOCK_MHZ = 100.0
"""Of the project scripts' constraints, where nobody says a clock."""


@dataclass(frozen=True, kw_only=True)
class VerilogOptions(TargetOptions):
    """Of the target `verilog`."""

    memory_format: str = option("mem", "also write Xilinx .coe or Intel .mif files", "choice", choices=memory.FORMATS)
    target_fps: float | None = option(None, "the images per second to reach, with `clock_mhz`", "number", low=0)
    clock_mhz: float | None = option(None, "the clock that `target_fps` counts with", "number", low=0)
    max_lanes: int | None = option(
        None, "the most weights that a layer may read per cycle", "integer", low=1, high=MAX_LANES
    )
    lanes: Mapping[str, int] = option(
        {}, "the LANES of one layer, by its name", "table", low=1, high=MAX_LANES, key="LAYER"
    )
    pipeline: bool = option(False, "more registers: a higher clock for some flip-flops and a few cycles a row", "flag")
    prefix: str | None = shared(PREFIX)
    input_width: str | None = option(
        None, "bits of an input beat, with as many pixels as go into it", "choice", choices=ports.WIDTHS,
        shown="one pixel a beat",
    )  # fmt: skip
    axi_lite: bool = option(False, "a wrapper with AXI4-Lite registers too, drivers, an IP core", "flag")
    weights: str = option(
        "rom", "where weights are: in the design, loaded through a stream, or large layers' in a memory on an AXI4 bus",
        "choice", choices=tiles.WHERE,
    )  # fmt: skip
    weights_bus: str | None = option(
        None, "bits of a beat of the weights that are loaded or external", "choice", choices=tiles.BUSES,
        shown=str(INSIDE.bus),
    )  # fmt: skip
    weights_inside: float | None = option(
        None, "kbit of weights that may stay in the design where others are external", "number", low=0,
        shown=f"{INSIDE.inside:,}",
    )  # fmt: skip
    memory_latency: int | None = option(
        None, "cycles from a burst to its first beat, of the memory that cycles are predicted for", "integer", low=1,
        shown=str(INSIDE.latency),
    )  # fmt: skip
    memory_period: int | None = option(
        None, "cycles from beat to beat of that memory", "integer", low=1, shown=str(INSIDE.period)
    )
    goal: goals.Goal = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        fields = {"external": ("weights_inside", "memory_latency", "memory_period"), "rom": ()}
        allowed = fields.get(self.weights, ()) + (("weights_bus",) if self.weights != "rom" else ())
        for name in ("weights_bus", *fields["external"]):
            if getattr(self, name) is not None and name not in allowed:
                where = "`load` or `external`" if name == "weights_bus" else "`external`"
                raise TargetError(f"`{name}` is of weights that are not in the design: say `weights` {where} too")
        if (self.target_fps is None) != (self.clock_mhz is None):
            raise TargetError("`target_fps` and `clock_mhz` go together: cycles per image = clock / frames per second")
        goal = goals.goal_of(self.target_fps, self.clock_mhz, self.max_lanes, self.lanes, self.pipeline)
        object.__setattr__(self, "goal", goal)

    @property
    def ports(self) -> ports.Ports:
        return ports.Ports(self.prefix or "", int(self.input_width or 0), self.axi_lite, self.outside)

    @property
    def outside(self) -> tiles.Weights:
        """Where weights come from."""
        bus = INSIDE.bus if self.weights_bus is None else int(self.weights_bus)
        inside = INSIDE.inside if self.weights_inside is None else self.weights_inside
        return tiles.Weights(
            self.weights, bus, inside, self.memory_latency or INSIDE.latency, self.memory_period or INSIDE.period
        )


class Verilog(Target[VerilogOptions]):
    """Verilog-2005 without vendor primitives."""

    name = "verilog"
    writes = "Verilog-2005 for FPGAs, with ROMs, self-checking bench and vendor projects"
    options = VerilogOptions
    tools = TOOLS
    refuses: ClassVar[Refusals] = {
        **NO_HARDWARE,
        "max_pool of late values": "{where} reads a max-pool over values of the timestep before, which the RTL has "
        "not: let a relay read them late, and pool what it hands on",
        "max_pool of the input and values in step": "{where} reads a max-pool over the input and other layers, one of "
        "them a current or a relay, which the RTL has in `count` only: use dynamics `count`, or pool each before they "
        "are concatenated",
    }

    def examine(self, network: Network, options: VerilogOptions) -> None:
        ports.check(network, options.ports)
        goals.balance(network, options.goal, weights=options.outside)

    def write(self, network: Network, folder: Path, options: VerilogOptions) -> None:
        emit.write_folder(
            network, folder, options.goal, options.memory_format, options.pixels, options.ports,
            float(options.clock_mhz or CLOCK_MHZ),
        )  # fmt: skip

    def runners(self) -> Mapping[str, Runner]:
        return {"verilog-icarus": Icarus(), "verilog-verilator": Verilator()}

    def summary(self, network: Network, folder: Path | None, options: Mapping[str, Any] | None) -> Summary | None:
        """LANES, legal LANES and cycles of each layer; cycles of the golden images and of any image."""
        if folder is None:
            return None
        facts = emit.summary(network, folder)
        rows = [[r["layer"], str(r["lanes"]), numbers(r["legal"]), f"{r['cycles']:,.0f}"] for r in facts["layers"]]
        rows.insert(0, ["input", "-", "-", f"{facts['input_cycles']:,.0f}"])
        table = Table("pipeline", ["layer", "LANES", "legal LANES", "cycles per image"], rows)
        lines = [
            f"golden images: {facts['golden_latency'][0]:,} cycles from first pixel to result, one result every "
            f"{facts['golden_interval']:,.0f}",
            f"any image: at most {facts['worst_latency']:,} where no other is under way, at most "
            f"{facts['worst_interval']:,} to the next",
            *outside(facts["outside"], facts["weights"]),
        ]
        if facts["plain"]:
            lines.append(f"no more registers in {', '.join(facts['plain'])}")
        missed = ""
        if not facts["goal_met"]:
            missed = (
                f"The goal of {facts['goal_cycles']:,.4g} cycles per image cannot be met; the nearest possible design "
                f"needs {facts['golden_interval']:,.0f}."
            )
        return Summary(facts, lines, [table], missed)


def outside(asked: Mapping[str, Any], held: Mapping[str, Any] | None) -> list[str]:
    """Which layers' weights are not in the design, where that was asked for."""
    if asked["where"] == "rom":
        return []
    if held is None:
        return [f"external weights: none, all layers' fit in {asked['inside']:,g} kbit"]
    names = dict.fromkeys(edge["name"].removeprefix("pop_").rpartition("_e")[0] for edge in held["edges"])
    what = "external" if asked["where"] == "external" else "loaded"
    return [f"{what} weights: {', '.join(names)}; {held['bytes']:,} bytes in {held['file']}"]


def numbers(values: Sequence[int]) -> str:
    """Ascending integers as text, three or more in a row as a range: 1..27, 29, 31."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(f"{run[0]}..{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


TARGET = Verilog()
