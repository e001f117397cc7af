"""What the page says of data: accuracy against T, spikes, classes, work and energy of some images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snncc import api, ir, tables
from snncc.diagnosis import float_activations
from snncc.evaluation import Evaluation
from snncc.lower.real import RealNetwork
from snncc.reporting import charts, drawing

IMAGES = 200
"""Images that curves, spikes and the confusion matrix are measured on, at most."""
RASTERS = 2
LARGEST_MATRIX = 30


def of_data(network: api.Network, x: ir.Array, y: ir.Array | None, real: RealNetwork | None = None) -> dict[str, Any]:
    """Accuracy (or nothing) against T in both dynamics, spikes, classes and NeuroBench's keys of some images.

    `real`: the float network, whose activations stand beside the spikes.
    """
    net = network.ir
    runs = _evaluated(network, x, y)
    own = next(one for one in runs[net.dynamics] if one.timesteps == net.timesteps)
    counts = network.run(x).counts
    return {
        "images": len(x),
        "own": own.to_dict(),
        "row": own.cells(),
        "energy": tables.energy_lines([own]),
        "work": _work(own),
        "rasters": _rasters(network, x[:RASTERS], real) if "step" in _possible(net) else [],
        "accuracy": None if y is None else _curves(runs),
        "confusion": _confusion(own),
        "spikes": {
            p.name: drawing.histogram(counts[p.name], logarithmic=p.fires) for p in net.populations if p.name in counts
        },
    }


def _possible(network: ir.Network) -> list[ir.Dynamics]:
    """The dynamics that the network can be run in."""
    return [d for d in network.runs_in if d == "count" or network.spike_ext >= 0]


def _evaluated(network: api.Network, x: ir.Array, y: ir.Array | None) -> dict[ir.Dynamics, list[Evaluation]]:
    """With classes every power of two up to the compiled T in all dynamics, without them what it was compiled for."""
    net = network.ir
    if y is None:
        return {net.dynamics: list(api.evaluate(network, x))}
    steps = sorted({*(2**n for n in range(17) if 2**n <= net.timesteps), net.timesteps})
    return {d: list(api.evaluate(network, x, y, steps, d)) for d in _possible(net)}


def _curves(runs: Mapping[ir.Dynamics, Sequence[Evaluation]]) -> dict[str, Any]:
    points = {str(d): [(e.timesteps, e.accuracy or 0.0) for e in found] for d, found in runs.items()}
    lines = zip(*runs.values(), strict=True)
    return {
        "chart": charts.curves(points),
        "header": ["T", *runs],
        "rows": [[str(line[0].timesteps), *(f"{100 * (e.accuracy or 0.0):.2f} %" for e in line)] for line in lines],
    }


def _work(own: Evaluation) -> dict[str, tuple[list[str], float]]:
    """By population its operations for an image, their part of all, and that as a bar."""
    total = sum(own.work_per_image.values()) or 1.0
    return {
        name: ([f"{number:,.0f}", f"{100 * number / total:.1f} %"], drawing.bar(number / total))
        for name, number in own.work_per_image.items()
    }


def _rasters(network: api.Network, x: ir.Array, real: RealNetwork | None) -> list[dict[str, Any]]:
    """Of each firing population, for each image."""
    net, result = network.ir, network.run(x, dynamics="step", trace=True)
    trains = {} if result.trace is None else result.trace.spikes
    floats = {} if real is None else float_activations(net, real, ir.as_read(net, x))
    found = []
    for population in net.populations:
        if not population.fires or population.name not in trains:
            continue
        train = trains[population.name]
        images = [drawing.raster(train[:, n].reshape(len(train), -1)) for n in range(len(x))]
        if floats:
            parts = floats[population.name] / population.lambda_
            rate = train.sum(axis=0, dtype=np.float64) / net.timesteps
            for n, image in enumerate(images):
                image["rates"] = drawing.rates(parts[n].reshape(-1), rate[n].reshape(-1))
        found.append({"name": population.name, "images": images})
    return found


def _confusion(own: Evaluation) -> dict[str, Any] | None:
    """Rows: the true class; columns: the network's. None without classes, or where there are too many."""
    matrix = own.confusion_matrix
    if not len(matrix) or len(matrix) > LARGEST_MATRIX:
        return None
    shades = 60 * matrix // max(1, int(matrix.sum(axis=1).max()))
    return {"rows": [list(zip(*both, strict=True)) for both in zip(matrix.tolist(), shades.tolist(), strict=True)]}
