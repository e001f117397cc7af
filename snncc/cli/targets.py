"""What the targets bring to the command line: their options, read off their classes, and what they say of a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snncc import names
from snncc.cli.exits import FAILED, HELP_OPTIONS, Command
from snncc.cli.parameters import Finite
from snncc.terminal import print_table, say

if TYPE_CHECKING:
    from snncc import ir
    from snncc.backends.options import Option
    from snncc.backends.target import Summary


KEPT = "snncc.targets"
"""Where a context keeps what targets can be asked for, and click's parameter of each."""


def parameters_of(command: click.Command) -> list[click.Parameter]:
    """All parameters of a command, those of the targets too. (click keeps the help option of the first context.)"""
    return command.get_params(click.Context(command, help_option_names=HELP_OPTIONS))


def in_flags(message: str, commands: click.Group | None = None) -> str:
    """A message of the library with the arguments that it names as options of the commands."""
    if not names.ARGUMENT.search(message):
        return message
    group = commands or click.get_current_context().find_root().command
    known = {option for command in getattr(group, "commands", {}).values() for parameter in parameters_of(command)
             for option in (*parameter.opts, *parameter.secondary_opts)}  # fmt: skip
    return names.in_flags(message, known)


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
            context.meta[KEPT] = {asked: _parameter(asked) for asked in _asked(self.params)}
        *own, last = super().get_params(context)
        return [*own, *context.meta[KEPT].values(), last]


def _asked(own: Sequence[click.Parameter]) -> list[_Asked]:
    """Every target's options; where two disagree on one name, or a command has it, the target's name comes before."""
    from snncc import backends
    from snncc.backends.options import options_of
    from snncc.errors import TargetError

    taken = {flag for parameter in own for flag in parameter.opts}
    found: dict[str, _Asked] = {}
    for name in backends.names():
        try:
            options = options_of(backends.target(name).options)
        except TargetError as error:  # another package's: it must not take the command down
            say(f"warning: {error}")
            continue
        for field, option in options.items():
            flag = names.flag(field)
            known = found.get(flag)
            if flag in taken or (known and known.option != option):
                flag, known = names.flag(f"{name}_{field}"), None
            targets = (*(known.targets if known else ()), name)
            found[flag] = _Asked(flag, field, option, targets)
    return list(found.values())


def _parameter(asked: _Asked) -> click.Option:
    option = asked.option
    repeated = " Can be repeated." if option.kind == "table" else ""
    return click.Option(
        [asked.flag],
        default=None,
        show_default=option.shown or None,
        help=f"{', '.join(asked.targets)}: {names.in_flags(option.help)}.{repeated}",
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
    for asked in click.get_current_context().meta[KEPT]:
        value = given.pop(asked.name)
        if value is None:
            continue
        owners = [name for name in asked.targets if name in requests]
        if not owners:
            raise click.UsageError(f"{asked.flag} is an option of the target {' and '.join(asked.targets)}")
        for name in owners:
            requests[name][asked.field] = value
    return requests


def summaries(network: ir.Network, path: Path, targets: Iterable[str] | None = None) -> dict[str, Summary]:
    """What each target (default: of all) says of a network: of what is in its folder, or of what it would be."""
    from snncc import backends, store
    from snncc.errors import SnnccError

    exported = store.read_targets(path)
    found = {}
    for name in backends.names() if targets is None else targets:
        folder = path / name if (path / name).is_dir() else None
        try:
            summary = backends.target(name).summary(network, folder, exported.get(name))
        except SnnccError as error:
            say(f"warning: {error}")
            continue
        if summary is not None:
            found[name] = summary
    return found


def print_reports(found: Mapping[str, Summary]) -> None:
    """The tables of targets that have some."""
    for summary in (summary for summary in found.values() if summary.tables):
        for table in summary.tables:
            print_table(table.title, table.header, table.rows)
        for line in filter(None, (summary.missed, *summary.lines)):
            click.echo(line)


def fail_where_missed(found: Mapping[str, Summary]) -> None:
    """End the command with status 1 where a goal is missed."""
    if any(summary.missed for summary in found.values()):
        sys.exit(FAILED)
