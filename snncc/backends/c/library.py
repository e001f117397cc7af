"""The program as text of a shared library for this machine, with its tables as bytes beside it.

It is the exported program: the same templates, compiled for one processor and called with batches. The tables are
loaded, not compiled: 15 million weights as text would take a compiler minutes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from snncc.backends.c import panels, raster
from snncc.backends.c.emit import context_of
from snncc.backends.c.layout import struct_bytes
from snncc.backends.c.plan import plan
from snncc.backends.c.program import Program
from snncc.backends.c.types import DTYPES, SIZES
from snncc.ir import INPUT, Array, Network
from snncc.resources import templates

PREFIX = "net"
FILES = {
    f"{PREFIX}.h": "header.h.j2",
    f"{PREFIX}.c": "source.c.j2",
    f"{PREFIX}_kernels.h": "kernels.h.j2",
    f"{PREFIX}_weights.h": "weights.h.j2",
    "library.c": "library.c.j2",
}
"""What library.c includes, and itself."""


@dataclass(frozen=True)
class Place:
    """Where a population's elements begin among the counts, the relays' values and the trains; -1: nowhere."""

    name: str
    shape: tuple[int, ...]
    count: int = -1
    relay: int = -1
    train: int = -1

    @cached_property
    def elements(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Library:
    """`sources`: name -> text. `tables`: the const struct, whose tables of bytes begin at `bytes_at`, a
    multiple of the struct's alignment.

    Types of a pixel, a count and a value; see library.c.j2.
    """

    sources: dict[str, str]
    tables: bytes
    bytes_at: int
    places: tuple[Place, ...]
    pixel: Any
    count: Any
    value: Any


def library(network: Network, trains: frozenset[str] = frozenset(), measures: bool = False) -> Library:
    """The library of a network in its dynamics.

    `measures`: in `step` it also counts the potentials that change, and keeps the trains of these populations.
    """
    program, rasters = raster.plan(network, PREFIX) if raster.fits(network) else (plan(network, PREFIX), None)
    context = context_of(program)
    found = panels.panels(program) if network.window.counting else None
    places = _places(network, trains if measures else frozenset())
    totals = {
        kind: sum(place.elements for place in places if getattr(place, kind) >= 0)
        for kind in ("count", "relay", "train")
    }
    context |= {
        "loaded": True, "rasters": rasters, "found": found, "dots": panels.dots_of(found or {}),
        "framed": panels.frames(found or {}), "together": panels.TOGETHER, "measures": measures, "places": places,
        "counts": totals["count"], "values": totals["relay"], "trains": totals["train"],
    }  # fmt: skip
    if network.window.counting:  # counts are made where they are handed on
        context["counted"] = {f"c_{place.name}": place.count for place in places if place.count >= 0}
    environment = templates("c")
    return Library(
        sources={name: environment.get_template(template).render(context) for name, template in FILES.items()},
        tables=_struct(program, context["windows"], context["hash"]),
        bytes_at=struct_bytes([member for member in program.tables if SIZES[member.ctype] > 1]),
        places=places,
        pixel=DTYPES[program.pixel.ctype],
        count=DTYPES[program.count.ctype],
        value=DTYPES[context["value_type"]],
    )


def _places(network: Network, trains: frozenset[str]) -> tuple[Place, ...]:
    """The input and every population in order; the input only counts where it spikes."""
    ends = {"count": 0, "relay": 0, "train": 0}
    made = []
    kinds = [(INPUT, network.input.shape, "count" if network.input.coding.spiking else "")]
    kinds += [(p.name, p.shape, "relay" if p.relay else "count" if p.fires else "") for p in network.populations]
    for name, shape, kind in kinds:
        wanted = {kind} - {""} | ({"train"} if name in trains and kind else set())
        place = Place(name, tuple(shape), **{each: ends[each] for each in wanted})
        made.append(place)
        for each in wanted:
            ends[each] += place.elements
    return tuple(made)


def _struct(program: Program, windows: dict[str, Any], digest: str) -> bytes:
    """The const struct as this machine's compiler lays it out: every type aligned to its own size."""
    laid = bytearray(program.const_bytes)
    constants: dict[str, Array] = {constant.name: constant.values for constant in program.constants}
    end = 0
    for member in program.tables:
        size = SIZES[member.ctype]
        end = -(-end // size) * size
        if member.name == "hash":
            data = digest.encode() + b"\0"
        elif member.name in windows:
            data = np.array(windows[member.name], DTYPES[member.ctype]).tobytes()
        else:
            data = constants[member.name].astype(DTYPES[member.ctype], copy=False).tobytes()
        laid[end : end + len(data)] = data
        end += len(data)
    return bytes(laid)
