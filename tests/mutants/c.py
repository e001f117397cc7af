"""Mutants of exported C folders: killed by the compiler, a sanitizer, a time limit, `snncc verify` or the self-test."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from snncc import ir
from snncc.backends.vectors import random_pixels
from snncc.verification import verify
from tests.backends.c_folder import compiled
from tests.mutants import text
from tests.mutants.networks import RATE, SIGNED, fed, pooled, residual, single
from tests.mutants.sites import Mutant
from tests.mutants.tree import Tree

NETWORKS: dict[str, tuple[Callable[[], ir.Network], dict[str, Any]]] = {
    "count": (lambda: fed(pooled(source=RATE), gains=True), {}),
    "count, packed, signed": (lambda: pooled(source=SIGNED, signed_bit=4), {"pack": True}),
    "count, sums": (lambda: residual(source=RATE), {}),
    "step, packed": (lambda: fed(residual(source=RATE, signed_bit=4, dynamics="step")), {"pack": True}),
    "step, current": (lambda: residual(source=SIGNED, signed_bit=12, dynamics="step"), {}),
    "one output": (single, {}),
    "one output, step": (lambda: single(dynamics="step"), {}),
}
IMAGES = 6
SECONDS = 30
"""A mutant that runs longer than this, where the original takes a fraction of a second, does not end."""
SECTION = "c"
TESTS = (
    "tests/backends/test_c_host.py",
    "tests/backends/test_c_emit.py::test_a_pixel_out_of_range_gets_a_status",
    "tests/backends/test_c_parity.py::test_the_class_of_one_output_around_zero",
    *("-k", "not notices and not boards and not from_bytes"),
)
"""Tests of what `verify` and the self-test do not reach: quantised features, outputs, heads, statuses."""


def made(network: ir.Network, folder: Path, **options: Any) -> Path:
    """A compiled folder whose vectors are good images; its own path."""
    return compiled(network, folder, pixels=random_pixels(network, IMAGES), **options)


class Bench:
    """The folders, which of them hold which mutant, and a tree for the tests of the rest."""

    kind = "c"

    def __init__(self, work: Path, names: tuple[str, ...] = tuple(NETWORKS), tests: bool = True) -> None:
        self.tree = Tree(work / "tree") if tests else None
        self.holders: dict[str, list[tuple[Path, Mutant]]] = {}
        for name in names:
            make, options = NETWORKS[name]
            folder = made(make(), work / name.replace(", ", "_").replace(" ", "_"), **options)
            for file in sorted((folder / SECTION).rglob("net*.[ch]")):
                if file.name not in ("net_weights.h", "net_vectors.h"):
                    for mutant in text.c(file.name, file.read_text()):
                        self.holders.setdefault(mutant.key, []).append((file, mutant))

    def candidates(self) -> list[Mutant]:
        """One of each key: the same change of the same line, whichever networks have it."""
        return [held[0][1] for held in self.holders.values()]

    def line(self, mutant: Mutant) -> int:
        file, own = self.holders[mutant.key][0]
        return own.line(file.read_text())

    def kill(self, mutant: Mutant) -> str:
        """What noticed the mutant in any network that has the line, or "" ."""
        for file, own in self.holders[mutant.key]:
            with changed(file, own):
                by = self._noticed(file, own.where)
            if by:
                return by
        if self.tree is None or mutant.where or "kernels" in mutant.file:
            return ""
        return "tests" if self.tree.failing(TESTS, self._emitted(mutant)) else ""

    def _emitted(self, mutant: Mutant) -> str:
        """The mutant as what tests/mutants/quick.py puts into every folder that is exported."""
        file, own = self.holders[mutant.key][0]
        text = file.read_text()
        first, last = text.rfind("\n", 0, own.start) + 1, text.find("\n", own.stop)
        after = own.apply(text)
        stop = last + len(after) - len(text)
        return json.dumps([own.file, text[first:last], after[first:stop], mutant.number])

    def _noticed(self, file: Path, where: str) -> str:
        folder = file.parents[1]
        target, variant = ("c-cortex-m4", "-O3") if where == "arm" else ("c-host", "gcc sanitizers")
        steps = ir.load(folder).timesteps - 1  # the longest T is the self-test's
        with patch("snncc.backends.c.run.TIMEOUT", SECONDS):
            (outcome,) = verify(folder, targets=[target], variants=[variant], timesteps=steps).outcomes
        if outcome.status == "not run":
            raise RuntimeError(outcome.reason)
        if outcome.status == "fail":
            return _cause(outcome.reason)
        return "" if "kernels" in file.name or where == "arm" else selftest(folder / SECTION)


def _cause(reason: str) -> str:
    causes = {
        "compiling": "compiler", "more than": "time limit", "runtime error": "sanitizer", "Sanitizer": "sanitizer",
        "failed with": "crash", "status": "crash", "": "mismatch",
    }  # fmt: skip
    return next(cause for said, cause in causes.items() if said in reason)


def selftest(folder: Path) -> str:
    """What the exported self-test says: "" where it passes."""
    try:
        subprocess.run(["make", "-s", "selftest", "CFLAGS=-O0"], cwd=folder, capture_output=True, check=True)
        done = subprocess.run(["./selftest"], cwd=folder, capture_output=True, timeout=SECONDS)
    except subprocess.CalledProcessError:
        return "compiler"
    except subprocess.TimeoutExpired:
        return "time limit"
    finally:
        (folder / "selftest").unlink(missing_ok=True)
    return "self-test" if done.returncode else ""


@contextmanager
def changed(file: Path, mutant: Mutant) -> Iterator[None]:
    """The file with the mutant in it, and then as it was."""
    before = file.read_text()
    file.write_text(mutant.apply(before))
    try:
        yield
    finally:
        file.write_text(before)
