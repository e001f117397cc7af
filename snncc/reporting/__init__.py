"""`snncc report`: one HTML file that shows what was built; it needs no network, and nothing beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from snncc import api, resources, staging
from snncc.ir import Array
from snncc.reporting import gather


def report(
    folder: str | Path,
    x: Array | None = None,
    y: Array | None = None,
    model: Any = None,
    output: str | Path | None = None,
) -> Path:
    """Write the page of a compiled folder (default: FOLDER/report.html) and return its path.

    `x`, `y`: images as one would feed them to the model, and their classes; `model`: the float model, for each layer's
    error by cause. Without them the parts that need them say which command brings them.
    """
    folder = Path(folder)
    page = {**gather.of_folder(folder), "folder": str(folder), "data": None, "diagnosis": None}
    if x is not None:
        network = api.load(folder)
        page["data"] = gather.of_data(network, x, y)
        if model is not None:
            from snncc import tables

            found = api.diagnose(network, model, x[: gather.IMAGES], None if y is None else y[: gather.IMAGES])
            rows = [tables.diagnosis_row(row) for row in found.rows]
            page["diagnosis"] = {
                "header": tables.DIAGNOSIS_HEADER,
                "rows": rows,
                "sentence": gather.in_flags(found.sentence),
            }
    environment = resources.templates("report", html=True)
    page["version"] = api.tool_version()
    path = folder / "report.html" if output is None else Path(output)
    with staging.staged(path) as beside:
        beside.write_text(environment.get_template("page.html.j2").render(page), encoding="utf-8")
    return path


__all__ = ["report"]
