"""How results show themselves: as a table in a notebook, as a picture through matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from snncc.errors import OutputError, ToolMissingError
from snncc.staging import staged

GREEN, ORANGE, GREY = "#0b6e4f", "#b3541e", "#9aa5b1"


def html(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a notebook; everything in it is escaped."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def figure(width: float, height: float) -> Any:
    """An empty figure of so many inches, which a notebook shows. ToolMissingError without the extra `plot`."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ToolMissingError("plots need matplotlib: pip install 'snncc[plot]'") from None
    return Figure(figsize=(width, height), layout="constrained")


def write(drawn: Any, path: str | Path) -> Path:
    """Write a figure as an image file, whole or not at all, in the format of its suffix. OutputError."""
    target = Path(path)
    try:
        with staged(target) as beside:
            drawn.savefig(beside, dpi=150, format=target.suffix[1:] or "png")
    except (OSError, ValueError) as error:
        raise OutputError(f"{target}: the plot cannot be written: {error}") from error
    return target
