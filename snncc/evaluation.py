"""Accuracy, spikes, operations, NeuroBench's metrics and modelled energy of a network over a data set, bit-exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from snncc.errors import DataError
from snncc.ir import INPUT, Array, Dynamics, Network, has_max_pool, population_shapes, view_shape
from snncc.metrics import Energies, Meter, Work, energy_model, load_energies, neurobench
from snncc.shown import GREEN, ORANGE, figure, html, write
from snncc.sim.fanout import fan_out
from snncc.sim.linear import values_of
from snncc.sim.run import Trace, batches, check, classify

Progress = Callable[[int], object]
LARGEST_IN_NUMBERS = 30
"""Classes of a confusion matrix whose numbers can be read in a picture."""


@dataclass(frozen=True)
class Evaluation:
    """One run over a data set at one T.

    `spikes_per_image`: sum of the counts of each firing population, their `total`, and apart from it the `input`'s
    (rate-coded). `synaptic_operations_per_image`: over source spikes, the real taps with non-zero weight, borders
    excluded. `input_macs_per_image`: those of a current-coded input, which is multiplied once. `relay_macs_per_image`:
    those of relays' values, in `step` at every timestep. `accuracy` is None without labels.
    Source: docs/contract.md, 6. `neurobench`: the keys of NeuroBench 2.3. `energy_model`: nanojoules per image by a
    table of energies, modelled and not measured; None for a float twin. Source: docs/guide/metrics.md.
    `work_per_image`: by population, as NeuroBench counts: of the values that it read those other than 0, each times
    the weights other than 0 that it reaches. `confusion`: (true class, class taken, images), where there are any.
    """

    HEADER: ClassVar = ["dynamics", "T", "accuracy", "spikes/image", "input spikes", "synaptic operations/image"]

    accuracy: float | None
    images: int
    timesteps: int
    dynamics: Dynamics
    spikes_per_image: dict[str, float]
    synaptic_operations_per_image: float
    input_macs_per_image: float
    relay_macs_per_image: float = 0.0
    neurobench: dict[str, Any] = field(default_factory=dict)
    energy_model: dict[str, Any] | None = None
    work_per_image: dict[str, float] = field(default_factory=dict)
    confusion: tuple[tuple[int, int, int], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    def cells(self) -> list[str]:
        """Cells of its line in a table, under HEADER."""
        accuracy = "-" if self.accuracy is None else f"{100 * self.accuracy:.2f} %"
        spikes, macs = self.spikes_per_image, self.input_macs_per_image + self.relay_macs_per_image
        operations = f"{self.synaptic_operations_per_image:,.0f}" + (f" + {macs:,.0f} MAC" if macs else "")
        counted = (f"{spikes['total']:,.0f}", f"{spikes.get('input', 0):,.0f}")
        return [self.dynamics, str(self.timesteps), accuracy, *counted, operations]

    def _repr_html_(self) -> str:
        """As a table, for Jupyter."""
        return Evaluations([self])._repr_html_()

    def figure(self) -> Any:
        """The confusion matrix. Needs the extra `plot`; DataError where there were no labels."""
        matrix = self.confusion_matrix
        if not len(matrix):
            raise DataError("a confusion matrix needs the classes of the images: evaluate with labels")
        drawn = figure(6.0, 5.5)
        axes = drawn.subplots()
        drawn.colorbar(axes.imshow(matrix, cmap="Greens"), label="images")
        for (truth, taken), images in np.ndenumerate(matrix if len(matrix) <= LARGEST_IN_NUMBERS else matrix[:0]):
            if images:
                ink = "white" if 2 * images > matrix.max() else "black"
                axes.text(taken, truth, str(images), ha="center", va="center", color=ink)
        title = f"{self.dynamics}, T = {self.timesteps}: {100 * (self.accuracy or 0.0):.2f} %"
        axes.set(xlabel="class taken", ylabel="true class", title=title)
        return drawn

    def plot(self, path: str | Path) -> Path:
        """`figure()` as an image file."""
        return write(self.figure(), path)

    @property
    def confusion_matrix(self) -> Array:
        """(K, K) images: rows are true classes, columns those taken, up to the largest that occurs; (0, 0) without."""
        size = 1 + max((max(truth, taken) for truth, taken, _ in self.confusion), default=-1)
        matrix = np.zeros((size, size), np.int64)
        for truth, taken, images in self.confusion:
            matrix[truth, taken] = images
        return matrix


class Evaluations(list[Evaluation]):
    """The evaluations of one network, T by T."""

    def _repr_html_(self) -> str:
        """As a table, for Jupyter."""
        images = f"{self[0].images:,} images" if self else "no evaluation"
        return html(images, Evaluation.HEADER, [one.cells() for one in self])

    def figure(self) -> Any:
        """Accuracy against T, logarithmic. Needs the extra `plot`; DataError where there were no labels."""
        if not self or any(one.accuracy is None for one in self):
            raise DataError("accuracy needs the classes of the images: evaluate with labels")
        drawn = figure(6.0, 4.0)
        axes = drawn.subplots()
        for dynamics, colour in (("count", GREEN), ("step", ORANGE)):
            line = sorted((one.timesteps, 100 * (one.accuracy or 0.0)) for one in self if one.dynamics == dynamics)
            if line:
                axes.plot(*zip(*line, strict=True), "o-", color=colour, label=dynamics)
        times = sorted({one.timesteps for one in self})
        axes.set_xscale("log", base=2)
        axes.set_xticks(times, [str(t) for t in times])
        axes.set(xlabel="timesteps T", ylabel=f"accuracy (%), {self[0].images:,} images")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        return drawn

    def plot(self, path: str | Path) -> Path:
        """`figure()` as an image file."""
        return write(self.figure(), path)


def labels(y: Array, images: int) -> Array:
    """Class numbers from integer labels (N,), (N, 1) or one-hot (N, K)."""
    y = np.asarray(y)
    if not y.ndim or y.dtype.kind not in "buif":
        raise DataError("labels must be class numbers (N,) or one-hot (N, classes)")
    if len(y) != images:
        raise DataError(f"{images} images but {len(y)} labels")
    if y.ndim == 2 and y.shape[1] > 1:
        return np.asarray(y.argmax(axis=1))
    y = y.reshape(images, -1)
    if y.shape[1] != 1 or (y != np.rint(y)).any():
        raise DataError("labels must be class numbers (N,) or one-hot (N, classes)")
    return y[:, 0].astype(np.int64)


def evaluate(
    network: Network,
    pixels: Array,
    y: Array | None,
    timesteps: Sequence[int],
    dynamics: Dynamics,
    progress: Progress | None = None,
    energies: Energies | None = None,
) -> Evaluations:
    """One Evaluation per T on integer pixels; `progress(n)` is called after every n images."""
    if not len(pixels):
        raise DataError("there are no images to evaluate")
    truth = None if y is None else labels(y, len(pixels))
    for t in timesteps:
        check(network, pixels, t, dynamics)
    energies = energies or load_energies()
    return Evaluations(
        _evaluate(network, pixels, truth, Meter(network, t, dynamics), energies, progress) for t in timesteps
    )


def _evaluate(
    network: Network,
    pixels: Array,
    truth: Array | None,
    meter: Meter,
    energies: Energies,
    progress: Progress | None,
) -> Evaluation:
    cost, window = _Cost(network), meter.window
    spikes: Counter[str] = Counter()
    pairs: Counter[tuple[int, int]] = Counter()
    operations = 0
    work = meter.nothing()

    def digest(outputs: dict[str, Array], trace: Trace) -> tuple[Array, dict[str, int], int, Work]:
        return *cost.digest(outputs), meter.measure(outputs, trace)

    for classes, chunk_spikes, chunk_operations, chunk_work in batches(
        network, pixels, window.timesteps, window.dynamics, digest, changes=True
    ):
        if truth is not None:
            pairs.update(zip(truth[work.images :].tolist(), classes.tolist(), strict=False))
        spikes.update(chunk_spikes)
        operations += chunk_operations
        work += chunk_work
        if progress:
            progress(len(classes))
    seen = work.images
    per_image = {name: spikes[name] / seen for name in cost.spiking}
    total = sum(spikes[name] for name in cost.spiking if name != INPUT)
    return Evaluation(
        accuracy=None if truth is None else sum(n for (a, b), n in pairs.items() if a == b) / seen,
        images=seen,
        timesteps=window.timesteps,
        dynamics=window.dynamics,
        spikes_per_image={**per_image, "total": total / seen},
        synaptic_operations_per_image=operations / seen,
        input_macs_per_image=float(cost.macs),
        relay_macs_per_image=float(cost.relayed * window.passes),
        neurobench=neurobench(meter, work),
        energy_model=energy_model(meter, work, energies),
        work_per_image=_by_population(meter, work),
        confusion=tuple((*pair, pairs[pair]) for pair in sorted(pairs)),
    )


def _by_population(meter: Meter, work: Work) -> dict[str, float]:
    found: dict[str, float] = {}
    for (population, _), operations in zip(meter.projections, work.operations, strict=True):
        found[population.name] = found.get(population.name, 0.0) + int(operations.sum()) / work.images
    return found


class _Cost:
    """Spikes and synaptic operations of a chunk: every source spike times its fan-out, as the views read it."""

    def __init__(self, network: Network) -> None:
        shapes = population_shapes(network)
        self.network = network
        self.current = not network.input.coding.spiking
        self.spiking = [p.name for p in network.populations if p.fires]
        if not self.current:
            self.spiking.insert(0, INPUT)
        # a chunk's counts sum exactly in their own type while they are bounded by T + spike_ext
        self.sum_type = np.float64 if network.spike_ext < 0 else None
        self.macs = self.relayed = 0
        self.synapses = []
        silent = {name: np.zeros((1, *shape)) for name, shape in shapes.items()}
        inputs = silent | ({INPUT: np.ones((1, *shapes[INPUT]))} if self.current else {})
        relays = silent | {p.name: np.ones((1, *p.shape)) for p in network.populations if p.relay}
        for population in network.populations:
            for projection in population.projections:
                fan = fan_out(projection, view_shape(projection.source, shapes)).astype(np.float64)
                pixels = values_of(projection.source, inputs)[0]
                values = values_of(projection.source, relays)[0] * (1 - pixels)
                self.macs += int((pixels * fan).sum())
                self.relayed += int((values * fan).sum())
                spikes = fan * (1 - pixels - values)
                self.synapses.append((projection.source, spikes, has_max_pool(projection.source)))

    def digest(self, outputs: dict[str, Array]) -> tuple[Array, dict[str, int], int]:
        """(classes, spikes per population, synaptic operations) of one chunk of outputs (N, *shape)."""
        classes = classify(outputs[self.network.output.name])
        summed = {
            name: values.sum(axis=0, keepdims=True, dtype=self.sum_type).astype(np.float64)
            for name, values in outputs.items()
        }
        operations = 0
        for view, fan, maximum in self.synapses:
            values = values_of(view, outputs).sum(axis=0, dtype=np.float64) if maximum else values_of(view, summed)[0]
            operations += int((values * fan).sum())
        return classes, {name: int(summed[name].sum()) for name in self.spiking}, operations
