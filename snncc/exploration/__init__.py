"""`explore`: every design of a space measured exactly, the Pareto front of them, and the cheapest that meets goals."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from snncc import engines, staging
from snncc.errors import DataError
from snncc.exploration.front import COSTS, Goals, cheapest, front, is_measured, on, shown_cost, words
from snncc.exploration.measure import Sources, float_accuracy
from snncc.exploration.run import Progress, explore_jobs, shard, synthesised
from snncc.exploration.space import NETWORK_AXES, TARGET_AXES, Design, Job, jobs
from snncc.resources import tool_version
from snncc.shown import GREEN, GREY, figure, html, write

FRONT = "front.json"
WORDS = {
    "flash_bytes": "const data (bytes)",
    "memory_bits": "memories (bits)",
}
"""What weighs most, with its unit."""


@dataclass(frozen=True)
class Front:
    """All points, the numbers of those that no other beats, and the choice for the goals.

    `chosen`: the cheapest point that meets the goals, or the nearest; `missed`: by goal how far that one is from it, as
    a part of the goal, empty where all are met.
    """

    target: str
    float_accuracy: float
    points: list[dict[str, Any]]
    front: list[int]
    goals: Goals
    chosen: int | None
    missed: Mapping[str, float]

    @property
    def shortfall(self) -> str:
        """What the nearest design has instead of what is asked for, in words; empty where the goals are met."""
        chosen = self.chosen
        return "" if chosen is None else self.goals.shortfall(self.points[chosen], self.float_accuracy)

    @property
    def header(self) -> list[str]:
        """Of `rows`."""
        return ["accuracy", *(name.replace("_", " ") for name in COSTS[self.target]), "design"]

    def rows(self) -> list[list[str]]:
        """The designs that no other beats, the most accurate first, for a table."""
        costs = COSTS[self.target]
        points = sorted((self.points[i] for i in self.front), key=lambda p: (-p["accuracy"], p[costs[0]]))
        return [[f"{100 * p['accuracy']:.2f} %", *(shown_cost(p, name) for name in costs), words(p)] for p in points]

    @property
    def title(self) -> str:
        """How many of the designs that could be built are on the front."""
        return f"{len(self.front)} of {sum(map(is_measured, self.points))} designs that no other beats"

    def _repr_html_(self) -> str:
        """The front as a table, for Jupyter."""
        return html(f"{self.title}; float: {100 * self.float_accuracy:.2f} %", self.header, self.rows())

    def figure(self) -> Any:
        """Accuracy against what weighs most, every design a dot, the front a line. Needs the extra `plot`."""
        cost = COSTS[self.target][0]
        every = [(p[cost], 100 * p["accuracy"]) for p in self.points if is_measured(p)]
        best = sorted((self.points[i][cost], 100 * self.points[i]["accuracy"]) for i in self.front)
        drawn = figure(7, 4.5)
        axes = drawn.subplots()
        axes.scatter([x for x, _ in every], [y for _, y in every], s=18, color=GREY, label="designs")
        axes.plot([x for x, _ in best], [y for _, y in best], "o-", color=GREEN, markersize=5, label="none better")
        axes.axhline(100 * self.float_accuracy, color="#444444", linewidth=0.8, linestyle=":", label="float")
        wide = every and max(every)[0] > 10 * min(every)[0]
        axes.set(xlabel=WORDS[cost], ylabel="accuracy (%)", xscale="log" if wide else "linear")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        return drawn

    def plot(self, path: str | Path) -> Path:
        """`figure()` as an image file."""
        return write(self.figure(), path)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"version": tool_version()}

    def save(self, folder: str | Path) -> Path:
        """Write FOLDER/front.json, whole or not at all."""
        path = Path(folder) / FRONT
        with staging.staged(path) as beside:
            beside.write_text(json.dumps(self.to_dict(), indent=2) + "\n", encoding="utf-8")
        return path


def explore(
    model: str | Path,
    calibration: str | Path,
    test: str | Path,
    output: str | Path,
    *,
    labels: str | Path | None = None,
    target: str = "c",
    axes: Mapping[str, Sequence[Any]] | None = None,
    fixed: Mapping[str, Any] | None = None,
    goals: Goals | None = None,
    images: int | None = None,
    synth: bool = False,
    engine: str = "auto",
    part: tuple[int, int] = (1, 1),
    cluster: str | None = None,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Front:
    """Measure the designs of a space, write OUTPUT/front.json, and say which is the cheapest that meets the goals.

    `calibration`, `test`, `labels`: files of arrays (FILE.npz:NAME picks one). `axes`: option -> values, instead of the
    default ones (`NETWORK_AXES`, `TARGET_AXES`). `fixed`: further options of `convert`, for all designs. `synth`: Yosys
    maps what is on the front to the goals' device, and its LUTs, flip-flops, DSPs and block RAMs take the place of the
    model's. `engine`: what runs the networks.
    `part` (i, n): every n-th network alone. `cluster`: the address of a Dask scheduler, whose workers see the same
    files; else processes of this machine.
    OUTPUT/journal.jsonl keeps each point as soon as it is measured: a run that was broken off goes on there, and
    *.jsonl of other runs count too.
    """
    goals = goals or Goals()
    goals.check(target)
    device = goals.device if synth else None
    if synth and (target != "verilog" or device is None):
        raise DataError("`synth` goes with the target verilog and a `device`")
    engines.check(engine)
    named = None if labels is None else str(labels)
    sources = Sources(str(model), str(calibration), str(test), named, images, engine=engine)
    folder, work = Path(output), shard(jobs(target, axes or {}, fixed), *part)
    exact = float_accuracy(sources)  # first: wrong labels are refused before anything is measured
    points = explore_jobs(sources, work, folder, cluster, processes, progress)
    points = [on(point, goals.device) for point in points]
    if device:

        def run(designs: Sequence[Design]) -> list[dict[str, Any]]:
            return synthesised(sources, designs, device, folder, cluster, processes, progress)

        points = _with_synthesis(points, goals, exact, device, run)
    chosen, missed = cheapest(points, goals, exact)
    found = Front(target, exact, points, front(points), goals, chosen, missed)
    found.save(folder)
    return found


def _with_synthesis(
    points: list[dict[str, Any]],
    goals: Goals,
    exact: float,
    device: str,
    run: Callable[[Sequence[Design]], list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """The points with what Yosys makes of those that are on the front, and of the one that is chosen, by then."""
    points = list(points)
    while True:
        best = {*front(points), cheapest(points, goals, exact)[0]}
        missing = sorted(i for i in best if i is not None and not points[i]["synthesised"])
        if not missing:
            return points
        for i, line in zip(missing, run([Design.of(points[i]) for i in missing]), strict=True):
            points[i] = on(points[i] | {"synthesis": {device: line["made"]}}, device)


__all__ = [
    "COSTS", "FRONT", "NETWORK_AXES", "TARGET_AXES", "Design", "Front", "Goals", "Job", "explore", "is_measured", "jobs"
]  # fmt: skip
