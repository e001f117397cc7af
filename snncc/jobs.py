"""One run of one target on some images, to be compared: what is run, what was seen, and what a runner is.

A target brings its runners (snncc/backends/target.py); snncc/verify builds the jobs and compares.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from snncc import tools
from snncc.errors import OutputError
from snncc.ir import Array, Network


class NotRunError(Exception):
    """A runner cannot run here, and the message says why. Never counted as passed."""


class NoToolError(NotRunError):
    """What the runner needs is not installed; the message says what to install."""


@dataclass(frozen=True)
class Job:
    """A compiled folder and what to run it on.

    pixels: (N, *input.shape) int64; timesteps: T. features (N, *input.shape), float64: the model inputs that become
    these pixels; data, uint8: the raw bytes that do. A target with quantisers begins there; None: not known.
    """

    folder: Path
    network: Network
    pixels: Array
    timesteps: int
    features: Array | None = None
    data: Array | None = None


@dataclass(frozen=True)
class Observation:
    """What a target reports about one image; what it cannot report it leaves out.

    spikes, potentials: per population (T + e, neurons) in `step`, (1, neurons) in `count`. values: the readout's.
    pixels: by quantiser, what it made of the image (elements,).
    """

    values: Array
    class_index: int
    spikes: Mapping[str, Array] = field(default_factory=dict)
    potentials: Mapping[str, Array] = field(default_factory=dict)
    pixels: Mapping[str, Array] = field(default_factory=dict)


class Runner(Protocol):
    """One way to run a target: a compiler and an emulator, a simulator, a device."""

    def variants(self, job: Job) -> list[str]:
        """Ways to build it, each an outcome of its own."""

    def run(self, job: Job, variant: str) -> AbstractContextManager[Iterator[Observation]]:
        """Build, run, and yield one observation per image. NotRunError; SnnccError where building or running fails."""


@runtime_checkable
class Reserved(Protocol):
    """A runner that does not always run unless it is asked for by name."""

    def unasked(self, job: Job) -> bool:
        """Whether it runs a job all the same."""


@dataclass(frozen=True)
class Tool:
    """A program that a runner needs, and the package that brings it.

    `module`: it comes inside a Python package of this name. `asked`: how it is asked for its version, unless that is
    `said`.
    """

    program: str
    package: str
    module: str = ""
    asked: str = "--version"
    said: str = ""

    @property
    def path(self) -> str | None:
        """Where it is, or None."""
        if self.module:
            found = importlib.util.find_spec(self.module)
            return next(iter(found.submodule_search_locations or ()), None) if found else None
        return shutil.which(self.program)

    def require(self) -> str:
        """Where it is, or NoToolError naming the package that brings it."""
        path = self.path
        if path is None:
            lacking = "" if self.module else f" (no {self.program} on PATH)"
            raise NoToolError(f"install {self.package}{lacking}")
        used(self)
        return path

    @property
    def version(self) -> str:
        """What it says of its version, one line; of a Python package the package's."""
        if self.said:
            return self.said
        try:
            if self.module:
                return importlib.metadata.version(self.module)
            said = tools.run([self.program, self.asked], Path.cwd(), "asking for a version", VERSION_TIMEOUT)
        except (importlib.metadata.PackageNotFoundError, OutputError):
            return "unknown"
        return next((line.strip() for line in said.splitlines() if line.strip()), "unknown")


VERSION_TIMEOUT = 20
_required: ContextVar[dict[str, Tool] | None] = ContextVar("required", default=None)


def used(tool: Tool) -> None:
    """Note a tool among those that are `required` meanwhile."""
    found = _required.get()
    if found is not None:
        found[tool.program] = tool


@contextmanager
def required() -> Iterator[Mapping[str, Tool]]:
    """By program the tools that are required meanwhile: what a run used."""
    found: dict[str, Tool] = {}
    token = _required.set(found)
    try:
        yield found
    finally:
        _required.reset(token)
