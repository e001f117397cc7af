"""Runs a vendor's Tcl script on stubs that record every call and know no other command."""

from __future__ import annotations

import subprocess
from pathlib import Path

STUB = """
foreach name {%s} {
    proc $name args [string map [list NAME $name] {
        puts stderr [join [list NAME {*}$args] \\x1f]
        return [expr {"NAME" eq "get_property" ? "%s" : "<NAME $args>"}]
    }]
}
source {%s}
"""


def calls(script: Path, commands: tuple[str, ...], progress: str = "100%") -> list[list[str]]:
    """Every call of one of `commands`, in order, as words; an unknown command is an error."""
    stub = STUB % (" ".join(commands), progress, script.name)
    done = subprocess.run(["tclsh"], input=stub + "\nputs done\n", cwd=script.parent, capture_output=True, text=True,
                          check=False)  # fmt: skip
    recorded = [line.split("\x1f") for line in done.stderr.splitlines()]
    if done.stdout != "done\n" or any(words[0] not in commands for words in recorded):
        raise AssertionError(done.stderr)
    return recorded
