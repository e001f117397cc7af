"""`snncc --help` and the help of every command, as it stands in tests/golden/help (100 columns wide)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from snncc.cli import cli

GOLDEN = Path(__file__).parents[1] / "golden" / "help"
COMMANDS = ["snncc", *sorted(cli.commands)]


def shown(name: str) -> str:
    """What the help of a command prints, at a fixed width."""
    arguments = ["--help"] if name == "snncc" else [name, "--help"]
    done = CliRunner().invoke(cli, arguments, prog_name="snncc", terminal_width=100)
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_what_the_snapshot_says(name: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("SNNCC_REFRESH"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown(name), encoding="utf-8")
    wanted = path.read_text(encoding="utf-8") if path.exists() else ""
    assert shown(name) == wanted, f"the help of {name} changed; if it should, run `make golden` and commit {path.name}"


def test_there_is_no_snapshot_of_a_command_that_is_gone() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(COMMANDS)
    assert shown("inspect") != shown("export"), "the snapshots tell commands apart"
