"""`snncc report`: one HTML file that shows what was built; it needs no network, and nothing beside it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np

from snncc import api, resources, staging
from snncc.diagnosis import Diagnosis, LayerError, diagnose
from snncc.ir import Array, as_read
from snncc.names import in_flags
from snncc.reporting import gather, measured


def report(
    folder: str | Path,
    x: Array | None = None,
    y: Array | None = None,
    model: Any = None,
    output: str | Path | None = None,
    images: int = measured.IMAGES,
) -> Path:
    """Write the page of a compiled folder (default: FOLDER/report.html) and return its path.

    `x`, `y`: images as one would feed them to the model, and their classes, of which the first `images` are taken;
    `model`: the float model, for its activations and each layer's error by cause. Without them the parts that need
    them say which command brings them.
    """
    folder = Path(folder)
    page = {
        **gather.of_folder(folder),
        "folder": shlex.quote(str(folder)),
        "data": None,
        "diagnosis": None,
        "model": model,
    }
    if x is not None:
        network = api.load(folder)
        x, y = np.asarray(x)[:images], None if y is None else y[:images]
        real = None if model is None else api.float_network(network, model, x.shape[1:])
        page["data"] = measured.of_data(network, x, y, real)
        if real is not None:
            page["diagnosis"] = _diagnosis(diagnose(network.ir, real, as_read(network.ir, x), y))
    environment = resources.templates("report", html=True)
    page["version"] = resources.tool_version()
    path = folder / "report.html" if output is None else Path(output)
    with staging.staged(path) as beside:
        beside.write_text(environment.get_template("page.html.j2").render(page), encoding="utf-8")
    return path


def _diagnosis(found: Diagnosis) -> dict[str, Any]:
    return {
        "header": found.HEADER,
        "rows": found.lines(),
        "sentence": in_flags(found.sentence),
        "errors": {row.population: _error(row) for row in found.rows},
    }


def _error(row: LayerError) -> str:
    _, *parts, total, added, cause = row.cells()
    causes = ", ".join(f"{name} {part}" for name, part in zip(Diagnosis.HEADER[1:5], parts, strict=True))
    return f"{total} % of its activations' rms, {added} added here, mostly by {cause}: {causes}"


__all__ = ["report"]
