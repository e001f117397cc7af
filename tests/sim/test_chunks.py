"""Images run in chunks, on several processors: whatever the size of a chunk, the result is that of each image alone."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from snncc import ir, sim
from snncc.backends.vectors import random_pixels
from tests.networks import every_kind, residual

RUN = import_module("snncc.sim.run")


def whole(network: ir.Network, pixels: np.ndarray, dynamics: str) -> dict[str, np.ndarray]:
    """Everything that a run returns, images first."""
    result = sim.run(network, pixels, 5, dynamics, trace=True)
    assert result.trace is not None
    found = {"values": result.values, "classes": result.classes, "outputs": result.outputs}
    found |= {f"counts {k}": v for k, v in result.counts.items()}
    for kind in ("spikes", "potentials"):
        for name, train in getattr(result.trace, kind).items():
            found[f"{kind} {name}"] = train if dynamics == "count" else np.moveaxis(train, 1, 0)
    return found


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_chunk_of_any_size(monkeypatch: pytest.MonkeyPatch, dynamics: str, size: int, workers: int) -> None:
    network = every_kind() if dynamics == "count" else residual(dynamics="step")
    pixels = random_pixels(network, 7)
    alone = [whole(network, image[None], dynamics) for image in pixels]
    monkeypatch.setattr(RUN, "chunk_size", lambda *_: size)
    monkeypatch.setattr(RUN, "worker_count", lambda _: workers)
    together = whole(network, pixels, dynamics)
    assert set(together) == set(alone[0]) and any(name.startswith("potentials") for name in together)
    for name, values in together.items():
        assert np.array_equal(values, np.concatenate([part[name] for part in alone])), name
