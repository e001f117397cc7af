"""What the page says of a compiled folder alone, as plain values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from snncc import api, ir, store, tables
from snncc.exploration import COSTS
from snncc.names import in_flags
from snncc.reporting import drawing
from snncc.reporting.command import again

CHOICES = ("bytes", "encoding", "average_pools", "calibrate")
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
        "command": again(record, str(folder), store.read_targets(folder)) if record else "",
        "said": [] if not record else [in_flags(record.data[name]) for name in CHOICES if name in record.data],
        "calibration": {} if not record else {k: record.data[k] for k in ("sha256", "shape", "dtype")},
        "graph": drawing.graph(network),
        "populations": [
            _population(network, p, row) for p, row in zip(network.populations, facts["populations"], strict=True)
        ],
        "certificate": _certificate(folder / store.CERTIFICATE, facts["hash"]),
        "synthesis": _synthesis(folder / store.SYNTHESIS, facts["hash"]),
        "front": _front(folder / FRONT),
    }


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
