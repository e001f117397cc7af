"""Linear models of what cannot be counted without a compiler: fitted to measurements, with their error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Costs:
    """`sum over names of each * count`. Written by a benchmark, which says how it was fitted.

    `each`: what one costs. `error`: |model / measured - 1| in percent on networks that it was not fitted to: `median`,
    `nine_of_ten` and `most`. `made`: tools, options and date of the measurements.
    """

    each: Mapping[str, float]
    error: Mapping[str, float]
    made: Mapping[str, Any]

    def total(self, counts: Mapping[str, float]) -> float:
        """What so many of each cost; a variant that was never measured, "name, variant", costs as "name" does."""
        return sum(self.each.get(name, self.each.get(name.split(",")[0], 0.0)) * n for name, n in counts.items())

    @property
    def words(self) -> str:
        """The error as a person reads it."""
        return f"model, {self.error['nine_of_ten']:.0f} % off at most in nine of ten networks"


@cache
def read(path: Path) -> dict[str, Costs]:
    """The models of a file, by what they are of."""
    return {name: Costs(**facts) for name, facts in json.loads(path.read_text(encoding="utf-8")).items()}
