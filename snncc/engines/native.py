"""The exported C, compiled for this machine as a shared library and called with batches on all processors.

Equal to the simulator by the same proof as every export. A library is kept in the user's cache, known by its text, its
compiler and that one's flags; the weights are not in it, so calibrating anew compiles nothing.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from snncc import tools
from snncc.backends import target
from snncc.backends.c.library import PREFIX, Library, Place, library
from snncc.backends.c.panels import IMAGES
from snncc.errors import OutputError, SnnccError, ToolMissingError
from snncc.ir import INPUT, Array, Dynamics, Network, replace, sources
from snncc.sim.run import Ready, Trace

COMPILERS = ("gcc", "clang", "cc")
FLAGS = ("-std=c99", "-O3", "-march=native", "-shared", "-fPIC")
TIMEOUT = 600
CHUNK_BYTES = 2**26
MAX_CHUNK = 64
LINE = 64
"""Bytes of a cache line."""


class Native:
    """The engine `native`."""

    name = "native"

    def ready(self, network: Network, timesteps: int, dynamics: Dynamics, changes: bool = False) -> Ready:
        """A network made ready. TargetError where C refuses it, ToolMissingError without a compiler."""
        network = replace(network, dynamics=dynamics)
        target("c").check(network, {"prefix": PREFIX})
        measures = changes and network.window.stepping
        made = library(network, trained(network) if measures else frozenset(), measures)
        return _Call(made, network, timesteps, measures).ready()


def trained(network: Network) -> frozenset[str]:
    """What populations hand on to projections that also read values, so that it has to be known at every timestep."""
    values = {p.name for p in network.populations if p.relay} | (set() if network.input.coding.spiking else {INPUT})
    read = [set(sources(q.source)) for p in network.populations for q in p.projections]
    return frozenset(name for names in read if names & values for name in names)


def compiler() -> str:
    """The compiler of this machine: $CC, else the first of gcc, clang and cc. ToolMissingError."""
    for name in (os.environ.get("CC", ""), *COMPILERS):
        path = shutil.which(name) if name else None
        if path:
            return path
    raise ToolMissingError("the engine `native` needs a C compiler: install gcc or clang, or use the engine `numpy`")


class _Call:
    """One library and what it is called with."""

    def __init__(self, made: Library, network: Network, timesteps: int, measures: bool) -> None:
        self.made, self.network, self.timesteps, self.measures = made, network, timesteps, measures
        self.window = network.over(timesteps)
        self.counted, self.valued = _size(made.places, "count"), _size(made.places, "relay")
        self.code = loaded(built(made.sources))
        self.tables = _aligned(made)  # kept: the library reads them where they are
        if self.code.engine_table_bytes() > len(made.tables):
            raise OutputError("the engine `native`: this compiler lays tables out in another way: use `numpy`")
        self.panels = _room(self.code.engine_panel_bytes(), 0)
        self.code.engine_lay(self.tables.ctypes, self.panels.ctypes)

    def ready(self) -> Ready:
        places = self.made.places
        trains = _size(places, "train") * self.window.length if self.measures else 0
        image = self.counted * self.made.count.itemsize + 8 * (self.valued + trains)
        size = min(MAX_CHUNK, CHUNK_BYTES // max(1, image))
        return Ready(max(1, size - size % IMAGES if size > IMAGES else size), self.run)

    def run(self, pixels: Array) -> tuple[dict[str, Array], Trace]:
        made, images = self.made, len(pixels)
        source = self.network.input
        shown = pixels[:, : self.timesteps] if source.coding.sequences else pixels
        image = np.ascontiguousarray(shown, made.pixel)
        values = np.empty((images, self.network.output.neurons), made.value)
        size = images * self.counted
        room = (np.empty if self.window.counting else np.zeros)(size + LINE, made.count)  # it is read on beyond the end
        counts = room[:size].reshape(images, -1)
        relays = np.zeros((images, self.valued), np.int64)
        steps = self.window.length if self.measures else 0
        trains = np.zeros((images, steps, _size(made.places, "train")), np.int64)
        changes = np.zeros(len(made.places), np.uint64)
        arrays = (values, counts, relays, trains, changes)
        status = self.code.engine_run(
            self.tables.ctypes,
            self.panels.ctypes,
            image.ctypes,
            images,
            self.timesteps,
            *(array.ctypes for array in arrays),
        )
        if status:
            raise SnnccError(f"the engine `native` failed with status {status} on {images} images")
        outputs = {
            place.name: _part(array, place, kind) for place in made.places for kind, array in
            (("count", counts), ("relay", relays)) if getattr(place, kind) >= 0
        }  # fmt: skip
        if not source.coding.spiking:
            outputs[INPUT] = source.coding.counts(image, source.levels, self.timesteps)
        if not self.network.output.fires:
            outputs[self.network.output.name] = values.reshape(images, *self.network.output.shape)
        trace = Trace(
            spikes={p.name: np.moveaxis(_part(trains, p, "train"), 1, 0) for p in made.places if p.train >= 0},
            changes={p.name: int(n) for p, n in zip(made.places, changes, strict=True)} if self.measures else {},
        )
        return outputs, trace


def _aligned(made: Library) -> Array:
    """The tables where those of bytes begin a cache line: rows of weights are mostly whole lines."""
    tables = _room(len(made.tables), made.bytes_at)
    tables[:] = np.frombuffer(made.tables, np.uint8)
    return tables


def _room(size: int, line: int) -> Array:
    """So many bytes, of which byte `line` begins a cache line."""
    room = np.empty(size + LINE, np.uint8)
    first = -(room.ctypes.data + line) % LINE
    return room[first : first + size]


def _size(places: tuple[Place, ...], kind: str) -> int:
    return sum(place.elements for place in places if getattr(place, kind) >= 0)


def _part(array: Array, place: Place, kind: str) -> Array:
    """A population's elements of rows of all."""
    first = getattr(place, kind)
    return array[..., first : first + place.elements].reshape(*array.shape[:-1], *place.shape)


def built(texts: dict[str, str]) -> Path:
    """The library of these sources, from the cache where it is there."""
    program = compiler()
    digest = hashlib.sha256()
    for part in (_identity(program), *FLAGS, *(text for name in sorted(texts) for text in (name, texts[name]))):
        digest.update(part.encode() + b"\0")
    folder = cache_folder()
    made = folder / f"{digest.hexdigest()}.so"
    if made.is_file():
        return made
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="snncc-native-", dir=folder) as name:
            work = Path(name)
            for file, text in texts.items():
                (work / file).write_text(text, encoding="utf-8")
            command = [program, *FLAGS, "-o", made.name, "library.c"]
            tools.run(command, work, "compiling for the engine `native`", TIMEOUT)
            (work / made.name).replace(made)
    except OSError as error:
        raise OutputError(f"{folder}: the engine `native` cannot write there: {error.strerror or error}") from error
    return made


def cache_folder() -> Path:
    """Where compiled libraries are kept: $SNNCC_CACHE, else the user's cache."""
    named = os.environ.get("SNNCC_CACHE")
    return Path(named) if named else user_cache_path("snncc", appauthor=False)


@cache
def _identity(program: str) -> str:
    """What a compiled library depends on beside its text: the compiler, its version, this processor."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=60).stdout
    return f"{program} {said.splitlines()[0] if said else ''} {platform.machine()} {_processor()}"


def _processor() -> str:
    """The name of this processor and what it can do: a cache may be shared between machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return " ".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


@cache
def loaded(path: Path) -> Any:
    """The shared library, once in a process."""
    try:
        code = ctypes.CDLL(str(path))
    except OSError as error:
        raise OutputError(f"{path}: the engine `native` cannot load it: {error}; delete it") from error
    code.engine_table_bytes.restype = ctypes.c_size_t
    code.engine_panel_bytes.restype = ctypes.c_size_t
    code.engine_run.restype = ctypes.c_int
    pointer = ctypes.c_void_p
    code.engine_lay.argtypes = [pointer, pointer]
    code.engine_run.argtypes = [pointer, pointer, pointer, ctypes.c_size_t, ctypes.c_uint16, *(pointer,) * 5]
    return code
