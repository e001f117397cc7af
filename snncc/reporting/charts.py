"""Geometry of charts with axes: accuracy in per cent upwards, T or a cost to the right. Templates draw it as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 360, 210, 46, 10, 10, 26
"""Of a chart: as wide as a phone, with room for the numbers of its axes."""
MOST_TICKS = 8
SPAN = 10
"""A cost that spans so many times its least value is drawn logarithmically."""


class Axis:
    """From values to places between two ends, linear or logarithmic, with its ticks."""

    def __init__(self, values: Sequence[float], start: float, end: float, logarithmic: bool = False) -> None:
        low, high = min(values), max(values)
        if low == high:
            low, high = (low / 2, high * 2) if logarithmic else (low - 1, high + 1)
        self.low, self.high, self.start, self.end, self.logarithmic = low, high, start, end, logarithmic

    def place(self, value: float) -> float:
        """Where a value stands."""
        low, high, value = (math.log(v) if self.logarithmic else v for v in (self.low, self.high, value))
        return round(self.start + (self.end - self.start) * (value - low) / (high - low), 1)

    def ticks(self, values: Sequence[float] | None = None) -> list[tuple[float, str]]:
        """(place, words) of round numbers, or of the values given, few enough to be read."""
        found = list(values or self._round())
        found = found[:: math.ceil(len(found) / MOST_TICKS)]
        return [(self.place(value), short(value)) for value in found]

    def _round(self) -> list[float]:
        if self.logarithmic:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            made = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
            return [value for value in made if self.low <= value <= self.high]
        least = (self.high - self.low) / 5
        unit = 10.0 ** math.floor(math.log10(least))
        step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= least)
        return [step * n for n in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def short(value: float) -> str:
    """A number of an axis: 0.5, 20, 50k, 1.5M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:.4g}"


def curves(points: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, Any]:
    """Accuracy (parts of 1) against T: a line with dots for each name."""
    times = sorted({t for line in points.values() for t, _ in line})
    x, y = _axes(times, [v for line in points.values() for _, v in line], logarithmic=True)
    places = {name: [(x.place(t), y.place(100 * v)) for t, v in line] for name, line in points.items()}
    paths = {name: "M" + "L".join(f"{a:g} {b:g}" for a, b in line) for name, line in places.items()}
    return {"paths": paths, "dots": places, "x": x.ticks(times), "y": y.ticks()}


def scatter(points: Sequence[Mapping[str, Any]], cost: str, kept: Sequence[int]) -> dict[str, Any] | None:
    """Designs of an exploration: a cost against accuracy; None where no design says both."""
    known = [i for i, p in enumerate(points) if all(_number(p.get(name)) for name in (cost, "accuracy"))]
    if not known:
        return None
    costs = [max(1.0, float(points[i][cost])) for i in known]
    gains = [float(points[i]["accuracy"]) for i in known]
    x, y = _axes(costs, gains, logarithmic=max(costs) > SPAN * min(costs))
    dots = [
        {"x": x.place(a), "y": y.place(100 * b), "kept": i in kept, "label": f"{100 * b:.2f} %, {a:,.0f}"}
        for i, a, b in zip(known, costs, gains, strict=True)
    ]
    return {"dots": dots, "x": x.ticks(), "y": y.ticks()}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _axes(across: Sequence[float], parts: Sequence[float], logarithmic: bool) -> tuple[Axis, Axis]:
    return Axis(across, LEFT, WIDTH - RIGHT, logarithmic), Axis([100 * p for p in parts], HEIGHT - BOTTOM, TOP)
