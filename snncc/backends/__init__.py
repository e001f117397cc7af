"""Targets: a name and a module (or object) with `check` and `emit`. Loaded only when asked for.

To add one: a line in TARGETS, or in another package an entry point of the group `snncc.targets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, cast

from snncc.errors import TargetError
from snncc.ir import Network

GROUP = "snncc.targets"
TARGETS = {
    "c": "snncc.backends.c",
    "verilog": "snncc.backends.verilog",
}

Options = Mapping[str, Any]
"""What a user asked of one target; `pixels`, an integer array (N, *input.shape), are golden vectors to ship."""


class Target(Protocol):
    """What a backend offers. A module with these two functions is one."""

    def check(self, network: Network, options: Options) -> None:
        """Refuse, by a TargetError that names the population and the way out, before anything is written."""

    def emit(self, network: Network, folder: Path, options: Options) -> None:
        """Write the network's files into `folder`, which exists and is empty."""


def names() -> list[str]:
    """Every target there is, entry points included."""
    return sorted({*TARGETS, *(point.name for point in entry_points(group=GROUP))})


def target(name: str) -> Target:
    """The target of that name; a TargetError lists those there are."""
    if name in TARGETS:
        return cast(Target, import_module(TARGETS[name]))
    for point in entry_points(group=GROUP):
        if point.name == name:
            return cast(Target, point.load())
    raise TargetError(f"there is no target {name!r}: choose from {', '.join(names())}")


def pick(options: Options, defaults: Options, name: str) -> dict[str, Any]:
    """The options with defaults filled in; a TargetError names one that the target does not know."""
    unknown = sorted(set(options) - set(defaults))
    if unknown:
        raise TargetError(f"target {name!r} has no option {unknown[0]!r}: choose from {', '.join(sorted(defaults))}")
    return {**defaults, **options}
