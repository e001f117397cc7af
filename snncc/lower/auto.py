"""What `auto` means: the cheapest choice whose error is near the least, on samples that tuning did not see.

The error is E of tuning (tune/judge.py), which reads no labels; near is at most (1 + RELATIVE) times the least, or
ABSOLUTE above it. Cheapest first: rate-coded input multiplies nothing, a pool that fires hands on less than one that
is kept exact, `none` spikes least. `full`, which takes longest to compile, is for where `light` is not GOOD. A trial
is the lowering itself, on a part of the samples. Source: docs/adr/0018-auto.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np

from snncc.graph import Graph
from snncc.ir import Array
from snncc.lower.options import AUTO, Options
from snncc.lower.populate import populate
from snncc.lower.projections import RealPool, RealProjection
from snncc.lower.real import RealNetwork
from snncc.lower.steps import Calibrated, calibrated, finish, reach
from snncc.lower.tune import FEWEST_IMAGES, Progress, held_out, tuned_window
from snncc.lower.tune.effort import EFFORTS, multiplications, planned
from snncc.lower.tune.judge import Judge

RELATIVE, ABSOLUTE = 0.1, 0.001
"""How near the least error is near enough."""
GOOD = 0.05
"""Where the error of `light` is below it, `full` is not taken."""
ENCODINGS, POOLS = ("rate", "current"), ("fire", "global", "all")
"""Cheapest first."""
SEEN, UNSEEN, FEWEST = 512, 256, 16
"""Samples of a trial: to tune with and to judge by, at most; and at least."""
WORK = 2**35
"""Multiplications of one trial's runs, about: a large network is tried on fewer samples."""


@dataclass(frozen=True)
class Chosen:
    """Options without `auto`; by option the line that says why; what is told of the progress from here on."""

    options: Options
    lines: Mapping[str, str] = field(default_factory=dict)
    progress: Progress | None = None


def choose(graph: Graph, x: Array, options: Options, progress: Progress | None = None) -> Chosen:
    """What `auto` becomes for calibration samples x (N, *shape)."""
    asked = [name for name in AUTO if getattr(options, name) == "auto"]
    low, high = reach(graph, x, options)
    plain = options.plain()
    if not asked or not options.signed_bit or options.fixed_lambda is not None or not (low < high and high > 0):
        return Chosen(plain, progress=progress)
    if len(x) < FEWEST_IMAGES:
        why = f"as {len(x)} calibration samples are too few to try another."
        return Chosen(plain, {n: f"`{n}` {getattr(plain, n)}, {why}" for n in asked if n != "encoding"}, progress)
    encodings = ("current",) if low < 0 else ENCODINGS
    grid = [
        replace(plain, encoding=encoding, average_pools=pools)  # type: ignore[arg-type]
        for pools, encoding in product(
            POOLS if "average_pools" in asked else (options.average_pools,),
            encodings if "encoding" in asked else (options.encoding,),
        )
    ]
    return Trials(graph, x, plain, (low, high), progress).choose(asked, grid)


def near_least(errors: Sequence[float]) -> int:
    """The first whose error is near the least."""
    limit = max(min(errors) * (1 + RELATIVE), min(errors) + ABSOLUTE)
    return next(i for i, error in enumerate(errors) if error <= limit)


class Trials:
    """Networks of some samples, and their errors on others."""

    def __init__(
        self, graph: Graph, x: Array, options: Options, extremes: tuple[float, float], progress: Progress | None
    ) -> None:
        self.graph, self.extremes, self.progress = graph, extremes, progress
        self.window, self.images, self.told = tuned_window(options), len(x), 0
        real = populate(graph, extremes[0] < 0, True, linear=options.linear)
        self.populations = len(real.populations)
        most = max(FEWEST, int(WORK / multiplications(real, self.window)))
        random = np.random.default_rng(options.seed)
        seen, unseen = (random.permutation(part) for part in held_out(x, random))
        self.seen, self.unseen = seen[: min(2 * most, SEEN)], unseen[: min(most, UNSEEN)]
        self.judge = Judge(real, self.window, self.unseen)

    def choose(self, asked: Sequence[str], grid: Sequence[Options]) -> Chosen:
        """The choice, after one trial for each different network of the grid."""
        different: dict[Any, tuple[Options, Calibrated]] = {}
        for options in grid:
            made = calibrated(self.graph, self.seen, replace(options, input_range=self.extremes, bytes="none"))
            different.setdefault((options.encoding, _structure(made.real)), (options, made))
        if len(different) == 1 and "calibrate" not in asked:
            return Chosen(grid[0], progress=self.progress)
        tried = [(options, made, self.error(made, options)) for options, made in different.values()]
        options, made, error = tried[near_least([e for *_, e in tried])]
        lines = {}
        for name in asked:
            others = {
                getattr(o, name): e for o, _, e in tried if replace(o, **{name: getattr(options, name)}) == options
            }
            if len(others) > 1:
                lines[name] = self._line(name, getattr(options, name), others)
        if "calibrate" in asked:
            options, lines["calibrate"] = self._level(options, made, error)
        return Chosen(options, lines, self._rest if self.progress else None)

    def _level(self, options: Options, made: Calibrated, light: float) -> tuple[Options, str]:
        none = self.error(made, replace(options, calibrate="none"))
        errors, effort = {"none": none, "light": light}, EFFORTS["full"]
        if near_least([none, light]) == 0:
            level = "none"
        elif light > GOOD and effort and find_spec("tensorflow"):
            level = "full" if planned(made.real, self.window, effort, self.images)[1] else "light"
        else:
            level = "light"
        return replace(options, calibrate=level), self._line("calibrate", level, errors)

    def error(self, made: Calibrated, options: Options) -> float:
        """E of one network."""
        level = "light" if options.calibrate == "full" else options.calibrate
        network = finish(made, replace(options, calibrate=level), self._tell if self.progress else None)
        self.told += self.populations
        return self.judge(network)

    def _line(self, name: str, chosen: str, errors: Mapping[str, float]) -> str:
        known = ", ".join(f"{errors[other]:.2g} with {other}" for other in errors)
        return f"`{name}` {chosen}: error {known}, on {len(self.unseen)} calibration samples held out."

    def _tell(self, done: int, total: int) -> None:
        """Progress of a trial, after which more is to come: how many trials there are is known once they are done."""
        if self.progress:
            self.progress(self.told + done, self.told + total + self.populations)

    def _rest(self, done: int, total: int) -> None:
        """Progress of what is not a trial."""
        if self.progress:
            self.progress(self.told + done, self.told + total)


def _structure(real: RealNetwork) -> Any:
    """What tells two networks of one graph apart."""

    def size(projection: RealProjection | RealPool) -> tuple[int, ...]:
        return projection.size if isinstance(projection, RealPool) else projection.weights.shape

    return tuple((p.name, p.relay, *((q.name, size(q)) for q in p.projections)) for p in real.populations)
