"""What tests share: how many random examples a property gets, what is in a folder."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("SNNCC_EXAMPLES", "1"))
"""`make soak` sets it: every property gets that many times its examples."""


def examples(number: int) -> settings:
    """Hypothesis settings for a property: a number of examples, no deadline, the same examples on every machine."""
    return settings(
        max_examples=number * FACTOR,
        deadline=None,
        derandomize=FACTOR == 1,
        suppress_health_check=list(HealthCheck),
    )


def everything(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path from there."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
