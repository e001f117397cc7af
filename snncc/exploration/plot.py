"""The front as a picture."""

from __future__ import annotations

from pathlib import Path

from snncc import staging
from snncc.errors import ToolMissingError
from snncc.exploration import COSTS, Front, is_measured

WORDS = {
    "flash_bytes": "const data (bytes)",
    "memory_bits": "memories (bits)",
}


def plot(found: Front, path: str | Path) -> None:
    """Accuracy against what weighs most, every design a dot, the front a line. ToolMissingError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ToolMissingError("a plot needs matplotlib: pip install 'snncc[plot]'") from error
    cost = COSTS[found.target][0]
    every = [(p[cost], 100 * p["accuracy"]) for p in found.points if is_measured(p)]
    best = sorted((found.points[i][cost], 100 * found.points[i]["accuracy"]) for i in found.front)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.scatter([x for x, _ in every], [y for _, y in every], s=18, color="#9aa5b1", label="designs")
    axes.plot([x for x, _ in best], [y for _, y in best], "o-", color="#0b6e4f", markersize=5, label="none better")
    axes.axhline(100 * found.float_accuracy, color="#444444", linewidth=0.8, linestyle=":", label="float")
    wide = every and max(every)[0] > 10 * min(every)[0]
    axes.set(xlabel=WORDS[cost], ylabel="accuracy (%)", xscale="log" if wide else "linear")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    path = Path(path)
    with staging.staged(path) as beside:
        figure.savefig(beside, dpi=150, format=path.suffix.lstrip(".") or "png")
