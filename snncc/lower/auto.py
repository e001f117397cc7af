"""What `auto` means: the cheapest choice whose error is near the least, on samples that tuning did not see.

The error is E of tuning (tune/judge.py), which reads no labels; near is at most (1 + RELATIVE) times the least, or
ABSOLUTE above it. Cheapest first: a pool that fires hands on less than one that is kept exact, rate-coded input
multiplies nothing, linear layers of the least cost, `none` spikes least. `full`, which takes longest to compile, and
composed layers, which take weights, are for where the error is not small without them. A trial is the lowering itself,
on a part of the samples. Source: docs/adr/0018-auto.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from snncc.errors import SnnccWarning, UnsupportedLayerError
from snncc.graph import Graph
from snncc.ir import Array
from snncc.lower.options import AUTO, Options
from snncc.lower.populate import TooLargeError
from snncc.lower.projections import RealPool, RealProjection
from snncc.lower.real import RealNetwork
from snncc.lower.steps import Calibrated, calibrated, finish, populated, reach
from snncc.lower.tune import FEWEST_IMAGES, LEVELS, Progress, held_out, tuned_window
from snncc.lower.tune.effort import EFFORTS, multiplications, planned
from snncc.lower.tune.judge import Judge

RELATIVE, ABSOLUTE = 0.1, 0.001
"""How near the least error is near enough."""
GOOD = 0.05
"""Where the error of `light` is below it, `full` is not taken."""
FINE, GROWTH = 0.02, 2
"""Where the error is below FINE, no larger kernels are composed; nor where weights or work grow more than GROWTH times.
"""
ENCODINGS, POOLS = ("rate", "current"), ("fire", "global", "all")
CHEAPEST_FIRST = {"encoding": ENCODINGS, "average_pools": POOLS, "linear": ("least", "compose")}
SEEN, UNSEEN, FEWEST = 512, 256, 16
"""Samples of a trial: to tune with and to judge by, at most; and at least."""
MANY = LEVELS["light"].images
"""Samples to tune with where a trial is about composed layers: so many weights take more samples to fit."""
WORK = 2**35
"""Multiplications of one trial's runs, about: a large network is tried on fewer samples."""


@dataclass(frozen=True)
class Chosen:
    """Options without `auto`; by option the line that says why; what is told of the progress from here on."""

    options: Options
    lines: Mapping[str, str] = field(default_factory=dict)
    progress: Progress | None = None


@dataclass(frozen=True)
class Trial:
    """A network of some samples, and its error on others."""

    options: Options
    made: Calibrated
    error: float


def choose(graph: Graph, x: Array, options: Options, progress: Progress | None = None) -> Chosen:
    """What `auto` becomes for calibration samples x (N, *shape)."""
    asked = [name for name in AUTO if getattr(options, name) == "auto"]
    low, high = reach(graph, x, options)
    plain = options.plain()
    if not asked or not options.signed_bit or options.fixed_lambda is not None or not (low < high and high > 0):
        return Chosen(plain, progress=progress)
    if len(x) < FEWEST_IMAGES:
        why = f"as {len(x)} calibration sample{'s are' if len(x) > 1 else ' is'} too few to try another."
        said = [name for name in asked if name not in ("encoding", "linear")]
        return Chosen(plain, {n: f"`{n}` {getattr(plain, n)}, {why}" for n in said}, progress)
    return Trials(graph, x, plain, (low, high), progress).choose(asked)


def near_least(errors: Sequence[float]) -> int:
    """The first whose error is near the least."""
    limit = max(min(errors) * (1 + RELATIVE), min(errors) + ABSOLUTE)
    return next(i for i, error in enumerate(errors) if error <= limit)


def nearest(trials: Sequence[Trial]) -> Trial:
    """The first whose error is near the least."""
    return trials[near_least([trial.error for trial in trials])]


class Trials:
    """Networks of some samples, and their errors on others."""

    def __init__(
        self, graph: Graph, x: Array, options: Options, extremes: tuple[float, float], progress: Progress | None
    ) -> None:
        self.graph, self.options, self.extremes, self.progress = graph, options, extremes, progress
        self.window, self.images, self.told = tuned_window(options), len(x), 0
        real = populated(graph, extremes[0] < 0, replace(options, encoding="current", average_pools="fire"))
        self.populations = len(real.populations)
        most = max(FEWEST, int(WORK / multiplications(real, self.window)))
        random = np.random.default_rng(options.seed)
        seen, unseen = (random.permutation(part) for part in held_out(x, random))
        self.seen, self.many = seen[: min(2 * most, SEEN)], seen[: min(8 * most, MANY)]
        self.unseen = unseen[: min(most, UNSEEN)]
        self.judge = Judge(real, self.window, self.unseen)
        self.scales: dict[Any, dict[str, Array]] = {}

    def choose(self, asked: Sequence[str]) -> Chosen:
        """The choice, after one trial for each different network that may be it."""
        pools, encodings = self._alternatives(asked)
        current = self._different(replace(self.options, encoding=encodings[-1], average_pools=p) for p in pools)
        alone = len(current) == len(encodings) == 1 and "calibrate" not in asked
        if alone and not ("linear" in asked and self._larger(*current[0], pools)):
            return Chosen(current[0][0], progress=self.progress)
        tried: list[Trial] = []
        for one in current:
            tried.append(self._trial(*one, self.seen))
            if tried[-1].error <= ABSOLUTE:  # near any other
                break
        for encoding in encodings[:-1]:  # with the pools just found: with dearer ones it would not be taken
            (other,) = self._different([replace(nearest(tried).options, encoding=encoding)])
            tried.insert(0, self._trial(*other, self.seen))
        found = nearest(tried)
        lines = self._lines(asked, tried, found)
        own = found.options, found.made.real
        if "linear" in asked and found.error > FINE and (larger := self._larger(*own, pools)):
            tried = [found if len(self.many) == len(self.seen) else self._trial(*own, self.many)]
            tried += [self._trial(*one, self.many) for one in larger]
            best = nearest(tried)
            differs = [n for n in ("average_pools", "linear") if getattr(best.options, n) != getattr(found.options, n)]
            lines |= self._lines([*differs, "linear"], tried, best)
            found = best
        options = found.options
        if "calibrate" in asked:
            options, lines["calibrate"] = self._level(found)
        return Chosen(
            options, {name: lines[name] for name in AUTO if name in lines}, self._rest if self.progress else None
        )

    def _alternatives(self, asked: Sequence[str]) -> tuple[Sequence[Any], Sequence[str]]:
        """(average pools, encodings) to try, cheapest first."""
        encodings = ("current",) if self.extremes[0] < 0 else ENCODINGS
        return (
            POOLS if "average_pools" in asked else (self.options.average_pools,),
            encodings if "encoding" in asked else (self.options.encoding,),
        )

    def _different(self, all_of: Iterator[Options] | Sequence[Options]) -> list[tuple[Options, RealNetwork]]:
        """The networks of these options, those that differ."""
        found: dict[Any, tuple[Options, RealNetwork]] = {}
        for options in all_of:
            real = populated(self.graph, self.extremes[0] < 0, options)
            found.setdefault(_structure(real), (options, real))
        most = max(_grids(real) for _, real in found.values())
        return [(options, real) for options, real in found.values() if _grids(real) == most]

    def _larger(self, found: Options, own: RealNetwork, pools: Sequence[Any]) -> list[tuple[Options, RealNetwork]]:
        """The networks that differ from what was found in larger kernels, composed; none that explodes."""
        known, weights, work = _structure(own), _weights(own), multiplications(own, self.window)
        larger: dict[Any, tuple[Options, RealNetwork]] = {}
        for kept in dict.fromkeys([found.average_pools, *pools]):
            options = replace(found, linear="compose", average_pools=kept)
            with suppress(UnsupportedLayerError, TooLargeError):
                real = populated(self.graph, self.extremes[0] < 0, options, GROWTH * weights)
                small = _weights(real) <= GROWTH * weights and multiplications(real, self.window) <= GROWTH * work
                if small and _weights(real) > weights and _structure(real) != known and _grids(real) >= _grids(own):
                    larger.setdefault(_structure(real), (options, real))
        return list(larger.values())

    def _trial(self, options: Options, real: RealNetwork, seen: Array) -> Trial:
        given = replace(options, input_range=self.extremes, bytes="none")
        same = options.average_pools, options.linear, len(seen)  # scales do not depend on the encoding
        made = calibrated(self.graph, seen, given, real, self.scales.get(same))
        self.scales[same] = made.scales
        return Trial(options, made, self.error(made, options))

    def _level(self, found: Trial) -> tuple[Options, str]:
        options, light = found.options, found.error
        none = self.error(found.made, replace(options, calibrate="none"))
        errors, effort = {"none": none, "light": light}, EFFORTS["full"]
        if near_least([none, light]) == 0:
            level = "none"
        elif light > GOOD and effort and find_spec("tensorflow"):
            level = "full" if planned(found.made.real, self.window, effort, self.images)[1] else "light"
        else:
            level = "light"
        return replace(options, calibrate=level), self._line("calibrate", level, errors)

    def error(self, made: Calibrated, options: Options) -> float:
        """E of one network."""
        level = "light" if options.calibrate == "full" else options.calibrate
        with warnings.catch_warnings():  # about a network that nobody gets
            warnings.simplefilter("ignore", SnnccWarning)
            network = finish(made, replace(options, calibrate=level), self._tell if self.progress else None)
        self.told += self.populations
        return self.judge(network)

    def _lines(self, asked: Sequence[str], tried: Sequence[Trial], found: Trial) -> dict[str, str]:
        """By option what its values came to, each with the others as they suit it best."""
        lines = {}
        for name in asked:
            errors: dict[str, float] = {}
            for trial in tried:
                value = getattr(trial.options, name)
                errors[value] = min(trial.error, errors.get(value, trial.error))
            if len(errors) > 1:
                known = {value: errors[value] for value in CHEAPEST_FIRST[name] if value in errors}
                lines[name] = self._line(name, getattr(found.options, name), known)
        return lines

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


def _weights(real: RealNetwork) -> int:
    return sum(p.weights.size for q in real.populations for p in q.projections if isinstance(p, RealProjection))


def _grids(real: RealNetwork) -> int:
    """How many layers have weights that may stay the model's own integers: composed, they would not."""
    return len(
        {q.grid.layer for p in real.populations for q in p.projections if isinstance(q, RealProjection) and q.grid}
    )


def _structure(real: RealNetwork) -> Any:
    """What tells two networks of one graph apart."""

    def size(projection: RealProjection | RealPool) -> tuple[int, ...]:
        return projection.size if isinstance(projection, RealPool) else projection.weights.shape

    return tuple((p.name, p.relay, *((q.name, size(q)) for q in p.projections)) for p in real.populations)
