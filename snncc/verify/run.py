"""The loop over targets: build what a folder holds, run it, compare it with the simulator."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

import numpy as np

from snncc import ir
from snncc.backends.vectors import VECTORS, random_pixels
from snncc.errors import DataError, SnnccError, TargetError
from snncc.ir import Array
from snncc.verify.compare import Observation, Tally, expectations
from snncc.verify.report import Outcome, Report, Status
from snncc.verify.runners import RUNNERS, Job, NoToolError, NotRunError, Runner

DEFAULT_IMAGES = 4


def verify(
    folder: str | Path,
    *,
    pixels: Array | None = None,
    images: int | None = None,
    timesteps: int | None = None,
    targets: Iterable[str] | None = None,
    variants: Iterable[str] | None = None,
    strict: bool | None = None,
) -> Report:
    """Compare every backend in a compiled folder with the simulator, integer by integer.

    pixels: (N, *input.shape) integers; None takes a target's vectors.npz, then seeded random images. images: at
    most that many (random ones fill up where there are fewer). timesteps: T, default the network's T_max.
    targets: names from RUNNERS; default all whose files are there.
    variants: only these of each. strict: what could not run counts as failure
    (default: in CI). Errors: FileFormatError, DataError, TargetError where nothing can be verified.
    """
    folder = Path(folder).resolve()
    network = ir.load(folder)
    steps = network.timesteps if timesteps is None else timesteps
    if not 1 <= steps <= network.timesteps:
        raise DataError(f"T = {steps}: what was compiled for T = {network.timesteps} runs with 1..{network.timesteps}")
    job = Job(folder, network, _pixels(folder, network, pixels, images), steps)
    chosen = [name for name in RUNNERS if RUNNERS[name].found(folder)] if targets is None else list(targets)
    unknown = [name for name in chosen if name not in RUNNERS]
    if unknown:
        raise TargetError(f"cannot verify {unknown[0]!r}: choose from {', '.join(RUNNERS)}")
    if not chosen:
        raise TargetError(f"{folder}: no target that can be verified is in this folder")
    outcomes = [o for name in chosen for o in _outcomes(name, RUNNERS[name], job, variants)]
    return Report(tuple(outcomes), os.environ.get("CI") == "true" if strict is None else strict)


def _pixels(folder: Path, network: ir.Network, pixels: Array | None, images: int | None) -> Array:
    stored = sorted(folder.glob(f"*/{VECTORS}"))
    if pixels is None and stored:
        with np.load(stored[0]) as arrays:
            pixels = arrays["pixels"]
    if images is not None and images < 1:
        raise DataError("--images must be at least 1")
    wanted = images or (DEFAULT_IMAGES if pixels is None else len(pixels))
    known = np.zeros((0, *network.input.shape), np.int64) if pixels is None else np.asarray(pixels, np.int64)[:wanted]
    if known.shape[1:] != network.input.shape:
        raise DataError(f"images of shape {known.shape[1:]}; the network reads {network.input.shape}")
    more = random_pixels(network, wanted - len(known)) if len(known) < wanted else known[:0]
    return np.concatenate([known, more])


def _outcomes(name: str, runner: Runner, job: Job, wanted: Iterable[str] | None) -> list[Outcome]:
    outcomes = []
    for variant in (v for v in runner.variants(job) if wanted is None or v in wanted):
        start = time.monotonic()
        tally, reason, missing = Tally(), "", False
        status: Status = "fail"
        try:
            with runner.run(job, variant) as observed:
                _compare(tally, expectations(job.network, job.pixels, job.timesteps), observed)
            status = "fail" if tally.mismatches else "pass"
        except NotRunError as error:
            status, reason, missing = "not run", str(error), isinstance(error, NoToolError)
        except (SnnccError, ValueError) as error:
            reason = str(error)
        seconds = round(time.monotonic() - start, 3)
        found = (tally.images, tally.values, tally.mismatches, tally.first)
        outcomes.append(Outcome(name, variant, status, *found, seconds, reason, missing))
    return outcomes


def _compare(tally: Tally, expected: Iterable[Observation], observed: Iterable[Observation]) -> None:
    for want, got in zip_longest(expected, observed):
        if want is None or got is None:
            raise ValueError("the target reported another number of images than it was given")
        tally.compare(want, got)
