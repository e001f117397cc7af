"""Runners of the target `c`: this machine's compilers; Cortex-M4, Cortex-M55, 32-bit RISC-V and AArch64 under QEMU.

A small program (templates/verify/) reads the images from a file and writes every spike, potential and value to
another; it is compiled together with the folder's own sources under -D<NAME>_TRACE.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snncc import tools
from snncc.errors import OutputError, TargetError
from snncc.ir import INPUT, Array, Network
from snncc.jobs import Job, NotRunError, Observation, Tool
from snncc.resources import resource, templates

RECORD = np.dtype([("potential", "<i8"), ("spikes", "<u2")])
WIDE_RECORD = np.dtype([("potential", "<i8"), ("spikes", "<i8")])
"""Where there are relays, whose values stand in the place of spikes."""
STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
SEMIHOSTING = ("-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native")
HOSTS = {"gcc": Tool("gcc", "gcc"), "clang": Tool("clang", "clang")}
ARM = Tool("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi")
QEMU_ARM = Tool("qemu-system-arm", "qemu-system-arm")
RISCV = Tool("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf")
QEMU_RISCV = Tool("qemu-system-riscv32", "qemu-system-misc")
AARCH64 = Tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross")
QEMU_AARCH64 = Tool("qemu-aarch64", "qemu-user")
TOOLS = (*HOSTS.values(), ARM, QEMU_ARM, RISCV, QEMU_RISCV, AARCH64, QEMU_AARCH64)
TIMEOUT = 600


def prefix_of(folder: Path) -> str:
    """The prefix of the C files in a compiled folder."""
    found = sorted((folder / "c").glob("*_weights.h"))
    if len(found) != 1:
        raise TargetError(f"{folder / 'c'}: expected one *_weights.h, found {len(found)}: compile again")
    return found[0].name.removesuffix("_weights.h")


def stated_bytes(folder: Path) -> tuple[int, int]:
    """Bytes of const data and of state, as the folder's own header states them: of packed weights where they are."""
    prefix = prefix_of(folder)
    header = folder / "c" / f"{prefix}.h"
    text = header.read_text(errors="replace") if header.is_file() else ""
    found = dict(re.findall(rf"#define {prefix.upper()}_(CONST|STATE)_BYTES (\d+)U", text))
    if len(found) != 2:
        raise TargetError(f"{header}: does not state its bytes: export the target again")
    return int(found["CONST"]), int(found["STATE"])


class _C:
    """What they have in common: sources, input file, output file."""

    def command(self, variant: str, folder: Path) -> tuple[list[str], list[str]]:
        """(compiler with its flags, what runs the program)."""
        raise TargetError(f"no variant {variant}")

    def fits(self, job: Job) -> None:
        """NotRunError where an emulated board is too small."""

    @contextmanager
    def run(self, job: Job, variant: str) -> Iterator[Iterator[Observation]]:
        compiler, runner = self.command(variant, job.folder / "c")
        self.fits(job)
        with tempfile.TemporaryDirectory(prefix="snncc-verify-") as name:
            work = Path(name)
            prefix = prefix_of(job.folder)
            reads = _reads(job)
            _write_harness(work, prefix, job, reads)
            _write_images(work / "images.bin", job, reads)
            parts = [f"{prefix}.c", *(f"{prefix}{read.file}.c" for read in reads)]
            sources = [str(work / "trace_main.c"), *(str(job.folder / "c" / part) for part in parts)]
            defines = [f"-D{prefix.upper()}_TRACE", f"-D{prefix.upper()}_SELFTEST"]
            flags = ["-I", str(job.folder / "c"), *defines, "-o", str(work / "trace.elf"), "-lm"]
            tools.run([*compiler, *STRICT, *sources, *flags], work, "compiling", TIMEOUT)
            tools.run([*runner, str(work / "trace.elf")], work, "running", TIMEOUT)
            yield _observations(work / "trace.bin", job)


class Host(_C):
    """gcc and clang, unoptimised, optimised, for this very processor, and under the address and undefined-behaviour
    sanitizers."""

    def variants(self, job: Job) -> list[str]:
        return ["gcc -O0", "gcc -O3", "gcc -O3 -march=native", "clang -O0", "clang -O3", "gcc sanitizers"]

    def command(self, variant: str, folder: Path) -> tuple[list[str], list[str]]:
        tool, *flags = variant.split()
        return [HOSTS[tool].require(), *(SANITIZED if flags == ["sanitizers"] else flags)], []


class AArch64(_C):
    """QEMU's user emulation of an Armv8 processor with NEON's dot products, without and with those of mixed signs."""

    def variants(self, job: Job) -> list[str]:
        return ["-O3 -march=armv8.2-a+dotprod", "-O3 -march=armv8.2-a+dotprod+i8mm"]

    def command(self, variant: str, folder: Path) -> tuple[list[str], list[str]]:
        return [AARCH64.require(), "-static", *variant.split()], [QEMU_AARCH64.require(), "-cpu", "max"]


class _Emulated(_C):
    room = 3 * 2**20
    """Bytes of const data, and of state and images, that the board has."""

    def variants(self, job: Job) -> list[str]:
        return ["-Os", "-O3"]

    def fits(self, job: Job) -> None:
        const, state = stated_bytes(job.folder)
        largest = 2 * max(math.prod(job.pixels.shape[1:]), *(p.neurons for p in job.network.populations))
        data = state + 2 * largest
        if max(const, data) > self.room:
            raise NotRunError(
                f"the emulated board is too small: {const:,} bytes of const data and {data:,} of state and "
                f"images are needed, {self.room:,} of each are there"
            )


class CortexM4(_Emulated):
    """QEMU's mps2-an386, with the DSP extension."""

    def command(self, variant: str, folder: Path) -> tuple[list[str], list[str]]:
        compiler = [
            ARM.require(),
            *("-mcpu=cortex-m4", "-mthumb", "--specs=nano.specs", "--specs=rdimon.specs", "-nostartfiles", variant),
            *("-T", str(folder / "port" / "cortex_m.ld"), str(folder / "port" / "cortex_m_startup.c")),
        ]
        qemu = QEMU_ARM.require()
        return compiler, [qemu, "-M", "mps2-an386", *SEMIHOSTING, "-kernel"]


class CortexM55(_Emulated):
    """QEMU's mps3-an547, with Helium."""

    room = 3 * 2**19

    def command(self, variant: str, folder: Path) -> tuple[list[str], list[str]]:
        compiler = [
            ARM.require(),
            *("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard", "--specs=nano.specs", "--specs=rdimon.specs"),
            *("-nostartfiles", variant, "-T", str(resource("templates") / "verify" / "mps3_an547.ld")),
            str(folder / "port" / "cortex_m_startup.c"),
        ]
        qemu = QEMU_ARM.require()
        return compiler, [qemu, "-M", "mps3-an547", *SEMIHOSTING, "-kernel"]


class RiscV(_Emulated):
    """QEMU's virt board, rv32imac: the portable path."""

    def command(self, variant: str, folder: Path) -> tuple[list[str], list[str]]:
        compiler = [
            RISCV.require(),
            *("--specs=picolibc.specs", "--oslib=semihost", "--crt0=hosted", "-march=rv32imac", "-mabi=ilp32"),
            *("-misa-spec=2.2", variant, "-T", str(folder / "port" / "rv32.ld")),
        ]
        qemu = QEMU_RISCV.require()
        return compiler, [qemu, "-M", "virt", "-bios", "none", *SEMIHOSTING, "-kernel"]


@dataclass(frozen=True)
class _Read:
    """One of the exported quantisers, and what it is fed with: `values` of the C type `type`, its file's suffix."""

    name: str
    type: str
    suffix: str
    file: str
    values: Array


def _reads(job: Job) -> list[_Read]:
    """The quantisers that can be run: of numbers, in float where it holds them, and of raw bytes."""
    reads = []
    if job.features is not None:
        single = job.features.astype(np.float32)
        kind = "float" if np.array_equal(single.astype(np.float64), job.features) else "double"
        values = single if kind == "float" else job.features
        reads.append(_Read("features", kind, f"_{kind}", "_host", values))
    if job.data is not None:
        reads.append(_Read("bytes", "uint8_t", "", "_quantise", job.data))
    return reads


def _pixel_dtype(network: Network) -> str:
    return f"<{'i' if network.input.signed else 'u'}{1 if network.input.bits <= 8 else 2}"


def _write_images(file: Path, job: Job, reads: list[_Read]) -> None:
    """Image by image what each quantiser reads; the pixels themselves where there is none."""
    arrays = [read.values for read in reads] or [job.pixels.astype(_pixel_dtype(job.network))]
    with file.open("wb") as out:
        for image in zip(*arrays, strict=True):
            for part in image:
                out.write(np.ascontiguousarray(part).astype(part.dtype.newbyteorder("<")).tobytes())


def _write_harness(work: Path, prefix: str, job: Job, reads: list[_Read]) -> None:
    sizes = [math.prod(job.network.input.shape), *(p.neurons for p in job.network.populations)]
    template = templates("verify").get_template("trace_main.c.j2")
    text = template.render(
        p=prefix,
        P=prefix.upper(),
        images=len(job.pixels),
        timesteps=job.timesteps,
        neurons=max(sizes),
        frames=math.prod(job.pixels.shape[1:]) // math.prod(job.network.input.shape),
        reads=reads,
        relays=job.network.has_relays,
        fast=f"{prefix.upper()}_FAST_BYTES" in (job.folder / "c" / f"{prefix}.h").read_text(errors="replace"),
    )
    (work / "trace_main.c").write_text(text)


def _blocks(network: Network, timesteps: int) -> dict[int, tuple[str, int, int]]:
    """Population number of the program: (name, neurons, how many timesteps it records)."""
    total = network.over(timesteps).passes
    found = {0: (INPUT, math.prod(network.input.shape), total)} if network.input.coding.spiking else {}
    for number, population in enumerate(network.populations, 1):
        once = population.neuron.counts_at_once(network.window.counting)
        found[number] = population.name, population.neurons, 1 if once else total
    return found


def _records(data: Array, network: Network, timesteps: int) -> dict[str, Array]:
    """By population its records (timesteps, neurons): blocks of a number, a timestep and a record of each neuron."""
    record = WIDE_RECORD if network.has_relays else RECORD
    blocks = _blocks(network, timesteps)
    found = {name: np.empty((steps, neurons), record) for name, neurons, steps in blocks.values()}
    missing = {(number, t) for number, (_, _, steps) in blocks.items() for t in range(steps)}
    at = 0
    while missing:
        number, t = data[at : at + 8].view("<u4").tolist()
        if (number, t) not in missing:
            raise OutputError(f"the program recorded timestep {t} of population {number} unasked, or twice")
        missing.remove((number, t))
        name, neurons, _ = blocks[number]
        end = at + 8 + neurons * record.itemsize
        found[name][t] = data[at + 8 : end].view(record)
        at = end
    return found


def _observations(file: Path, job: Job) -> Iterator[Observation]:
    """Take the program's records apart, one image at a time."""
    network = job.network
    record = WIDE_RECORD if network.has_relays else RECORD
    elements = math.prod(job.pixels.shape[1:])
    names = [read.name for read in _reads(job)]
    head = len(names) * 4 * (1 + elements)
    body = sum(steps * (8 + n * record.itemsize) for _, n, steps in _blocks(network, job.timesteps).values())
    image_bytes = head + body + 8 * network.output.neurons + 8
    if file.stat().st_size != image_bytes * len(job.pixels):
        raise OutputError(f"the program wrote {file.stat().st_size} bytes, expected {image_bytes * len(job.pixels)}")
    raw = np.memmap(file, np.uint8, "r")
    for start in range(0, len(raw), image_bytes):
        pixels = {}
        for i, name in enumerate(names):
            status, *made = raw[start : start + head].view("<i4").reshape(len(names), -1)[i].tolist()
            if status:
                raise OutputError(f"the quantiser of {name} returned status {status}")
            pixels[name] = np.array(made, np.int64)
        ends = raw[start + head + body : start + image_bytes]
        values, (status, class_index) = ends[:-8].view("<i8"), ends[-8:].view("<u4")
        if status:
            raise OutputError(f"{prefix_of(job.folder)}_infer returned status {int(status)}")
        records = _records(raw[start + head : start + head + body], network, job.timesteps)
        spikes = {n: r["spikes"] for n, r in records.items() if n == INPUT or network[n].hands_on}
        untraced = {p.name for p in network.populations if network.window.stepping and p.neuron.counts_at_once(False)}
        potentials = {n: r["potential"] for n, r in records.items() if n != INPUT and n not in untraced}
        yield Observation(np.array(values), int(class_index), spikes, potentials, pixels)
