"""A guide as a notebook: its text, its Python, its commands, its files. `python tools/notebooks.py FOLDER PAGE...`

Prose becomes a Markdown cell, Python a code cell, commands a cell of `!` lines, a block whose first line names a file
a cell that writes that file. Blocks of C and of text stay in the prose.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FENCE = re.compile(r"^```(python|sh)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\S+\.py)\n")


def cells(page: str) -> Iterator[tuple[str, str]]:
    """("markdown" or "code", text) of each cell of a page, in its order."""
    end = 0
    for fence in FENCE.finditer(page):
        yield "markdown", page[end : fence.start()].strip()
        language, text = fence[1], fence[2].strip()
        file = FILE.match(fence[2])
        if language == "sh":
            lines = text.replace("\\\n", " ").splitlines()
            text = "\n".join(f"!{line}" for line in lines if line.strip() and not line.startswith("#"))
        elif file:
            text = f"%%writefile {file[1]}\n{text}"
        yield "code", text
        end = fence.end()
    yield "markdown", page[end:].strip()


def notebook(page: str) -> dict[str, Any]:
    """A page as a notebook of format 4.5."""
    made: list[dict[str, Any]] = []
    for kind, text in cells(page):
        if text:
            own = {"outputs": [], "execution_count": None} if kind == "code" else {}
            name = f"cell-{len(made)}"
            made.append(
                {"cell_type": kind, "id": name, "metadata": {}, "source": text.splitlines(keepends=True), **own}
            )
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": made}


def main(folder: Path, pages: list[Path]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for page in pages:
        made = notebook(page.read_text(encoding="utf-8"))
        (folder / f"{page.stem}.ipynb").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
