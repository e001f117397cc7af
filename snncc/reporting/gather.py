"""What the page says, as plain values: of the folder alone, and of data where there are some."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from snncc import api, ir, store, tables
from snncc.exploration import COSTS
from snncc.lower.options import AUTO, Options
from snncc.reporting import drawing

IMAGES = 200
"""Images that curves, spikes and the confusion matrix are measured on, at most."""
RASTERS = 2
ARGUMENT = re.compile(r"`([a-z]+(?:_[a-z]+)*)`")
"""An argument as the library's messages name it."""
LARGEST_MATRIX = 30
FRONT = "front.json"


def of_folder(folder: Path) -> dict[str, Any]:
    """The network, how it was made, and what verify, synth and explore have left there."""
    network = api.load(folder).ir
    facts = tables.summary(network)
    record = network.record
    return {
        "facts": facts,
        "lines": tables.summary_lines(facts),
        "made": {} if not record else dict(record.versions),
        "options": {} if not record else _changed(record.options),
        "said": [] if not record else [in_flags(record.data[name]) for name in ("bytes", *AUTO) if name in record.data],
        "calibration": {} if not record else {k: record.data[k] for k in ("sha256", "shape", "dtype")},
        "graph": drawing.graph(network),
        "populations": [
            _population(network, p, row) for p, row in zip(network.populations, facts["populations"], strict=True)
        ],
        "targets": sorted(store.read_targets(folder)),
        "certificate": _certificate(folder / store.CERTIFICATE, facts["hash"]),
        "synthesis": _synthesis(folder / store.SYNTHESIS, facts["hash"]),
        "front": _front(folder / FRONT),
    }


def in_flags(text: str) -> str:
    """A message with the arguments that it names as options of the command line."""
    return ARGUMENT.sub(lambda found: f"--{found[1].replace('_', '-')}", text)


def _changed(options: Any) -> dict[str, Any]:
    """The options that are not the defaults, as the command line has them."""
    plain = Options()
    kept = {name: value for name, value in options.items() if getattr(plain, name, None) != value and value is not None}
    return {f"--{name.replace('_', '-')}": value for name, value in kept.items() if not isinstance(value, tuple)}


def _population(network: ir.Network, population: ir.Population, row: dict[str, Any]) -> dict[str, Any]:
    """One population's facts, the histogram of its weights, and what it reads."""
    kind = "relay" if population.relay else "readout" if population is network.output else "firing"
    weights = [np.ravel(q.weights) for q in population.projections if hasattr(q, "weights")]
    projections = [
        {"name": q.name, "kind": type(q).__name__, "reads": ", ".join(dict.fromkeys(ir.sources(q.source)))}
        for q in population.projections
    ]
    found = drawing.histogram(np.concatenate(weights) if weights else np.zeros(0))
    return {
        "name": population.name, "kind": kind, "cells": tables.population_cells(row), "projections": projections,
        "weights": found, "layers": ", ".join(population.layers),
    }  # fmt: skip


def _left(path: Path, network: str) -> dict[str, Any] | None:
    """What another command has left in the folder, and whether it is of this network; None where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return {**found, "current": found.get("hash") == network} if isinstance(found, dict) else None


def _certificate(path: Path, network: str) -> dict[str, Any] | None:
    """What the last verification compared, a row for each way of running a target."""
    found = _left(path, network)
    if found is None:
        return None
    rows = [
        [
            f"{o.get('target')}, {o.get('variant')}",
            _number(o.get("images")),
            _number(o.get("values")),
            _number(o.get("mismatches")),
            ": ".join(filter(None, (str(o.get("status")), str(o.get("reason") or "")))),
        ]
        for o in found.get("targets") or ()
        if isinstance(o, dict)
    ]
    return {"ok": False, "sentence": "", "version": "", **found, "rows": rows}


FIGURES = {"luts": "LUT", "ffs": "FF", "brams": "block RAM", "dsps": "DSP", "fmax_mhz": "Fmax (MHz)",
           "cycles_per_image": "cycles per image", "images_per_second": "images per second"}  # fmt: skip


def _synthesis(path: Path, network: str) -> dict[str, Any] | None:
    """The figures of the last synthesis."""
    found = _left(path, network)
    if found is None:
        return None
    figures = [(words, f"{found[key]:,.6g}") for key, words in FIGURES.items() if found.get(key) is not None]
    return {**found, "figures": figures, "too_large": found.get("too_large") or []}


def _front(path: Path) -> dict[str, Any] | None:
    """An exploration's designs: its front as rows, all as dots."""
    found = _left(path, "")
    if found is None or not isinstance(found.get("points"), list):
        return None
    points = [p for p in found["points"] if isinstance(p, dict)]
    kept = [i for i in found.get("front", ()) if isinstance(i, int) and 0 <= i < len(points)]
    costs = COSTS.get(str(found.get("target")), COSTS["c"])
    rows = [
        [
            f"{100 * points[i].get('accuracy', 0):.2f} %",
            *(_number(points[i].get(name)) for name in costs),
            str(points[i].get("command", "")),
        ]
        for i in sorted(kept, key=lambda i: -float(points[i].get("accuracy") or 0))
    ]
    return {
        "cost": costs[0].replace("_", " "), "rows": rows,
        "header": ["accuracy", *(name.replace("_", " ") for name in costs), "command"], "number": len(points),
        "scatter": drawing.scatter(points, costs[0], kept),
    }  # fmt: skip


def _number(value: Any) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else "-"


def of_data(network: api.Network, x: ir.Array, y: ir.Array | None) -> dict[str, Any]:
    """Accuracy (or nothing) against T in both dynamics, spikes, classes and NeuroBench's keys of some images."""
    x, y = x[:IMAGES], None if y is None else y[:IMAGES]
    compiled = network.ir.timesteps
    steps = sorted({*(2**n for n in range(17) if 2**n <= compiled), compiled})
    runs = {d: api.evaluate(network, x, y, steps, d) for d in ir.DYNAMICS} if y is not None else {}
    own = api.evaluate(network, x, y)[0]
    traced = network.run(x[:RASTERS], dynamics="step", trace=True)
    counts = network.run(x).counts
    found: dict[str, Any] = {
        "images": len(x),
        "own": own.to_dict(),
        "row": tables.evaluation_row(network.ir, own),
        "energy": tables.energy_lines([own]),
        "rasters": _rasters(network.ir, traced),
        "accuracy": None,
        "confusion": None,
        "spikes": {name: drawing.histogram(values) for name, values in counts.items() if name != ir.INPUT},
    }
    if y is not None:
        found |= {"accuracy": _curves(runs, compiled), "confusion": _confusion(network.run(x).classes, y)}
    return found


def _curves(runs: dict[Any, list[Any]], most: int) -> dict[str, Any]:
    values = [e.accuracy for found in runs.values() for e in found]
    low, high = min(values), max(values)
    points = {d: [(e.timesteps, e.accuracy) for e in found] for d, found in runs.items()}
    pairs = zip(*runs.values(), strict=True)
    return {
        "low": 100 * low,
        "high": 100 * high,
        "most": most,
        "curves": {d: drawing.curve(own, low, high, most) for d, own in points.items()},
        "rows": [[str(pair[0].timesteps), *(f"{100 * e.accuracy:.2f} %" for e in pair)] for pair in pairs],
    }


def _rasters(network: ir.Network, result: Any) -> list[dict[str, Any]]:
    """Of each firing population, for each of a few images."""
    trains = {} if result.trace is None else result.trace.spikes
    found = []
    for population in network.populations:
        if population.fires and population.name in trains:
            train = trains[population.name]
            images = [drawing.raster(train[:, n].reshape(len(train), -1)) for n in range(train.shape[1])]
            found.append({"name": population.name, "images": images})
    return found


def _confusion(classes: ir.Array, y: ir.Array) -> dict[str, Any] | None:
    """Rows: the true class; columns: the network's. None where there are too many."""
    from snncc.evaluation import labels

    truth = labels(y, len(classes))
    number = int(max(truth.max(), classes.max())) + 1
    if number > LARGEST_MATRIX:
        return None
    matrix = np.zeros((number, number), int)
    np.add.at(matrix, (truth, classes), 1)
    shades = 60 * matrix // max(1, int(matrix.sum(axis=1).max()))
    return {"rows": [list(zip(*both, strict=True)) for both in zip(matrix.tolist(), shades.tolist(), strict=True)]}
