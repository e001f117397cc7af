"""The group of all commands, in the order of work, and how it ends."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any, NoReturn

import click

from snncc.cli.build import compile_, export
from snncc.cli.exits import FAILED, HELP_OPTIONS, TOOL_MISSING, Commands
from snncc.cli.explore import explore
from snncc.cli.inspect import inspect, targets
from snncc.cli.measure import diagnose, evaluate
from snncc.cli.nir import check, fidelity
from snncc.cli.prove import synth, verify
from snncc.cli.report import report
from snncc.cli.targets import in_flags
from snncc.errors import OUT_OF_MEMORY, SYSTEM, SnnccError, SnnccWarning, ToolMissingError
from snncc.terminal import drop_output, never_refuse, say

HELP = {"help_option_names": HELP_OPTIONS, "max_content_width": 100, "show_default": True}


@click.group(cls=Commands, context_settings=HELP)
@click.version_option(package_name="snncc", prog_name="snncc")
def cli() -> None:
    """Compile trained Keras CNNs into exact integer spiking networks for microcontrollers and FPGAs.

    An error is one message with a code such as [E103]; docs/reference/errors.md says what each code is about.
    """


COMMANDS = (check, compile_, explore, inspect, evaluate, diagnose, fidelity, export, verify, synth, report, targets)

for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line: errors meant for people are one message; snncc/exits.py says which status is what."""

    said: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        if isinstance(message, SnnccWarning) and str(message) not in said:  # once, however many steps meet it
            said.add(str(message))
            say(f"warning: {in_flags(str(message), cli)}")

    warnings.showwarning = show
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up notes are not for our users
    never_refuse()
    try:
        cli()
    except SnnccError as error:
        _fail(in_flags(str(error), cli), error.code, TOOL_MISSING if isinstance(error, ToolMissingError) else FAILED)
    except MemoryError as error:
        _fail(f"there is not enough memory: {error}", OUT_OF_MEMORY)
    except OSError as error:
        drop_output()
        _fail(f"{error.filename or 'the output'}: {error.strerror or error}", SYSTEM)


def _fail(message: str, code: str, status: int = FAILED) -> NoReturn:
    say(f"error: {message} [{code}]")
    sys.exit(status)
