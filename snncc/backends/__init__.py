"""Targets: a table of names. Each is loaded when it is asked for.

To add one: a folder with a `Target` (snncc/backends/target.py) and a line in TARGETS, or in another package an entry
point of the group `snncc.targets` that names a `Target`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from snncc.backends.target import Target
from snncc.errors import TargetError

GROUP = "snncc.targets"
TARGETS = {
    "c": "snncc.backends.c.target",
    "nir": "snncc.nir.target",
    "verilog": "snncc.backends.verilog.target",
}


def names() -> list[str]:
    """Every target there is, entry points included."""
    return sorted({*TARGETS, *(point.name for point in entry_points(group=GROUP))})


def target(name: str) -> Target[Any]:
    """The target of that name; a TargetError lists those there are."""
    if name in TARGETS:
        return import_module(TARGETS[name]).TARGET  # type: ignore[no-any-return]
    for point in entry_points(group=GROUP):
        if point.name == name:
            return _loaded(name, point)
    raise TargetError(f"there is no target {name!r}: choose from {', '.join(names())}")


def _loaded(name: str, point: Any) -> Target[Any]:
    """A target of another package; a TargetError where it cannot be loaded, whatever its import raises."""
    try:
        found = point.load()
    except Exception as error:
        raise TargetError(f"target {name!r} cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(found, Target):
        raise TargetError(f"target {name!r} cannot be loaded: {point.value} is no snncc.backends.Target")
    return found


__all__ = ["GROUP", "TARGETS", "Target", "names", "target"]
