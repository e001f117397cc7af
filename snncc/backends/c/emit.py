"""Writes the C folder from a program: Jinja templates that get ready values, streamed so that memory stays bounded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snncc import ir
from snncc.backends.c import arrays, host, packages
from snncc.backends.c.kernels import MOST_TOGETHER
from snncc.backends.c.plan import plan
from snncc.backends.c.program import ALWAYS, Program
from snncc.backends.c.types import SIZES, Constant
from snncc.backends.c.windows import FIELDS
from snncc.backends.vectors import VECTORS, golden
from snncc.errors import OutputError
from snncc.resources import templates


@dataclass(frozen=True)
class Memory:
    """Bytes that the C program takes, exact: const tables (flash) and the state (RAM). Not code, not stack.

    `fast`: of the state's part in a faster memory.
    """

    const: int
    weights: int
    state: int
    fast: int = 0


def memory(
    network: ir.Network,
    *,
    pack: bool = False,
    prefix: str | None = None,
    state_bytes: int | None = None,
    fast_bytes: int | None = None,
) -> Memory:
    """What `<name>.h` states as CONST_BYTES, STATE_BYTES and FAST_BYTES, without writing anything."""
    program = plan(network, prefix, pack, state_bytes, fast_bytes or 0)
    return Memory(program.const_bytes, program.weight_bytes, program.places[1], program.fast_places[1])


def write(
    network: ir.Network,
    folder: Path,
    prefix: str | None,
    pack: bool,
    pixels: ir.Array | None,
    license: str,
    package: str | None = None,
    state_bytes: int | None = None,
    fast_bytes: int | None = None,
) -> None:
    """Write NAME.h, .c, _kernels.h, _weights.h, _quantise.c, _host.*, self-test, build files and README.

    Every file of C begins with its license and how the network was compiled. `package`: one of `packages.KINDS`.
    """
    program = plan(network, prefix, pack, state_bytes, fast_bytes or 0)
    context = context_of(program) | {"license": license}
    first = (
        f"/* SPDX-License-Identifier: {license}\n * snncc {network.tool_version or 'of unknown version'}: "
        f"{network.dynamics}, T <= {network.timesteps}, {network.signed_bit}-bit weights{', packed' if pack else ''}, "
        f"{network.input.encoding} input of {network.input.bits} bits, network {context['hash'][:16]}. */\n"
    )
    pixels, result = golden(network, pixels)
    context |= _vector_context(program, pixels, result)
    p = program.p
    files = {
        f"{p}.h": "header.h.j2",
        f"{p}.c": "source.c.j2",
        f"{p}_kernels.h": "kernels.h.j2",
        f"{p}_weights.h": "weights.h.j2",
        f"{p}_host.h": "host.h.j2",
        f"{p}_host.c": "host.c.j2",
        f"test/{p}_vectors.h": "vectors.h.j2",
        "test/main.c": "main.c.j2",
        "Makefile": "Makefile.j2",
        "CMakeLists.txt": "CMakeLists.txt.j2",
        "README.md": "README.md.j2",
        "port/cortex_m_startup.c": "cortex_m_startup.c.j2",
        "port/cortex_m.ld": "cortex_m.ld.j2",
        "port/rv32.ld": "rv32.ld.j2",
    }
    if context["raw"]:
        files[f"{p}_quantise.c"] = "quantise.c.j2"
    environment = templates("c")
    try:
        for name in ("port", "test"):
            (folder / name).mkdir(exist_ok=True)
        for name, template in files.items():
            stream = environment.get_template(template).stream(context)
            stream.enable_buffering(64)
            with (folder / name).open("w", encoding="utf-8", newline="\n") as out:
                out.write(first if name.endswith((".c", ".h")) else "")
                out.writelines(stream)
        if package:
            packages.write(folder, package, context)
        np.savez_compressed(folder / VECTORS, pixels=pixels)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from error


def context_of(program: Program) -> dict[str, Any]:
    """What the templates of the program itself read."""
    network = program.network
    source = network.input
    output = network.output
    low = -source.levels if source.signed else 0
    holds = np.iinfo(program.pixel.ctype.removesuffix("_t"))
    checks = ([f"image[i] < {low}"] if holds.min < low else []) + (
        [f"image[i] > {source.levels}"] if holds.max > source.levels else []
    )
    return {
        "p": program.p, "P": program.p.upper(), "network": network, "hash": ir.content_hash(network),
        "pack": program.pack, "constants": {c.name: c for c in program.constants}, "window_fields": FIELDS,
        "windows": {name: table.numbers for name, table in program.windows.items()},
        "tables": program.tables, "window_type": program.window_type,
        **_state(program), "const_bytes": program.const_bytes,
        "weight_bytes": program.weight_bytes, "pixel": program.pixel, "count": program.count, "levels": source.levels,
        "pixel_low": low, "pixel_checks": " || ".join(checks), "pixels": math.prod(source.shape),
        "outputs": output.neurons, "value_type": program.value_type, "runs": program.runs,
        "loaded": False, "counted": {}, "found": None, "rasters": None,
        "relays": bool(program.relays), "stages": program.stages, "passing": program.passing,
        "use": program.kernels.context(), "most_together": MOST_TOGETHER, "text": arrays.lines,
        "rate_input": program.buffers[ir.INPUT] if source.coding.spiking and network.window.counting else "",
        "spike_values": program.buffers[output.name] if output.fires else "" if program.runs else
        program.at(f"v_{output.name}"),
        "frames": source.coding.sequences, "image": "frames" if source.coding.sequences else "image",
        "stream": program.streams, "restarts": program.restarts,
        "sample": f"({program.p.upper()}_T_MAX * {program.p.upper()}_PIXELS)" if source.coding.sequences else
        f"{program.p.upper()}_PIXELS",
        "image_argument": f"const {program.pixel.ctype} *image, " if ir.INPUT in program.relays else "",
        **host.bytes_context(program), **host.host_context(program),
    }  # fmt: skip


def _state(program: Program) -> dict[str, Any]:
    """The state as an array of words, or two, and where each buffer lies in it."""
    (offsets, size), (fast_offsets, fast_size) = program.places, program.fast_places
    align = SIZES[program.word]
    inside = ("state->memory", "fast->memory") if fast_size else ("memory", "")
    buffers = [
        (b, inside[1], fast_offsets[b.name] // align) if b.name in program.fast
        else (b, inside[0], offsets[b.name] // align) for b in program.state
    ]  # fmt: skip
    return {
        "buffers": buffers, "always": ALWAYS, "word": program.word, "state_align": align, "state_bytes": size,
        "state_words": size // align, "fast_bytes": fast_size, "fast_words": fast_size // align,
        "held": f"{program.p}_{'memories' if fast_size else 'state'}_t",
        "states": "&state, &fast" if fast_size else "&state",
    }  # fmt: skip


def _vector_context(program: Program, pixels: ir.Array, result: Any) -> dict[str, Any]:
    p = program.p
    values = result.values.reshape(len(pixels), -1)
    ctype = program.value_type
    raw = program.network.input.raw_bytes
    data = None if raw is None else ir.bytes_of_pixels(raw, pixels)
    golden = program.network.golden
    real = golden is not None and np.array_equal(pixels, golden)
    return {
        "vectors": len(pixels),
        "vector_note": "Calibration samples." if real else "Not calibration samples.",
        "vector_bytes": None if data is None else Constant(f"{p}_vector_bytes", "uint8_t", data.reshape(-1), ""),
        "vector_images": Constant(
            f"{p}_vector_images", program.pixel.ctype, pixels.reshape(-1).astype(program.pixel.ctype[:-2]), ""
        ),
        "vector_values": Constant(f"{p}_vector_values", ctype, values.reshape(-1), ""),
        "vector_classes": Constant(f"{p}_vector_classes", "uint32_t", np.asarray(result.classes).reshape(-1), ""),
    }
