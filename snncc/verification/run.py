"""The loop over targets: build what a folder holds, run it, compare it with the simulator."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from snncc import backends, ir, sim
from snncc.backends.vectors import VECTORS, longest, random_pixels, sample_shape
from snncc.errors import DataError, SnnccError, TargetError
from snncc.ir import Array
from snncc.jobs import Job, NoToolError, NotRunError, Reserved, Runner, Tool, required
from snncc.resources import tool_version
from snncc.sim.encode import bytes_to_pixels, to_pixels
from snncc.verification.compare import Tally, compare_all, expectations
from snncc.verification.report import Outcome, Report, Status

DEFAULT_IMAGES = 4


def verify(
    folder: str | Path,
    *,
    x: Array | None = None,
    data: Array | None = None,
    pixels: Array | None = None,
    images: int | None = None,
    timesteps: int | None = None,
    targets: Iterable[str] | None = None,
    variants: Iterable[str] | None = None,
    strict: bool | None = None,
) -> Report:
    """Compare every backend in a compiled folder with the simulator, integer by integer.

    What to run: x, images as fed to the model; or data, raw bytes; or pixels, (N, *input.shape) integers; of sequences
    each (N, frames, ...). None of them takes a target's vectors.npz, then seeded random images. Targets with quantisers
    begin at the images or bytes (made to fit, where only pixels are given), so that all is compared from a user's data
    to the class. images: at most that many (random ones fill up where there are fewer). timesteps: T, default the
    network's T_max, or as many as sequences have frames. targets: names of targets or of their runners (`c`,
    `c-cortex-m4`); default all whose files are there. variants: only these of each. strict: what could not run counts
    as failure
    (default: in CI). Errors: FileFormatError, DataError, TargetError where nothing can be verified.
    """
    folder = Path(folder).resolve()
    network = ir.load(folder)
    x, data = (None if given is None else ir.as_read(network, given) for given in (x, data))
    asked = _quantised(network, x, data, pixels)
    held = network.timesteps if asked is None else longest(network, asked)
    steps = held if timesteps is None else timesteps
    sim.check_timesteps(network, steps)
    if network.input.coding.sequences:
        x, data, pixels = (None if given is None else np.asarray(given)[:, :steps] for given in (x, data, pixels))
    chosen_pixels = _pixels(folder, network, _quantised(network, x, data, pixels), images, steps)
    job = _job(folder, network, x, data, chosen_pixels, steps)
    known = runners()
    chosen = _chosen(job, known, targets)
    tools: dict[str, Tool] = {}
    outcomes = [o for name in chosen for o in _outcomes(name, known[name][1], job, variants, tools)]
    versions = {"snncc": tool_version(), "python": platform.python_version(), "numpy": np.__version__}
    versions |= {program: tool.version for program, tool in tools.items()}
    ran = dict.fromkeys(known[o.target][0] for o in outcomes if o.status != "not run")
    files = {target: digest(folder / target) for target in ran}
    return Report(tuple(outcomes), os.environ.get("CI") == "true" if strict is None else strict, versions, files)


def digest(folder: Path) -> str:
    """SHA-256 over the names and the contents of all files of a target."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for part in (path.relative_to(folder).as_posix().encode(), path.read_bytes()):
            found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()


def runners() -> dict[str, tuple[str, Runner]]:
    """Runner's name -> (its target, the runner), of every target there is."""
    return {name: (target, runner) for target in backends.names() for name, runner in
            backends.target(target).runners().items()}  # fmt: skip


def _chosen(job: Job, known: Mapping[str, tuple[str, Runner]], targets: Iterable[str] | None) -> list[str]:
    """Names of runners; TargetError where one asked for is none, or there is none."""
    folder = job.folder

    def of(target: str) -> list[str]:
        return [name for name, (its, runner) in known.items() if its == target
                and (not isinstance(runner, Reserved) or runner.unasked(job))]  # fmt: skip

    if targets is None:
        chosen = [name for target in dict.fromkeys(target for target, _ in known.values())
                  if (folder / target).is_dir() for name in of(target)]  # fmt: skip
    else:
        chosen = []
        for wanted in targets:
            found = [wanted] if wanted in known else of(wanted)
            if not found:
                raise TargetError(f"cannot verify {wanted!r}: choose from {', '.join(known)}")
            chosen += [name for name in found if name not in chosen]
    if not chosen:
        raise TargetError(f"{folder}: no target that can be verified is in this folder")
    return chosen


def _quantised(network: ir.Network, x: Array | None, data: Array | None, pixels: Array | None) -> Array | None:
    """Pixels of whichever of the three is given."""
    if sum(given is not None for given in (x, data, pixels)) > 1:
        raise DataError("give images, or raw bytes, or pixels: one of them")
    if x is not None:
        return to_pixels(network.input, x)
    return pixels if data is None else bytes_to_pixels(network.input, data)


def _job(folder: Path, network: ir.Network, x: Array | None, data: Array | None, pixels: Array, timesteps: int) -> Job:
    """The job with images and bytes that become its pixels: the user's as far as they go."""
    source = network.input
    features = _features(source, pixels)
    if features is not None and x is not None:
        given = min(len(x), len(pixels))
        features[:given] = x[:given].reshape(given, *pixels.shape[1:])
    raw = source.raw_bytes
    made = None if raw is None else ir.bytes_of_pixels(raw, pixels)
    if made is not None and data is not None:
        given = min(len(data), len(pixels))
        made[:given] = data[:given].reshape(given, *pixels.shape[1:])
    return Job(folder, network, pixels, timesteps, features, made)


def _features(source: ir.Input, pixels: Array) -> Array | None:
    """Model inputs (float64) that become these pixels, many of them close to a rounding; None where there are none."""
    spread = (np.arange(pixels.size).reshape(pixels.shape) * 37 % 99 - 49) / 100
    with np.errstate(all="ignore"):
        x = ((pixels + spread) * (source.lambda_0 / source.levels) - source.offset) / source.gain
        if not np.isfinite(x).all() or (ir.exact_pixels(source, x) != pixels).any():
            return None
    return np.asarray(x, np.float64)


def _pixels(folder: Path, network: ir.Network, pixels: Array | None, images: int | None, timesteps: int) -> Array:
    stored = sorted(folder.glob(f"*/{VECTORS}"))
    if pixels is None and stored:
        with np.load(stored[0]) as arrays:
            pixels = arrays["pixels"]
    if images is not None and images < 1:
        raise DataError("`images` must be at least 1")
    wanted = images or (DEFAULT_IMAGES if pixels is None else len(pixels))
    shape = sample_shape(network, timesteps)
    known = np.zeros((0, *shape), np.int64) if pixels is None else np.asarray(pixels, np.int64)[:wanted]
    if network.input.coding.sequences:
        known = known[:, :timesteps]
    if known.shape[1:] != shape:
        raise DataError(f"samples of shape {known.shape[1:]}; the network reads {shape} at T = {timesteps}")
    more = random_pixels(network, wanted - len(known)) if len(known) < wanted else known[:0]
    return np.concatenate([known, more[:, :timesteps] if network.input.coding.sequences else more])


def _outcomes(
    name: str, runner: Runner, job: Job, wanted: Iterable[str] | None, tools: dict[str, Tool]
) -> list[Outcome]:
    """An outcome for each variant; what ran them is added to `tools`."""
    outcomes = []
    for variant in (v for v in runner.variants(job) if wanted is None or v in wanted):
        start = time.monotonic()
        tally, reason, missing = Tally(), "", False
        status: Status = "fail"
        with required() as used:
            try:
                with runner.run(job, variant) as observed:
                    compare_all(tally, expectations(job.network, job.pixels, job.timesteps), observed)
                status = "fail" if tally.mismatches else "pass"
            except NotRunError as error:
                status, reason, missing = "not run", str(error), isinstance(error, NoToolError)
            except (SnnccError, ValueError) as error:
                reason = str(error)
        ran = {} if status == "not run" else used
        tools |= ran
        seconds = round(time.monotonic() - start, 3)
        found = (tally.images, tally.values, tally.mismatches, tally.first)
        outcomes.append(Outcome(name, variant, status, *found, seconds, reason, missing, tuple(ran)))
    return outcomes
