"""`snncc compile --goal`: the options of the cheapest design that meets the goals."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import click

from snncc.cli.exits import FAILED
from snncc.cli.explore import Size
from snncc.cli.parameters import POSITIVE
from snncc.names import dashed
from snncc.stderr import held_back
from snncc.terminal import job_bar, say

SIZES = ("max_flash", "max_ram")


def chosen(
    model: str,
    calibration: str,
    test: str | None,
    targets: Sequence[str],
    given: Sequence[str],
    fixed: Mapping[str, Sequence[Any]],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of the network and of its one target; the command ends with status 1 where no design meets the goals.

    `fixed`: options that were given, as axes of one value; those that are no axis hold for whatever is chosen.
    """
    from snncc import exploration

    if not given or test is None or len(targets) != 1:
        raise click.UsageError("--goal, --data and one --target go together")
    goals = exploration.Goals(**_parsed(given, {field.name for field in fields(exploration.Goals)}))
    axes = {name: values for name, values in fixed.items() if name in exploration.NETWORK_AXES}
    with tempfile.TemporaryDirectory(prefix="snncc-goal-") as folder, held_back(), job_bar("Exploring") as progress:
        found = exploration.explore(
            model, calibration, test, folder, target=targets[0], axes=axes, goals=goals, progress=progress
        )
    if found.chosen is None or found.missed:
        has = found.shortfall
        say(f"no design of snncc explore meets the goals: the nearest has {has}" if has else "no design can be built")
        sys.exit(FAILED)
    options = found.points[found.chosen]["options"]
    own = {name: value for name, value in options.items() if name not in exploration.NETWORK_AXES and value}
    return {name: options[name] for name in exploration.NETWORK_AXES}, own


def _parsed(given: Sequence[str], known: set[str]) -> dict[str, Any]:
    goals: dict[str, Any] = {}
    for text in given:
        flag, _, value = text.partition("=")
        name = flag.replace("-", "_")
        if name not in known or not value:
            choose = ", ".join(sorted(dashed(goal) for goal in known))
            raise click.UsageError(f"--goal {text}: write GOAL=VALUE with one of {choose}")
        kind: Any = Size() if name in SIZES else click.STRING if name == "device" else POSITIVE
        try:
            goals[name] = kind.convert(value, None, None)
        except click.BadParameter as error:
            raise click.UsageError(f"--goal {text}: {error.message}") from error
    return goals
