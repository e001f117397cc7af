"""Why accuracy was lost: each layer's error against the float network, split by cause.

Five networks run on the same images, each one step further from the float network than the one before:

    float       a = relu(W' a + b')
    clipped     a = min(relu(W' a + b'), lambda): no neuron fires more than once per timestep
    integers    rates r = clip((W_int r + b) / theta, 0, 1): the integer weights, thresholds and biases, T endless
    count       the closed form at T, exact
    step        binary spikes at T, exact

The differences of neighbours are the causes `clipping`, `weights`, `timesteps` and `timing` (the last in `step` only),
and they add up to the whole error, element by element. Reported are their root mean squares, relative to the float
activations'. A calibrated network's `weights` contains what calibration changed on purpose; the `timesteps` then
takes some of it back. The float weights are not part of a compiled folder: diagnosis needs the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from snncc import engines
from snncc.errors import DataError
from snncc.evaluation import labels
from snncc.ir import INPUT, Array, Dynamics, Network, Population, population_shapes, sources, view_shape
from snncc.lower.real import RealNetwork, activations, real_input, runner
from snncc.shown import figure, html, write
from snncc.sim.encode import to_pixels
from snncc.sim.linear import operator, values_of
from snncc.sim.run import Ready, check, chunk_size, classify, rescale, run

CAUSES = ("clipping", "weights", "timesteps", "timing")
ADVICE = {
    "clipping": "its threshold is too low for its largest activations: more timesteps, or `calibrate` full",
    "weights": "its weights are too coarse: more bits (`signed_bit`), `per_channel`, or `calibrate` full",
    "timesteps": "T is too small for it: compile for this T with `calibrate` light or full if it was not, "
    "compose the pools (`average_pools` all), or use more timesteps",
    "timing": "its spikes come unevenly: run it in `count`, compile for this T, or use more timesteps",
}
PIXELS = (
    "its pixels are too coarse, or its values lie outside those of the calibration data: more `input_bits`, an "
    "`input_range`, or calibration data like these"
)
"""Advice for the input, which has no weights: they are its pixels."""
Step = Callable[[dict[str, Array]], Array]


def _percent(part: float) -> str:
    return f"{round(100 * part, 1) + 0.0:.1f}"


@dataclass(frozen=True)
class LayerError:
    """One population (or the input): relative root mean square errors; `added` = total less its worst source's."""

    population: str
    layers: tuple[str, ...]
    rms: float
    clipping: float
    weights: float
    timesteps: float
    timing: float
    total: float
    added: float

    @property
    def cause(self) -> str:
        """The largest of the four parts."""
        return max(CAUSES, key=lambda name: float(getattr(self, name)))

    @property
    def pixels(self) -> str:
        """What the `weights` of the input are, which has none; else nothing."""
        return "pixels" if self.population == INPUT and self.cause == "weights" else ""

    def cells(self) -> list[str]:
        """Cells of its line in a table, under `Diagnosis.HEADER`."""
        parts = (self.clipping, self.weights, self.timesteps, self.timing, self.total, self.added)
        mostly = self.pixels or Diagnosis.HEADER[1 + CAUSES.index(self.cause)] if round(self.total, 3) else "-"
        return [self.population, *map(_percent, parts), mostly]


@dataclass(frozen=True)
class Diagnosis:
    """Rows in topological order, and what each of the five networks makes of the images.

    `agreement[network]`: part of the images with the float network's class; `accuracy` with labels. `hurts_first`:
    the first population that adds at least half of the largest error that any population adds.
    """

    HEADER: ClassVar = ["layer", "clipping", "weights", "finite T", "timing", "total", "added here", "mostly"]

    timesteps: int
    dynamics: Dynamics
    images: int
    rows: tuple[LayerError, ...]
    agreement: dict[str, float]
    accuracy: dict[str, float]
    hurts_first: str

    def __getitem__(self, population: str) -> LayerError:
        return next(row for row in self.rows if row.population == population)

    @property
    def sentence(self) -> str:
        """What to look at first."""
        row = self[self.hurts_first]
        cause, advice = (row.pixels, PIXELS) if row.pixels else (row.cause, ADVICE[row.cause])
        named = f" (layers {', '.join(row.layers)})" if row.layers else ""
        return (
            f"{self.hurts_first!r}{named} hurts first: its error is {_percent(row.total)} % of its activations, "
            f"{_percent(row.added)} points more than what it reads; most of it is {cause}: {advice}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"sentence": self.sentence}

    def lines(self) -> list[list[str]]:
        """One row per layer under HEADER, for a table."""
        return [row.cells() for row in self.rows]

    def _repr_html_(self) -> str:
        """The errors as a table, for Jupyter."""
        return html(f"{self.dynamics}, T = {self.timesteps}: {self.sentence}", self.HEADER, self.lines())

    def figure(self) -> Any:
        """Bars of the four causes per layer and a line of the total. Needs the extra `plot`."""
        drawn = figure(max(6.0, 0.9 * len(self.rows)), 4.5)
        axes = drawn.subplots()
        places = np.arange(len(self.rows))
        for i, cause in enumerate(CAUSES):
            axes.bar(places + 0.2 * (i - 1.5), [100 * getattr(row, cause) for row in self.rows], 0.2, label=cause)
        axes.plot(places, [100 * row.total for row in self.rows], "k.-", label="total")
        axes.set_xticks(places, [row.population for row in self.rows], rotation=40, ha="right")
        axes.set_ylabel("error, % of the activations' rms")
        axes.set_title(f"{self.dynamics}, T = {self.timesteps}: {self.hurts_first} hurts first")
        axes.legend()
        return drawn

    def plot(self, path: str | Path) -> Path:
        """`figure()` as an image file."""
        return write(self.figure(), path)


def diagnose(
    network: Network,
    real: RealNetwork,
    x: Array,
    y: Array | None = None,
    timesteps: int | None = None,
    dynamics: Dynamics | None = None,
    progress: Callable[[int], object] | None = None,
    engine: str = engines.AUTO,
) -> Diagnosis:
    """Compare a compiled network with its float network. DataError where they do not belong together."""
    timesteps = network.timesteps if timesteps is None else timesteps
    dynamics = dynamics or network.dynamics
    _same(network, real)
    pixels = to_pixels(network.input, x)
    if not len(pixels):
        raise DataError("there are no images to diagnose")
    check(network, pixels, timesteps, dynamics)
    truth = None if y is None else labels(y, len(pixels), network.output.neurons)
    kinds: list[Dynamics] = ["count", "step"] if network.over(timesteps, dynamics).stepping else ["count"]
    made = {kind: engines.choose(engine, network, timesteps, kind, len(pixels))[1] for kind in kinds}
    chain = _Chain(network, real, timesteps, dynamics, made)
    size = chunk_size(network, timesteps, dynamics)
    for start in range(0, len(pixels), size):
        chain.add(np.asarray(x[start : start + size]), pixels[start : start + size])
        if progress:
            progress(len(pixels[start : start + size]))
    return chain.result(truth)


def float_activations(network: Network, real: RealNetwork, x: Array) -> dict[str, Array]:
    """The float network's activations (N, *shape) of every population; the readout's before its head."""
    _same(network, real)
    chunks = list(activations(real, x))
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in real.shapes}


def _same(network: Network, real: RealNetwork) -> None:
    ours = {p.name: p.shape for p in network.populations} | {INPUT: network.input.shape}
    if ours != real.shapes:
        raise DataError(
            f"the model does not belong to this compiled network: it makes {', '.join(real.shapes)}; the network has "
            f"{', '.join(ours)}. Give the model that it was compiled from"
        )


class _Chain:
    """Runs the five networks chunk by chunk and sums the squares of what lies between neighbours."""

    def __init__(
        self, network: Network, real: RealNetwork, timesteps: int, dynamics: Dynamics, made: dict[Dynamics, Ready]
    ) -> None:
        self.network, self.real, self.window = network, real, network.over(timesteps, dynamics)
        self.made = made
        self.floats = {p.name: runner(real, p) for p in real.populations}
        self.rates = {p.name: _rates(network, p) for p in network.populations}
        self.names = [INPUT, *(p.name for p in network.populations)]
        self.stages = ["float", "clipped", "integers", "count"] + (["step"] if self.window.stepping else [])
        self.squares = {name: np.zeros(len(CAUSES) + 2) for name in self.names}  # causes, total, activation
        self.classes: dict[str, list[Array]] = {stage: [] for stage in self.stages}
        self.images = 0

    def add(self, x: Array, pixels: Array) -> None:
        """One chunk of images."""
        self.images += len(pixels)
        values = [self._float(x, False), self._float(x, True), self._integers(pixels), self._exact(pixels, "count")]
        if self.window.stepping:
            values.append(self._exact(pixels, "step"))
        for name in self.names:
            parts = [b[name] - a[name] for a, b in pairwise(values)]
            parts += [np.zeros(1)] * (len(CAUSES) - len(parts)) + [values[-1][name] - values[0][name], values[0][name]]
            self.squares[name] += [float(np.square(part, dtype=np.float64).sum()) for part in parts]
        for stage, made in zip(self.stages, values, strict=True):
            self.classes[stage].append(classify(made[self.names[-1]]))

    def _float(self, x: Array, clipped: bool) -> dict[str, Array]:
        values = {INPUT: real_input(self.real, x).astype(np.float32)}
        for population in self.network.populations:
            made = self.floats[population.name](values)
            if clipped and population.fires:
                made = np.minimum(made, population.lambda_.astype(np.float32))
            values[population.name] = made
        return values

    def _integers(self, pixels: Array) -> dict[str, Array]:
        source = self.network.input
        rates = {INPUT: pixels.astype(np.float32) / np.float32(source.levels if source.coding.spiking else 1)}
        values = {INPUT: rates[INPUT] * source.lambda_}
        for population in self.network.populations:
            rate = self.rates[population.name](rates)
            rates[population.name] = rate
            unit = population.lambda_ if population.hands_on else 1 / self.network.output_scale
            values[population.name] = rate * unit
        return values

    def _exact(self, pixels: Array, dynamics: Dynamics) -> dict[str, Array]:
        result = run(self.network, pixels, self.window.timesteps, dynamics, made=self.made[dynamics])
        lambdas = {p.name: p.lambda_ for p in self.network.populations} | {INPUT: self.network.input.lambda_}
        values = {name: counts * (lambdas[name] / self.window.timesteps) for name, counts in result.counts.items()}
        if INPUT not in values:
            values[INPUT] = pixels * self.network.input.lambda_
        last = self.network.output
        values[last.name] = rescale(self.network, result.values, self.window.timesteps).reshape(-1, *last.shape)
        return values

    def result(self, truth: Array | None) -> Diagnosis:
        """The sums as relative root mean squares."""
        totals = {name: np.sqrt(s[:-1] / (s[-1] or 1.0)) for name, s in self.squares.items()}
        rows = [self._row(INPUT, (), totals[INPUT], float(totals[INPUT][-1]))]
        for population in self.network.populations:
            read_from = {name for p in population.projections for name in sources(p.source)}
            mine = totals[population.name]
            added = float(mine[-1] - max(totals[name][-1] for name in read_from))
            rows.append(self._row(population.name, population.layers, mine, added))
        worst = max(row.added for row in rows)
        classes = {stage: np.concatenate(found) for stage, found in self.classes.items()}
        return Diagnosis(
            timesteps=self.window.timesteps,
            dynamics=self.window.dynamics,
            images=self.images,
            rows=tuple(rows),
            agreement={stage: float((found == classes["float"]).mean()) for stage, found in classes.items()},
            accuracy={} if truth is None else {s: float((found == truth).mean()) for s, found in classes.items()},
            hurts_first=next(row.population for row in rows if row.added >= worst / 2),
        )

    def _row(self, name: str, layers: tuple[str, ...], errors: Array, added: float) -> LayerError:
        elements = self.images * int(np.prod(population_shapes(self.network)[name]))
        rms = float(np.sqrt(self.squares[name][-1] / elements))
        clipping, weights, timesteps, timing, total = (float(v) for v in errors)
        return LayerError(name, layers, rms, clipping, weights, timesteps, timing, total, added)


def _rates(network: Network, population: Population) -> Step:
    """r = clip((sum_p W_int r 2^F + b) / theta, 0, 1); of a relay without its rounding, of a silent readout V / T."""
    shapes = population_shapes(network)
    synapses = [
        (p.source, operator(p, view_shape(p.source, shapes), np.float32), np.float32(2**p.shift))
        for p in population.projections
    ]

    def step(rates: dict[str, Array]) -> Array:
        drive = sum(apply(values_of(view, rates)) * factor for view, apply, factor in synapses) + population.bias
        if population.relay:
            return np.asarray(drive / np.ldexp(1.0, population.relay.shift), np.float32)
        if population.theta is None:
            return np.asarray(drive, np.float32)
        return np.clip(drive / population.theta, 0, 1).astype(np.float32)

    return step
