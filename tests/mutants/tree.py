"""A copy of the tree in which a mutant is put into place and the project's own tests run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.quick import VARIABLE
from tests.mutants.sites import Mutant

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("snncc", "templates", "hw_sim", "tests", "examples", "pyproject.toml")
SECONDS = 300


class Tree:
    """The copy in `folder`; one mutant at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in PARTS:
            skip = shutil.ignore_patterns("__pycache__")
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=skip)
            else:
                shutil.copyfile(ROOT / part, folder / part)

    def kill(self, path: str, mutant: Mutant, tests: Sequence[str]) -> str:
        """The test that fails with the mutant in the file at `path`; "" where all pass."""
        file = self.folder / path
        before = file.read_text()
        file.write_text(mutant.apply(before))
        try:
            return self.failing(tests)
        finally:
            file.write_text(before)

    def failing(self, tests: Sequence[str], emitted: str = "") -> str:
        """The first test that fails here, "time limit", or "" . `emitted`: see tests/mutants/quick.py."""
        command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-n0", "-p", "tests.mutants.quick"]
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1", VARIABLE: emitted}
        try:
            done = subprocess.run(
                [*command, *tests], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            return "time limit"
        if done.returncode not in (0, 1, 2):  # nothing collected, a wrong option: the harness is at fault
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return "" if done.returncode == 0 else (failed or ["import"])[0]
