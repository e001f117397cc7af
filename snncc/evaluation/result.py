"""What an evaluation says, and what an interrupt leaves of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from snncc.errors import DataError
from snncc.ir import Array, Dynamics


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
    """

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
    engine: str = field(default="numpy", compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during an evaluation. `found`: one Evaluation per T over the images so far, or none before the first."""

    def __init__(self, found: list[Evaluation], images: int, of: int | None) -> None:
        super().__init__(f"after {images:,} images" if of is None else f"after {images:,} of {of:,} images")
        self.found = found


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
