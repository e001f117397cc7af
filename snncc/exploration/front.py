"""Which designs are worth having: the Pareto front, goals, and the cheapest design that meets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from snncc.errors import DataError
from snncc.names import dashed
from snncc.synth import DEVICES, area

Point = Mapping[str, Any]
COSTS: Mapping[str, Sequence[str]] = {
    "c": ("flash_bytes", "state_bytes", "instructions"),
    "verilog": ("memory_bits", "luts", "cycles"),
}
"""What a target's designs cost, the weightiest first. Accuracy is what is gained."""
DEVICE = "xc7"
"""Whose LUTs are compared where no device is asked for."""
AREA = {"luts": "max_luts", "ffs": "max_ffs", "dsps": "max_dsps", "brams": "max_bram"}
"""What a design takes of a device, and the goal that limits it."""
OF_TARGET: Mapping[str, Sequence[str]] = {
    "c": ("max_flash", "max_ram", "max_instructions"),
    "verilog": ("min_fps", "device", *AREA.values()),
}
"""Goals that the designs of one target alone say something of."""


def is_measured(point: Point) -> bool:
    """Whether it was built: not refused."""
    return not point.get("refused")


def on(point: Point, device: str | None) -> dict[str, Any]:
    """A point with what it takes of a device: as Yosys made it where that was run, else by the model."""
    area, device = point.get("area"), device or DEVICE
    if not area:
        return dict(point)
    measured = point.get("synthesis", {}).get(device, {})
    return {**point, "device": device, **area[device], **measured, "synthesised": bool(measured)}


def costs(point: Point) -> tuple[float, ...]:
    """The costs of a design of its target, in their order."""
    return tuple(float(point[name]) for name in COSTS[point["target"]])


def front(points: Sequence[Point]) -> list[int]:
    """Numbers of the points that no other one beats: none is at least as accurate, costs no more, and is not equal."""
    known = [i for i, point in enumerate(points) if is_measured(point)]
    gains = {i: (-float(points[i]["accuracy"]), *costs(points[i])) for i in known}

    def beaten(i: int) -> bool:
        mine = gains[i]
        return any(
            theirs != mine and all(a <= b for a, b in zip(theirs, mine, strict=True)) for theirs in gains.values()
        )

    return [i for i in known if not beaten(i)]


def ranks(points: Sequence[Point]) -> list[int]:
    """0 for the front, 1 for the front of the rest, and so on; refused points come last."""
    left, found, rank = list(range(len(points))), [len(points)] * len(points), 0
    while chosen := [left[i] for i in front([points[i] for i in left])]:
        for i in chosen:
            found[i] = rank
        left, rank = [i for i in left if i not in set(chosen)], rank + 1
    return found


@dataclass(frozen=True, kw_only=True)
class Goals:
    """What a design must do; None asks for nothing.

    `within`: points below the float network's accuracy at most. `max_flash`, `max_ram`: bytes of const data and of
    state. `max_instructions`, `max_operations`: instructions on a Cortex-M4 and synaptic operations of an image.
    `min_fps` at `clock_mhz`: images per second. `max_luts`, `max_ffs`, `max_dsps`, `max_bram`: of `device`, whose own
    numbers are the limits where they are not given.
    """

    within: float | None = None
    max_flash: int | None = None
    max_ram: int | None = None
    max_instructions: float | None = None
    max_operations: float | None = None
    min_fps: float | None = None
    clock_mhz: float | None = None
    max_luts: int | None = None
    max_ffs: int | None = None
    max_dsps: int | None = None
    max_bram: float | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        if (self.min_fps is None) != (self.clock_mhz is None):
            raise DataError("`min_fps` and `clock_mhz` go together: cycles per image = clock / frames per second")
        parts = [goal for goal in AREA.values() if getattr(self, goal) is not None]
        if parts and self.device is None:
            raise DataError(f"`{parts[0]}` needs a `device`: they differ in what one holds")
        modelled = [name for name, chip in DEVICES.items() if area.known(chip)]
        if self.device is not None and self.device not in DEVICES:
            raise DataError(f"no device {self.device!r}: choose from {', '.join(modelled)}")
        if self.device is not None and self.device not in modelled:
            raise DataError(f"no model of area of {self.device!r}: choose from {', '.join(modelled)}, or `snncc synth`")

    def check(self, target: str) -> None:
        """Refuse a goal that designs of this target say nothing of. DataError."""
        for other, own in OF_TARGET.items():
            wrong = next((name for name in own if other != target and getattr(self, name) is not None), None)
            if wrong:
                raise DataError(f"`{wrong}` is a goal of the target {other}, not of {target}")

    @property
    def asked(self) -> bool:
        """Whether anything is asked for."""
        return any(getattr(self, f.name) is not None for f in fields(self))

    @property
    def limits(self) -> dict[str, float | None]:
        """By goal what is asked for; of a device's parts all, where no number is given."""
        chip = None if self.device is None else DEVICES[self.device]
        given = {goal: getattr(self, goal) for goal in AREA.values()}
        parts = {g: given[g] if given[g] is not None or not chip else getattr(chip, what) for what, g in AREA.items()}
        return {
            "within": self.within,
            "max_flash": self.max_flash,
            "max_ram": self.max_ram,
            "max_instructions": self.max_instructions,
            "max_operations": self.max_operations,
            "min_fps": self.min_fps,
            **parts,
        }

    def has(self, point: Point, float_accuracy: float | None) -> dict[str, float | None]:
        """By goal what a design has; None where it says nothing of it."""
        cycles = point.get("cycles")
        return {
            "within": _below(point, float_accuracy),
            "max_flash": point.get("flash_bytes"),
            "max_ram": point.get("state_bytes"),
            "max_instructions": point.get("instructions"),
            "max_operations": point.get("synaptic_operations"),
            "min_fps": self.clock_mhz * 1e6 / cycles if cycles and self.clock_mhz else None,
            **{goal: point.get(what) for what, goal in AREA.items()},
        }

    def missed(self, point: Point, float_accuracy: float | None) -> dict[str, float]:
        """By goal how far a design is from it, as a part of the goal; goals of another target are not met by it."""
        has = self.has(point, float_accuracy)
        over = {name: _over(name, has[name], limit) for name, limit in self.limits.items()}
        return {name: by for name, by in over.items() if by > 0}

    def shortfall(self, point: Point, float_accuracy: float | None) -> str:
        """What a design has instead of what is asked for, in words; empty where it meets all goals."""
        has, limits = self.has(point, float_accuracy), self.limits
        return ", ".join(
            f"{dashed(name)} {_number(has[name])} instead of {_number(limits[name])}"
            for name in self.missed(point, float_accuracy)
        )


def _below(point: Point, float_accuracy: float | None) -> float | None:
    return None if float_accuracy is None else 100 * (float_accuracy - point["accuracy"])


def _over(name: str, value: float | None, limit: float | None) -> float:
    """How far a value is beyond its limit, as a part of the limit."""
    if limit is None:
        return 0.0
    if value is None:
        return float("inf")
    if name == "min_fps":
        return max(0.0, 1 - value / limit)
    return (value - limit) / (abs(limit) or 1.0) if value > limit + 1e-9 else 0.0


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def cheapest(
    points: Sequence[Point], goals: Goals, float_accuracy: float | None
) -> tuple[int | None, dict[str, float]]:
    """(the design that meets the goals at least cost, {}), or (the nearest one, by how much it misses each goal)."""
    known = [i for i, point in enumerate(points) if is_measured(point)]
    if not known:
        return None, {}
    missed = {i: goals.missed(points[i], float_accuracy) for i in known}
    best = min(known, key=lambda i: (max(missed[i].values(), default=0.0), costs(points[i]), -points[i]["accuracy"], i))
    return best, missed[best]


def shown_cost(point: Point, name: str) -> str:
    """A cost, with a sign before it where a model says it."""
    about = name == "instructions" or (name == "luts" and not point["synthesised"])
    return f"{'~' * about}{point[name]:,.0f}"


def words(point: Point) -> str:
    """What was chosen for a design, in a few words."""
    given = point["options"] | point["chosen"]
    rest = [f"{dashed(name)} {given[name]}" for name in ("max_lanes", "state_bytes") if given.get(name)]
    rest += [given["linear"]] if given["linear"] not in ("auto", "least") else []
    rest += ["packed"] if given.get("pack") else []
    level = f"{given['encoding']}, pools {given['average_pools']}, {given['calibrate']}"
    return ", ".join([f"{given['dynamics']} T={given['timesteps']}", f"{given['signed_bit']} bits", level, *rest])
