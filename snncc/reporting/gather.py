"""What the page says of a compiled folder alone, as plain values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from snncc import api, backends, ir, store, tables
from snncc.backends.verilog.emit import golden_cycles, summary
from snncc.errors import SnnccError
from snncc.exploration import COSTS, FRONT
from snncc.lower.options import AUTO
from snncc.names import in_flags
from snncc.reporting import charts, drawing
from snncc.reporting.command import again
from snncc.verification import digest

CALIBRATION = {"sha256", "shape", "dtype"}
"""What a record says of calibration data; not that of a network made by hand."""


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
        "said": [] if not record else [in_flags(record.data[name]) for name in ("bytes", *AUTO) if name in record.data],
        "changed": record.data.get(api.CHANGED, "") if record else "",
        "calibration": {k: record.data[k] for k in CALIBRATION} if record and record.data.keys() >= CALIBRATION else {},
        "graph": drawing.graph(network),
        "populations": [
            _population(network, p, row, facts["projections"])
            for p, row in zip(network.populations, facts["populations"], strict=True)
        ],
        "certificate": _certificate(folder, facts["hash"]),
        "cycles": _cycles(network, folder / "verilog"),
        "synthesis": _synthesis(folder / store.SYNTHESIS, facts["hash"]),
        "front": _front(folder / FRONT),
    }


def _population(
    network: ir.Network, population: ir.Population, row: dict[str, Any], projections: list[dict[str, Any]]
) -> dict[str, Any]:
    """One population's facts, the histogram of its weights, and what it reads."""
    kind = "relay" if population.relay else "readout" if population is network.output else "firing"
    stored = sum(q["bytes"] for q in projections if q["population"] == population.name)
    weights = [np.ravel(q.weights) for q in population.projections if hasattr(q, "weights")]
    edges = [
        {"name": q.name, "kind": type(q).__name__, "reads": ", ".join(dict.fromkeys(tables.reads(q.source)))}
        for q in population.projections
    ]
    found = drawing.histogram(np.concatenate(weights) if weights else np.zeros(0))
    return {
        "name": population.name,
        "kind": kind,
        "cells": tables.population_cells(row),
        "projections": edges,
        "weights": found,
        "memory": f"{stored:,} of weights, {row['parameter_bytes']:,} of parameters",
        "layers": ", ".join(population.layers),
    }


def _left(path: Path, network: str) -> dict[str, Any] | None:
    """What another command has left in the folder, and whether it is of this network; None where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return {**found, "current": found.get("hash") == network} if isinstance(found, dict) else None


def _certificate(folder: Path, network: str) -> dict[str, Any] | None:
    """What the last verification compared, a row for each way of running a target; what it was done with."""
    found = _left(folder / store.CERTIFICATE, network)
    if found is None:
        return None
    versions = _table(found.get("versions"))
    files = {name: known for name, known in _table(found.get("files")).items() if name in backends.names()}
    rows = [
        [
            f"{o.get('target')}, {o.get('variant')}",
            _number(o.get("images")),
            _number(o.get("values")),
            _number(o.get("mismatches")),
            ": ".join(filter(None, (str(o.get("status")), str(o.get("reason") or "")))),
            ", ".join(map(str, o["tools"])) if isinstance(o.get("tools"), list) else "-",
        ]
        for o in found.get("targets") or ()
        if isinstance(o, dict)
    ]
    return {
        "ok": False, "sentence": "", "version": "", **found, "rows": rows, "versions": versions,
        "files": {name: (known, digest(folder / name) == known) for name, known in files.items()},
    }  # fmt: skip


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _cycles(network: ir.Network, folder: Path) -> dict[str, Any] | None:
    """Of the exported hardware: by layer the cycles that it works for an image, exact, beside those of the slowest."""
    if not folder.is_dir():
        return None
    try:
        found, lanes = golden_cycles(network, folder), summary(network, folder)
    except SnnccError as error:
        return {"fault": str(error)}
    slowest = max(found.values())
    parallel = {layer["layer"]: layer["lanes"] for layer in lanes["layers"]}
    return {
        "fault": "",
        "layers": {
            name: ([f"{n:,.0f}", f"{100 * n / slowest:.1f} %", str(parallel.get(name, "-"))], drawing.bar(n / slowest))
            for name, n in found.items()
        },
        "interval": f"{lanes['golden_interval']:,.0f}", "latency": f"{lanes['golden_latency'][0]:,}",
        "worst": (f"{lanes['worst_interval']:,.0f}", f"{lanes['worst_latency']:,}"),
    }  # fmt: skip


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
        "scatter": charts.scatter(points, costs[0], kept),
    }  # fmt: skip


def _number(value: Any) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else "-"
