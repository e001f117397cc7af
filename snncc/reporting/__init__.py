"""`snncc report`: one HTML file that shows what was built; it needs no network, and nothing beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from snncc import api, resources, staging
from snncc.ir import Array
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

    `x`, `y`: images as one would feed them to the model, and their classes; `model`: the float model, for each layer's
    error by cause. Without them the parts that need them say which command brings them.
    """
    folder = Path(folder)
    page = {**gather.of_folder(folder), "folder": str(folder), "data": None, "diagnosis": None}
    if x is not None:
        network = api.load(folder)
        page["data"] = measured.of_data(network, x[:images], None if y is None else y[:images])
        if model is not None:
            from snncc import tables

            found = api.diagnose(network, model, x[:images], None if y is None else y[:images])
            rows = [tables.diagnosis_row(row) for row in found.rows]
            page["diagnosis"] = {
                "header": tables.DIAGNOSIS_HEADER,
                "rows": rows,
                "sentence": in_flags(found.sentence),
            }
    environment = resources.templates("report", html=True)
    page["version"] = resources.tool_version()
    path = folder / "report.html" if output is None else Path(output)
    with staging.staged(path) as beside:
        beside.write_text(environment.get_template("page.html.j2").render(page), encoding="utf-8")
    return path


__all__ = ["report"]
