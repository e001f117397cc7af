"""What an evaluation says, and what an interrupt leaves of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from snncc.errors import DataError
from snncc.ir import Array, Dynamics
from snncc.shown import GREEN, ORANGE, figure, html, write

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
    table of energies, modelled and not measured; None for a float twin. Source: docs/guide/metrics.md. `engine`: what
    ran the network.
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
    engine: str = field(default="numpy", compare=False)

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


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during an evaluation. `found`: one Evaluation per T over the images so far, or none before the first."""

    def __init__(self, found: Evaluations, images: int, of: int | None) -> None:
        super().__init__(f"after {images:,} images" if of is None else f"after {images:,} of {of:,} images")
        self.found = found


NO_CLASSES = "without classes to compare with, give the images alone, in a file of their own"


def labels(y: Array, images: int, outputs: int) -> Array:
    """Class numbers from integer labels (N,), (N, 1) or one-hot (N, K), for a readout of so many neurons.

    One neuron has the classes 0 and 1, K others 0..K-1; DataError for anything else.
    """
    y, classes = np.asarray(y), max(2, outputs)
    wanted = f"labels must be class numbers 0 to {classes - 1} (N,) or one-hot (N, {classes}); {NO_CLASSES}"
    if not y.ndim or y.dtype.kind not in "buif":
        raise DataError(f"labels of type {y.dtype}: {wanted}")
    if len(y) != images:
        raise DataError(f"{images} images but {len(y)} labels")
    if y.ndim == 2 and y.shape[1] > 1:
        if y.shape[1] != classes or not ((y >= 0) & (y <= 1)).all():
            raise DataError(f"labels of shape {y.shape}, {_extent(y)}: {wanted}")
        return np.asarray(y.argmax(axis=1))
    column = y.reshape(images, -1)
    if column.shape[1] != 1 or not ((column == np.rint(column)) & (column >= 0) & (column < classes)).all():
        raise DataError(f"labels of shape {y.shape}, {_extent(y)}: {wanted}")
    return column[:, 0].astype(np.int64)


def _extent(y: Array) -> str:
    return f"from {y.min():g} to {y.max():g}" if y.size else "empty"
