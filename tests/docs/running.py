"""How the blocks of a page are run."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from snncc import cli
from snncc.backends.verilog.run import UNCONFIGURED, verilator
from tests.docs.pages import Fence, Page, shell_lines

FILE = re.compile(r"(?:# (\S+\.py)|/\* (\S+\.c) \*/)\n")  # the first line of a block that is a file
C_FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror")


def run_page(
    page: Page, names: dict[str, Any], prefix: str = "", exported: Path = Path(), framed: Path = Path()
) -> str:
    """Run a page's blocks in their order in the current folder; what they printed.

    Python runs in the one namespace `names`; `snncc` lines must end with status 0, or N where the comment says
    `status N`; C is compiled against the folder `exported`, as a part of a function where it is not a whole file, with
    `prefix` for NAME; what takes frame by frame against the folder `framed`.
    A block whose first line names a file is saved there instead, and runs when a line says so. Text
    right after a block of commands is what these print.
    """
    said, printed_here, end = io.StringIO(), "", 0
    for fence in page.fences:
        file = FILE.match(fence.text)
        if file:
            Path(file[1] or file[2]).write_text(fence.text, encoding="utf-8")
        elif fence.language == "python":
            with contextlib.redirect_stdout(said):
                exec(compile("\n" * fence.line + fence.text, "<page>", "exec"), names)  # noqa: S102 (it is the test)
        elif fence.language == "c":
            compile_c(fence, framed if "NAME_step" in fence.text else exported, prefix)
        elif fence.language == "text" and fence.line <= end + 2:
            assert not_printed(fence, printed_here) == []
        elif fence.language == "sh":
            printed_here, end = "", fence.line + fence.text.count("\n") + 1
            for line, comment in shell_lines(fence):
                wanted = re.search(r"status (\d)", comment)
                status, printed = run_line(line, exported)
                assert status == (int(wanted[1]) if wanted else 0), f"line {fence.line}: {line}\n{printed}"
                printed_here += printed
            said.write(printed_here)
    return said.getvalue()


def not_printed(fence: Fence, printed: str) -> list[str]:
    """The lines of a block that nothing printed is like, whatever the figures; `...` stands for anything."""
    return [line for line in fence.text.splitlines() if not re.search(_like(line.strip()), printed)]


def _like(line: str) -> str:
    parts = re.split(r"(\.{3}|[a-f]*\d[a-f\d.,]*)", line)
    words = [r"\s+".join(map(re.escape, re.split(r"\s+", part))) for part in parts]
    words[1::2] = [".*" if part == "..." else r"[a-f\d.,]+" for part in parts[1::2]]
    return "".join(words)


def run_line(line: str, exported: Path) -> tuple[int, str]:
    """(status, output) of one command line: `snncc` in this process, make and simulators in an exported folder.

    Targets of the project's own Makefile are not run (test_pages.py looks whether they exist).
    """
    tool = line.lstrip("(").split()[0]
    if tool == "snncc":
        return snncc(*shlex.split(line)[1:])
    if tool == "make" and " -C " not in line and not (exported / "Makefile").is_file():
        return 0, ""
    assert tool in ("make", "iverilog", "verilator", "python", "cd"), f"{line!r} is no command that this test can run"
    line = line.replace("verilator --binary", f"verilator --binary {shlex.join(UNCONFIGURED)}")
    environment = verilator()[1] if tool == "verilator" else {**os.environ}
    if tool == "python":
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=exported, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def snncc(*arguments: str) -> tuple[int, str]:
    """(status, output) of the command line in this process."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["snncc", *arguments])
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), pytest.raises(SystemExit) as left:
            cli.main()
    return int(left.value.code or 0), said.getvalue()


def compile_c(fence: Fence, folder: Path, prefix: str) -> None:
    """Compile a block: a file of its own if it includes something, else lines of a function that has an image."""
    source = fence.text
    if "#include" not in source:
        head = "void page(const NAME_pixel_t *image);\nvoid page(const NAME_pixel_t *image)\n{\n"
        source = f'#include "{prefix}.h"\n{head}{source}(void)s;\n}}\n'
        source = re.sub(r"NAME(?=_[A-Z])(?!_\w+_t\b)", prefix.upper(), source).replace("NAME", prefix)
    command = ["cc", *C_FLAGS, "-fsyntax-only", f"-I{folder}", "-xc", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"line {fence.line}: {done.stderr}"
