"""Mutants of exported C folders: killed by the compiler, a sanitizer, a time limit, `snncc verify` or the self-test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from snncc import ir
from snncc.backends.vectors import random_pixels
from snncc.verify import verify
from snncc.verify.c import STRICT
from tests.backends.c_folder import compiled
from tests.mutants import text
from tests.mutants.networks import RATE, SIGNED, pooled, residual, single
from tests.mutants.sites import Mutant

NETWORKS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "count": (pooled, {"source": RATE}, {}),
    "count, packed, signed": (pooled, {"source": SIGNED, "signed_bit": 4}, {"pack": True}),
    "count, sums": (residual, {"source": RATE}, {}),
    "step, packed": (residual, {"source": RATE, "signed_bit": 4, "dynamics": "step"}, {"pack": True}),
    "step, current": (residual, {"source": SIGNED, "signed_bit": 12, "dynamics": "step"}, {}),
    "one output": (single, {}, {}),
    "one output, step": (single, {"dynamics": "step"}, {}),
}
IMAGES = 6
SECONDS = 30
"""A mutant that runs longer than this, where the original takes a fraction of a second, does not end."""
SECTION = "c"


def made(network: ir.Network, folder: Path, **options: Any) -> Path:
    """A compiled folder whose vectors are good images; its own path."""
    return compiled(network, folder, pixels=random_pixels(network, IMAGES), **options)


class Bench:
    """The folders, and which of them hold which mutant."""

    kind = "c"

    def __init__(self, work: Path, names: tuple[str, ...] = tuple(NETWORKS)) -> None:
        self.folders = {}
        self.holders: dict[str, list[tuple[Path, Mutant]]] = {}
        for name in names:
            make, changes, options = NETWORKS[name]
            folder = made(make(**changes), work / name.replace(", ", "_").replace(" ", "_"), **options)
            self.folders[name] = folder
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
                by = self._noticed(next(p for p in file.parents if p.name == SECTION).parent, own.where)
            if by:
                return by
        return ""

    def _noticed(self, folder: Path, where: str) -> str:
        target, variant = ("c-cortex-m4", "-O3") if where == "arm" else ("c-host", "gcc sanitizers")
        steps = ir.load(folder).timesteps - 1  # the longest T is the self-test's
        with patch("snncc.verify.c.TIMEOUT", SECONDS):
            (outcome,) = verify(folder, targets=[target], variants=[variant], timesteps=steps).outcomes
        if outcome.status == "not run":
            raise RuntimeError(outcome.reason)
        if outcome.status == "fail":
            return _cause(outcome.reason)
        return "" if where == "arm" else selftest(folder / SECTION)


def _cause(reason: str) -> str:
    causes = {
        "compiling": "compiler", "more than": "time limit", "runtime error": "sanitizer", "Sanitizer": "sanitizer",
        "status": "crash", "": "mismatch",
    }  # fmt: skip
    return next(cause for said, cause in causes.items() if said in reason)


def selftest(folder: Path) -> str:
    """What the exported self-test says: "" where it passes."""
    sources = [str(p.relative_to(folder)) for p in sorted(folder.rglob("*.c")) if p.parent.name != "port"]
    build = ["gcc", "-O0", *STRICT, "-I", ".", *sources, "-o", "selftest"]
    if subprocess.run(build, cwd=folder, capture_output=True).returncode:
        return "compiler"
    try:
        done = subprocess.run(["./selftest"], cwd=folder, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return "time limit"
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
