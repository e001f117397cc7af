"""What a verification found: one outcome per target and variant, as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import ClassVar, Literal, TypeAlias


@dataclass(frozen=True)
class Mismatch:
    """The first integer that differs. `timestep` counts from 1; 0 where there is none (`count`, the readout)."""

    image: int
    population: str
    neuron: int
    timestep: int
    quantity: str
    expected: int
    got: int

    @property
    def _place(self) -> str:
        return f"{'element' if self.population == 'the input' else 'neuron'} {self.neuron}"

    def __str__(self) -> str:
        when = f" at timestep {self.timestep}" if self.timestep else ""
        return (
            f"image {self.image}: {self.quantity} of {self._place} of {self.population}{when} "
            f"should be {self.expected}, is {self.got}"
        )


Status: TypeAlias = Literal["pass", "fail", "not run"]


@dataclass(frozen=True)
class Outcome:
    """One variant of one target. `values`: integers compared. `reason`: why it failed or was not run."""

    target: str
    variant: str
    status: Status
    images: int = 0
    values: int = 0
    mismatches: int = 0
    first_mismatch: Mismatch | None = None
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """All outcomes. `ok`: something ran, and nothing that ran differs; `strict` (CI) wants everything to have run."""

    HEADER: ClassVar = ["target", "variant", "images", "values compared", "mismatches", "seconds", "result"]

    outcomes: tuple[Outcome, ...]
    strict: bool = False

    @property
    def ok(self) -> bool:
        statuses = [o.status for o in self.outcomes]
        return "pass" in statuses and "fail" not in statuses and not (self.strict and "not run" in statuses)

    def to_json(self) -> str:
        """`{"ok": ..., "targets": [{"target", "variant", "status", "images", "values", "mismatches", ...}]}`."""
        return json.dumps({"ok": self.ok, "targets": [asdict(o) for o in self.outcomes]}, indent=2)

    def rows(self) -> list[list[str]]:
        """One row per outcome under HEADER, for a table."""
        return [
            [
                o.target,
                o.variant,
                str(o.images),
                f"{o.values:,}",
                f"{o.mismatches:,}",
                f"{o.seconds:.1f}",
                ": ".join(filter(None, (o.status, str(o.first_mismatch or o.reason)))),
            ]
            for o in self.outcomes
        ]
