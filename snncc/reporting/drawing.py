"""Geometry of the pictures: where a network's populations stand, bars and rasters. Templates draw it as SVG."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc.ir import INPUT, Array, Network, late_sources, sources

COLUMN, ROW, WIDTH, HEIGHT = 190, 58, 168, 40
"""Of the network's picture: the grid, and a box in it."""
BINS, WIDE, TALL, BAR = 31, 8, 48, 120
"""Of a histogram: bars, and their grid; the longest bar in a table."""
MOST_NEURONS, MOST_STEPS = 40, 64
"""Of a raster."""


def graph(network: Network) -> dict[str, Any]:
    """Boxes and arrows: a row for each depth, the longest path from the input."""
    depth = {INPUT: 0}
    for population in network.populations:
        read = {name for q in population.projections for name in sources(q.source)}
        depth[population.name] = 1 + max((depth[name] for name in read), default=0)
    columns: dict[int, list[str]] = {}
    for name, row in depth.items():
        columns.setdefault(row, []).append(name)
    widest = max(map(len, columns.values()))
    boxes = {
        name: (12 + COLUMN * (i + (widest - len(names)) / 2), 12 + ROW * row)
        for row, names in columns.items()
        for i, name in enumerate(names)
    }
    arrows = [
        _arrow(boxes[name], boxes[population.name], depth[population.name] - depth[name])
        for population in network.populations
        for name in dict.fromkeys(
            n for q in population.projections for n in (*sources(q.source), *late_sources(q.source))
        )
    ]
    return {
        "width": COLUMN * widest + 24 + 40, "height": ROW * len(columns) + 12, "boxes": boxes, "arrows": arrows,
        "texts": {name: (x + 10, y + 16, y + 30, y + 35) for name, (x, y) in boxes.items()}, "box": (WIDTH, HEIGHT),
    }  # fmt: skip


def _arrow(start: tuple[float, float], end: tuple[float, float], rows: int) -> str:
    """From a box's lower edge to another's upper edge; past boxes between, a bow to the right."""
    (x0, y0), (x1, y1) = start, end
    x0, x1, y0 = x0 + WIDTH / 2, x1 + WIDTH / 2, y0 + HEIGHT
    if rows == 1:
        middle = (y0 + y1) / 2
        return f"M{x0:g} {y0:g}C{x0:g} {middle:g} {x1:g} {middle:g} {x1:g} {y1:g}"
    side = max(x0, x1) + WIDTH / 2 + 22
    return f"M{x0:g} {y0:g}C{side:g} {y0 + 20:g} {side:g} {y1 - 20:g} {x1 + 30:g} {y1:g}"


def histogram(values: Array, logarithmic: bool = False) -> dict[str, Any]:
    """How often values occur: bars (x, y, height) between the least and the largest value, the highest TALL - 2.

    `logarithmic`: heights go by log(1 + how often), so that what is seldom is seen beside many zeros.
    """
    whole = np.asarray(values).dtype.kind in "iu"
    flat = np.asarray(values, np.float64).reshape(-1)
    if not flat.size:
        return {"bars": [], "least": 0, "most": 0, "count": 0, "width": 0, "height": TALL}
    low, high = float(flat.min()), float(flat.max())
    if whole or high == low:  # as many integers in every bar, or one bar
        each = int(-(-(high - low + 1) // BINS))
        bars = int(-(-(high - low + 1) // each))
        found, _ = np.histogram(flat, bars, (low - 0.5, low - 0.5 + each * bars))
    else:
        found, _ = np.histogram(flat, BINS, (low, high))
    often = np.log1p(found) if logarithmic else found
    tall = [round((TALL - 2) * float(n) / float(often.max()), 2) for n in often]
    return {
        "bars": [(WIDE * i, round(TALL - height, 2), height) for i, height in enumerate(tall)], "least": low,
        "most": high, "count": int(flat.size), "width": WIDE * len(tall), "height": TALL,
    }  # fmt: skip


def bar(share: float) -> float:
    """The length of a bar in a table, of a part of 1."""
    return round(BAR * share, 1)


def some(neurons: int) -> Array:
    """Numbers of a raster's neurons, evenly chosen."""
    return np.unique(np.linspace(0, neurons - 1, min(neurons, MOST_NEURONS)).astype(int))


def raster(train: Array) -> dict[str, Any]:
    """Spikes (timesteps, neurons) as one path of dashes: some neurons, a row each."""
    steps, neurons = min(len(train), MOST_STEPS), train.shape[1]
    chosen = some(neurons)
    times, rows = np.nonzero(train[:steps, chosen])
    path = "".join(f"M{t} {row}h.8" for t, row in zip(times.tolist(), rows.tolist(), strict=True))
    return {"path": path or "M0 0", "steps": steps, "rows": len(chosen), "height": len(chosen) + 1, "neurons": neurons}


def rates(floats: Array, spikes: Array) -> dict[str, Any]:
    """Beside a raster: of the same neurons the float activation as a bar, and the rate of spikes as a tick.

    Both (neurons,) in parts of one spike per timestep, which is at 100 of `width`.
    """
    chosen = some(len(floats))
    bars, ticks = 100 * floats[chosen], 100 * spikes[chosen]
    width = min(300.0, max(104.0, float(bars.max()), float(ticks.max())))
    reach, marks = ([(row, min(width, x)) for row, x in enumerate(part.tolist()) if x > 0] for part in (bars, ticks))
    return {
        "bars": "".join(f"M0 {row}h{x:.1f}" for row, x in reach) or "M0 0",
        "ticks": "".join(f"M{x:.1f} {row - 0.5}v1" for row, x in marks) or "M0 0",
        "width": round(width, 1), "height": len(chosen) + 1,
    }  # fmt: skip
