"""`explore`: every design of a space measured exactly, the Pareto front of them, and the cheapest that meets goals."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from snncc import staging
from snncc.api import tool_version
from snncc.errors import DataError
from snncc.exploration.front import COSTS, Goals, cheapest, front, is_measured, on
from snncc.exploration.measure import Sources, float_accuracy
from snncc.exploration.run import Progress, explore_jobs, shard, synthesised
from snncc.exploration.space import NETWORK_AXES, TARGET_AXES, Design, Job, jobs

FRONT = "front.json"


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
    goals: Goals | None = None,
    images: int | None = None,
    synth: bool = False,
    part: tuple[int, int] = (1, 1),
    cluster: str | None = None,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Front:
    """Measure the designs of a space, write OUTPUT/front.json, and say which is the cheapest that meets the goals.

    `calibration`, `test`, `labels`: files of arrays (FILE.npz:NAME picks one). `axes`: option -> values, instead of the
    default ones (`NETWORK_AXES`, `TARGET_AXES`). `synth`: Yosys maps what is on the front to the goals' device, and its
    LUTs, flip-flops, DSPs and block RAMs take the place of the model's. `part` (i, n): every n-th network alone.
    `cluster`: the address of a Dask scheduler, whose workers see the same files; else processes of this machine.
    OUTPUT/journal.jsonl keeps each point as soon as it is measured: a run that was broken off goes on there, and
    *.jsonl of other runs count too.
    """
    goals = goals or Goals()
    device = goals.device if synth else None
    if synth and (target != "verilog" or device is None):
        raise DataError("`synth` goes with the target verilog and a `device`")
    sources = Sources(str(model), str(calibration), str(test), None if labels is None else str(labels), images)
    folder, work = Path(output), shard(jobs(target, axes or {}), *part)
    points = explore_jobs(sources, work, folder, cluster, processes, progress)
    exact = float_accuracy(sources)
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
