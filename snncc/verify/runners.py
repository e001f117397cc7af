"""The table of runners: how each target is built, fed and read. To add one: a class and a line in RUNNERS."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from snncc.ir import Array, Network
from snncc.verify.compare import Observation


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


class Runner(Protocol):
    """One target."""

    def found(self, folder: Path) -> bool:
        """Whether the folder holds this target."""

    def variants(self, job: Job) -> list[str]:
        """Ways to build it, each an outcome of its own."""

    def run(self, job: Job, variant: str) -> AbstractContextManager[Iterator[Observation]]:
        """Build, run, and yield one observation per image. NotRunError; SnnccError where building or running fails."""


def require(tool: str, package: str) -> str:
    """Path of a tool, or NoToolError naming the package that brings it."""
    path = shutil.which(tool)
    if path is None:
        raise NoToolError(f"install {package} (no {tool} on PATH)")
    return path


def _runners() -> dict[str, Runner]:
    from snncc.verify.c import CortexM4, Host, RiscV
    from snncc.verify.verilog import Icarus, Verilator

    return {
        "c-host": Host(),
        "c-cortex-m4": CortexM4(),
        "c-rv32": RiscV(),
        "verilog-icarus": Icarus(),
        "verilog-verilator": Verilator(),
    }


RUNNERS: dict[str, Runner] = _runners()
