"""The command that makes a network again, from the record that it keeps of its compilation."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from snncc import store
from snncc.ir import Record
from snncc.lower.options import Options
from snncc.names import arguments, flag

PYTHON_ALONE = ("fixed_lambda",)
"""Options of `snncc.convert` that no option of the command line sets."""
PLAIN = Options()
LONG = 70


def again(record: Record, folder: str, targets: store.Targets) -> str:
    """A command for the shell, MODEL and DATA.npz standing for the user's files; Python where the shell has no option.

    T is always said: the command line's own default follows the targets.
    """
    kept = {
        name: value
        for name, value in record.options.items()
        if value is not None and (name == "timesteps" or value != getattr(PLAIN, name, None))
    }
    asked = {name: {k: v for k, v in (own or {}).items() if v is not None} for name, own in sorted(targets.items())}
    if any(name in kept for name in PYTHON_ALONE):
        options = ", ".join(f"{name}={value!r}" for name, value in kept.items())
        return f'snncc.convert("MODEL", x, {options}).write({folder!r}, {asked!r})'
    parts = ["snncc", "compile", "MODEL", "--calibration", "DATA.npz", "-o", folder, *_network(kept)]
    for name, own in asked.items():
        parts += [*arguments({"target": name}), *arguments(own)]
    return _in_lines(parts)


def _in_lines(parts: Sequence[str]) -> str:
    """A command of several lines, as a shell reads it on: an option begins a line where the one before is long."""
    lines = [""]
    for part in parts:
        if part.startswith("--") and len(lines[-1]) > LONG:
            lines.append("   ")
        lines[-1] += f" {shlex.quote(part)}"
    return " \\\n".join(lines).lstrip()


def _network(options: Mapping[str, Any]) -> list[str]:
    """Options of the network as `snncc compile` takes them."""
    given: list[str] = []
    for name, value in options.items():
        if name == "per_channel":
            given.append(flag("per_tensor"))
        elif name == "input_range":
            given += [flag(name), *map(str, value)]
        elif isinstance(value, tuple):
            given += [flag(name), ",".join(map(str, value))]
        else:
            given += arguments({name: value})
    return given
