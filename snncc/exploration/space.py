"""The designs that are compared: every combination of what a user may choose, grouped by the network they share."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from snncc import names
from snncc.errors import DataError

NETWORK_AXES: Mapping[str, Sequence[Any]] = {
    "signed_bit": (8, 4),
    "timesteps": (4, 8, 16, 64),
    "dynamics": ("count", "step"),
    "encoding": ("auto",),
    "average_pools": ("auto",),
    "linear": ("auto",),
    "calibrate": ("auto",),
}
"""Options of `convert`, and the values that are tried by default."""
TARGET_AXES: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "c": {"pack": (False, True), "state_bytes": (None,)},
    "verilog": {"max_lanes": (1, 4, 16, 64)},
}
"""Options of the targets, likewise. Weights of 8 bits or more are not packed."""


@dataclass(frozen=True)
class Design:
    """One network for one target: options of `convert` and of the target."""

    network: Mapping[str, Any]
    target: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(point: Mapping[str, Any]) -> Design:
        """The design that a point is of."""
        given = point["options"]
        own = {name: given[name] for name in TARGET_AXES[point["target"]] if name in given}
        return Design({name: v for name, v in given.items() if name not in own}, point["target"], own)

    def arguments(self) -> list[str]:
        """What `snncc compile` is given to make it."""
        return names.arguments({**self.network, "target": self.target, **self.options})

    def command(self, model: str, calibration: str, *more: str) -> str:
        """The command that builds it."""
        return shlex.join(
            ["snncc", "compile", model, "--calibration", calibration, *self.arguments(), *more, "-o", self.folder()]
        )

    def folder(self) -> str:
        """A name for what it is built into."""
        return f"design_{digest([self.network, self.target, self.options])[:8]}"


@dataclass(frozen=True)
class Job:
    """One network and the designs that are made of it: it is compiled and evaluated once for all of them."""

    network: Mapping[str, Any]
    designs: tuple[Design, ...]


def digest(value: Any) -> str:
    """SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=dict).encode()).hexdigest()


def jobs(target: str, axes: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any] | None = None) -> list[Job]:
    """Every combination; `axes` replace the default values of theirs. DataError names one that there is not.

    `fixed`: options of `convert` that are no axes, the same for all.
    """
    if target not in TARGET_AXES:
        raise DataError(f"nothing is known of what {target!r} costs: choose from {', '.join(TARGET_AXES)}")
    own = TARGET_AXES[target]
    unknown = sorted(set(axes) - set(NETWORK_AXES) - set(own))
    if unknown:
        raise DataError(f"no axis {unknown[0]!r} of {target}: choose from {', '.join([*NETWORK_AXES, *own])}")
    empty = sorted(name for name, values in axes.items() if not values)
    if empty:
        raise DataError(f"the axis {empty[0]!r} has no values")
    found = []
    for network in _combinations({name: axes.get(name, values) for name, values in NETWORK_AXES.items()}):
        options = _combinations({name: axes.get(name, values) for name, values in own.items()})
        network |= fixed or {}
        designs = [Design(network, target, o) for o in options if not (o.get("pack") and network["signed_bit"] >= 8)]
        if designs:
            found.append(Job(network, tuple(designs)))
    return found


def _combinations(axes: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    names = list(axes)
    for values in product(*(dict.fromkeys(axes[name]) for name in names)):
        yield dict(zip(names, values, strict=True))
