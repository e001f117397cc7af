"""One run of one target on some images, to be compared: what is run, what was seen, and what a runner is.

A target brings its runners (snncc/backends/target.py); snncc/verify builds the jobs and compares.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

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


def require(tool: str, package: str) -> str:
    """Path of a tool, or NoToolError naming the package that brings it."""
    path = shutil.which(tool)
    if path is None:
        raise NoToolError(f"install {package} (no {tool} on PATH)")
    return path
