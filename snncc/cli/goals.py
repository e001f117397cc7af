"""The goals of `snncc explore` and of `compile --goal`: the options of the cheapest design that meets them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from snncc.cli.exits import FAILED
from snncc.cli.parameters import AT_LEAST_0, AT_LEAST_1, POSITIVE, Finite
from snncc.names import dashed, flag
from snncc.stderr import held_back
from snncc.terminal import job_bar, say

C = TypeVar("C", bound=Callable[..., Any])


class Size(click.ParamType[int]):
    """Bytes, or 64k, 1M: of 1,024."""

    name = "bytes"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        number, factor = value[:-1], {"k": 1024, "m": 1024**2}.get(value[-1:].lower(), 0)
        if not factor:
            number, factor = value, 1
        if not number.isdecimal():
            self.fail(f"{value!r} is not a number of bytes, such as 65536, 64k or 1M.", parameter, context)
        return int(number) * factor


GOALS: Mapping[str, tuple[click.ParamType[Any], str]] = {
    "within": (Finite(0), "Goal: points of accuracy below the float network at most."),
    "max_flash": (Size(), "Goal: bytes of const data (64k)."),
    "max_ram": (Size(), "Goal: bytes of state."),
    "max_instructions": (POSITIVE, "Goal: instructions of an image on a Cortex-M4, by a model."),
    "max_operations": (POSITIVE, "Goal: synaptic operations of an image."),
    "min_fps": (POSITIVE, "Goal: images per second, with --clock-mhz."),
    "clock_mhz": (POSITIVE, "The clock that --min-fps counts with."),
    "max_luts": (AT_LEAST_1, "Goal: LUTs of --device, by a model."),
    "max_ffs": (AT_LEAST_1, "Goal: flip-flops of --device, by a model."),
    "max_dsps": (AT_LEAST_0, "Goal: DSPs of --device."),
    "max_bram": (Finite(0), "Goal: block RAMs of --device."),
    "device": (click.STRING, "Goal: it suffices; a device of snncc synth."),
}
"""What may be asked for, by the fields of `exploration.Goals`: kind and help."""


def goal_options(command: C) -> C:
    """An option of a command for each goal, in their order."""
    for name, (kind, words) in reversed(list(GOALS.items())):
        command = click.option(flag(name), type=kind, help=words)(command)
    return command


def chosen(
    model: str,
    calibration: str,
    test: str | None,
    targets: Sequence[str],
    given: Sequence[str],
    fixed: Mapping[str, Any],
    own: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of the network and of its one target; the command ends with status 1 where no design meets the goals.

    `fixed`: options of the network that were given, `own`: of the target. All designs are measured with them.
    """
    from snncc import exploration

    if not given or test is None or len(targets) != 1:
        raise click.UsageError("--goal, --data and one --target go together")
    goals = exploration.Goals(**parsed(given))
    known = exploration.TARGET_AXES.get(targets[0], {})
    axes = {name: (value,) for name, value in fixed.items() if name in exploration.NETWORK_AXES}
    rest = {name: value for name, value in fixed.items() if name not in axes}
    axes |= {name: (value,) for name, value in own.items() if name in known and name != "pack"}  # it only makes less
    with tempfile.TemporaryDirectory(prefix="snncc-goal-") as folder, held_back(), job_bar("Exploring") as progress:
        found = exploration.explore(
            model, calibration, test, folder, target=targets[0], axes=axes, fixed=rest, goals=goals, progress=progress
        )
    if found.chosen is None or found.missed:
        has = found.shortfall
        say(f"no design of snncc explore meets the goals: the nearest has {has}" if has else "no design can be built")
        sys.exit(FAILED)
    options = found.points[found.chosen]["options"]
    return (
        {name: options[name] for name in exploration.NETWORK_AXES},
        {name: options[name] for name in known if options.get(name)},
    )


def parsed(given: Sequence[str]) -> dict[str, Any]:
    """GOAL=VALUE as fields of `exploration.Goals`; a UsageError where one is none."""
    goals: dict[str, Any] = {}
    for text in given:
        flag, _, value = text.partition("=")
        name = flag.replace("-", "_")
        if name not in GOALS or not value:
            choose = ", ".join(sorted(map(dashed, GOALS)))
            raise click.UsageError(f"--goal {text}: write GOAL=VALUE with one of {choose}")
        try:
            goals[name] = GOALS[name][0].convert(value, None, None)
        except click.BadParameter as error:
            raise click.UsageError(f"--goal {text}: {error.message}") from error
    return goals
