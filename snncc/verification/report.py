"""What a verification found: one outcome per target and variant, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from snncc.shown import html


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
    """One variant of one target. `values`: integers compared. `reason`: why it failed or was not run.

    `tool_missing`: it was not run because something must be installed first. `tools`: programs that built and ran it.
    """

    target: str
    variant: str
    status: Status
    images: int = 0
    values: int = 0
    mismatches: int = 0
    first_mismatch: Mismatch | None = None
    seconds: float = 0.0
    reason: str = ""
    tool_missing: bool = False
    tools: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """All outcomes. `ok`: something ran, and nothing that ran differs; `strict` wants everything to have run.

    `versions`: of snncc, Python, NumPy and every tool that ran. `files`: of each target that ran the SHA-256 of all
    its files.
    """

    HEADER: ClassVar = ["target", "variant", "images", "values compared", "mismatches", "seconds", "result"]

    outcomes: tuple[Outcome, ...]
    strict: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.exit_status == 0

    @property
    def exit_status(self) -> Literal[0, 1, 3]:
        """1: something differs or failed. Else, where nothing ran or, strictly, not all: 3 for want of a tool, or 1."""
        idle = self._idle
        if any(o.status == "fail" for o in self.outcomes):
            return 1
        if len(idle) == len(self.outcomes) or (self.strict and idle):
            return 3 if any(o.tool_missing for o in idle) else 1
        return 0

    @property
    def sentence(self) -> str:
        """What it comes to, with what could not be run."""
        idle, failed = self._idle, sum(o.status == "fail" for o in self.outcomes)
        ran, missing = len(self.outcomes) - len(idle), sum(o.tool_missing for o in idle)
        verdict = f"{failed} failed" if failed else "every integer is the simulator's" if ran else "nothing is verified"
        said = [f"{ran} of {len(self.outcomes)} ran: {verdict}."]
        if missing:
            said.append(f"{missing} not run for want of a tool.")
        if missing < len(idle):
            said.append(f"{len(idle) - missing} cannot be run, as the table says.")
        return " ".join(said)

    @property
    def _idle(self) -> list[Outcome]:
        return [o for o in self.outcomes if o.status == "not run"]

    @property
    def ran(self) -> bool:
        """Whether anything did."""
        return len(self._idle) < len(self.outcomes)

    def certificate(self) -> dict[str, Any]:
        """What is kept of it: all but the seconds."""
        targets = [{k: v for k, v in asdict(o).items() if k != "seconds"} for o in self.outcomes]
        return {"ok": self.ok, "sentence": self.sentence, "targets": targets} | self._of_what

    def to_json(self) -> str:
        """`{"ok", "targets": [{"target", "variant", "status", "images", "values", ...}], "versions", "files"}`."""
        return json.dumps({"ok": self.ok, "targets": [asdict(o) for o in self.outcomes]} | self._of_what, indent=2)

    @property
    def _of_what(self) -> dict[str, Any]:
        return {"versions": dict(self.versions), "files": dict(self.files)}

    def _repr_html_(self) -> str:
        """The outcomes as a table, for Jupyter."""
        return html(self.sentence, self.HEADER, self.rows())

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
