"""Exit statuses: what each means, said in every command's help, and the errors that end a command."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from snncc.terminal import drop_output, say

HELP_OPTIONS = ["-h", "--help"]
NO_KERAS = "Keras, TensorFlow or onnx is missing, or cannot be loaded."
FAILED, USAGE, TOOL_MISSING, INTERRUPTED, PIPE_CLOSED = 1, 2, 3, 130, 141


class Command(click.Command):
    """A command whose help ends with an example and its exit statuses.

    `failed`: what besides an error gives status 1. `missing`: which tools it needs, for status 3.
    """

    def __init__(self, *arguments: Any, failed: str = "", missing: str = "", example: str = "", **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.failed, self.missing, self.example = failed, missing, example

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The example, and the statuses of this command."""
        if self.example:
            with formatter.section("Example"):
                formatter.write_text(self.example)
        _write_statuses(formatter, self.failed, self.missing)


class Commands(click.Group):
    """The group of all commands, in the order of work: an interrupt is one line, a closed pipe is silent."""

    command_class = Command

    def list_commands(self, context: click.Context) -> list[str]:
        """As they were added."""
        return list(self.commands)

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The statuses that all commands have; each command's help says what they mean there."""
        _write_statuses(formatter, "What was asked for is not so: see the command's help.", "A tool is missing.")

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _stops():
            return super().make_context(*arguments, **options)

    def invoke(self, context: click.Context) -> Any:
        with _stops():
            return super().invoke(context)


def _write_statuses(formatter: click.HelpFormatter, failed: str, missing: str) -> None:
    rows = [
        ("0", "All went well."),
        (f"{FAILED}", f"{failed} Or an error, which is said." if failed else "An error, which is said."),
        (f"{USAGE}", "Wrong usage: an option that there is not, or a value out of its range."),
        (f"{TOOL_MISSING}", missing),
        (f"{INTERRUPTED}", "It was interrupted."),
        (f"{PIPE_CLOSED}", "What read its output has stopped reading."),
    ]
    with formatter.section("Exit status"):
        formatter.write_dl([row for row in rows if row[1]])


@contextmanager
def _stops() -> Iterator[None]:
    """Before click sees them: it would print an empty line, or nothing, and leave with status 1."""
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt as stop:
        say(" ".join(["interrupted", *map(str, stop.args)]))
        raise click.exceptions.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        drop_output()
        raise click.exceptions.Exit(PIPE_CLOSED) from None
