"""What the targets bring to the command line: their options, read off their classes, and what they say of a folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snncc.cli.exits import HELP_OPTIONS, Command
from snncc.cli.parameters import Finite
from snncc.terminal import print_table, say

if TYPE_CHECKING:
    from snncc import ir
    from snncc.backends.options import Option
    from snncc.backends.target import Summary


KEPT = "snncc.targets"
"""Where a context keeps the targets' parameters."""
ARGUMENT = re.compile(r"`([a-z]+(?:_[a-z]+)*)`")
"""An argument as the library's messages name it."""


def _flag(found: re.Match[str]) -> str:
    return f"--{found[1].replace('_', '-')}"


def parameters_of(command: click.Command) -> list[click.Parameter]:
    """All parameters of a command, those of the targets too. (click keeps the help option of the first context.)"""
    return command.get_params(click.Context(command, help_option_names=HELP_OPTIONS))


def in_flags(message: str) -> str:
    """A message of the library with the arguments that it names as options of the command line."""
    from snncc.cli.main import cli

    known = {option for command in cli.commands.values() for parameter in parameters_of(command)
             for option in (*parameter.opts, *parameter.secondary_opts)}  # fmt: skip
    return ARGUMENT.sub(lambda found: _flag(found) if _flag(found) in known else found[0], message)


@dataclass(frozen=True)
class _Asked:
    """An option of the command line: the field of the targets' options that it sets."""

    flag: str
    field: str
    option: Option
    targets: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name under which click hands it on."""
        return self.flag.lstrip("-").replace("-", "_")


class TargetCommand(Command):
    """A command that also takes what every target can be asked for; each is None when not given."""

    def get_params(self, context: click.Context) -> list[click.Parameter]:
        """Its own, then those of the targets, then --help."""
        if KEPT not in context.meta:  # click asks several times and goes by identity
            context.meta[KEPT] = [_parameter(asked) for asked in _asked(self.params)]
        *own, last = super().get_params(context)
        return [*own, *context.meta[KEPT], last]


def _asked(own: Sequence[click.Parameter]) -> list[_Asked]:
    """Every target's options; where two disagree on one name, or a command has it, the target's name comes before."""
    from snncc import backends
    from snncc.backends.options import options_of

    taken = {flag for parameter in own for flag in parameter.opts}
    found: dict[str, _Asked] = {}
    for name in backends.names():
        try:
            options = options_of(backends.target(name).options)
        except Exception as error:  # another package's: it must not take the command down
            say(f"warning: target {name!r} cannot be loaded: {error}")
            continue
        for field, option in options.items():
            flag = f"--{field.replace('_', '-')}"
            known = found.get(flag)
            if flag in taken or (known and known.option != option):
                flag, known = f"--{name}-{field.replace('_', '-')}", None
            targets = (*(known.targets if known else ()), name)
            found[flag] = _Asked(flag, field, option, targets)
    return list(found.values())


def _parameter(asked: _Asked) -> click.Option:
    option = asked.option
    repeated = " Can be repeated." if option.kind == "table" else ""
    words = ARGUMENT.sub(_flag, option.help)
    return click.Option(
        [asked.flag],
        default=None,
        show_default=option.shown or None,
        help=f"{', '.join(asked.targets)}: {words}.{repeated}",
        **_type(option),
    )


def _type(option: Option) -> dict[str, Any]:
    """click's words for an option."""
    match option.kind:
        case "flag":
            return {"is_flag": True}
        case "choice":
            return {"type": click.Choice(option.choices)}
        case "integer":
            return {"type": click.IntRange(option.low, option.high)}  # type: ignore[arg-type]
        case "number":
            return {"type": Finite(option.low, option.high, min_open=option.low is not None)}
        case "table":
            return {"multiple": True, "metavar": f"{option.key}=N", "callback": _table(option)}
        case _:
            return {}


def _table(option: Option) -> Callable[..., dict[str, int] | None]:
    """NAME=N, any number of times, as a table; None where there is none."""
    numbers = click.IntRange(option.low, option.high)  # type: ignore[arg-type]

    def parsed(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, int] | None:
        found = {}
        for text in given:
            name, _, number = text.rpartition("=")
            if not name or not number.isdecimal():
                raise click.BadParameter(f"{text!r} is not {option.key}=N.")
            found[name] = numbers.convert(int(number), parameter, context)
        return found or None

    return parsed


def requested(targets: Sequence[str], given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Target -> its options, taken out of `given`; an error where one is given for a target that is not.

    TargetError names a target that there is not.
    """
    from snncc import backends

    requests: dict[str, dict[str, Any]] = {name: {} for name in targets}
    for name in targets:
        backends.target(name)
    context = click.get_current_context()
    for asked in _asked(context.command.params):
        value = given.pop(asked.name)
        if value is None:
            continue
        owners = [name for name in asked.targets if name in requests]
        if not owners:
            raise click.UsageError(f"{asked.flag} is an option of the target {' and '.join(asked.targets)}")
        for name in owners:
            requests[name][asked.field] = value
    return requests


def summaries(network: ir.Network, path: Path) -> dict[str, Summary]:
    """What each target says of a network: of what is in its folder, or of what it would be."""
    from snncc import backends, store
    from snncc.errors import SnnccError

    exported = store.read_targets(path)
    found = {}
    for name in backends.names():
        folder = path / name if (path / name).is_dir() else None
        try:
            summary = backends.target(name).summary(network, folder, exported.get(name))
        except SnnccError as error:
            say(f"warning: {error}")
            continue
        if summary is not None:
            found[name] = summary
    return found


def print_reports(found: Mapping[str, Summary]) -> bool:
    """The tables of targets that have some, and whether every goal was met."""
    reports = [summary for summary in found.values() if summary.tables]
    for summary in reports:
        for table in summary.tables:
            print_table(table.title, table.header, table.rows)
        for line in filter(None, (summary.missed, *summary.lines)):
            click.echo(line)
    return not any(summary.missed for summary in reports)
