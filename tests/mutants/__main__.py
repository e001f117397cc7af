"""Makes mutants of every kind, runs them, and writes benchmarks/results/mutants.json.

Usage: python -m tests.mutants [c|rtl|python ...] [--count N] [--only KEY] [--again]
Ends with status 1 where a mutant survives that docs/design/mutants.md does not explain.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from tests.mutants import c, python, rtl
from tests.mutants.sites import choose
from tests.mutants.tree import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import bench

BENCHES: dict[str, tuple[Any, int]] = {"c": (c.Bench, 78), "rtl": (rtl.Bench, 72), "python": (python.Bench, 45)}
"""What runs them, and how many."""
SEED = "snncc"


def explained() -> dict[str, str]:
    """Key -> reason, from the tables of docs/design/mutants.md."""
    page = (ROOT / "docs" / "design" / "mutants.md").read_text()
    rows = re.findall(r"^\| `([0-9a-f]{8})` \|.*\| ([^|]+) \|$", page, re.M)
    return dict(rows)


def run(kind: str, count: int, only: tuple[str, ...], last: dict[str, Any]) -> dict[str, Any]:
    """One kind: how many were made, what killed how many, and who survived. `last`: of which the survivors alone."""
    start = time.monotonic()
    killed: Counter[str] = Counter(last.get("killed_by", {}))
    survivors = []
    only = only or tuple(s["key"] for s in last.get("survivors", ()))
    with tempfile.TemporaryDirectory() as work:
        found = BENCHES[kind][0](Path(work))
        candidates = found.candidates()
        chosen = [m for m in candidates if m.key in only] if only or last else choose(candidates, count, SEED)
        for number, mutant in enumerate(chosen):
            began = time.monotonic()
            by = found.kill(mutant)
            fact = {"key": mutant.key, "file": mutant.file, "line": found.line(mutant), "operator": mutant.operator}
            fact |= {"before": mutant.before, "after": mutant.after}
            if by:
                killed[by] += 1
            else:
                survivors.append(fact)
            said = f"{kind} {number + 1}/{len(chosen)} {time.monotonic() - began:5.1f} s  {by or 'SURVIVED':12}"
            print(said, json.dumps(fact, ensure_ascii=False), flush=True)
    return {
        "possible": len(candidates), "made": sum(killed.values()) + len(survivors), "killed": sum(killed.values()),
        "killed_by": dict(killed.most_common()), "survivors": survivors,
        "seconds": round(time.monotonic() - start) + last.get("seconds", 0),
    }  # fmt: skip


def tools() -> dict[str, str]:
    """The first line of what each program says of its version."""
    programs = {"gcc": "--version", "arm-none-eabi-gcc": "--version", "qemu-system-arm": "--version", "iverilog": "-V"}
    said = {p: subprocess.run([p, flag], capture_output=True, text=True).stdout for p, flag in programs.items()}
    return {program: text.splitlines()[0] for program, text in said.items()}


def results() -> dict[str, Any]:
    """The published figures of each kind."""
    file = bench.RESULTS / "mutants.json"
    kinds: dict[str, Any] = json.loads(file.read_text())["kinds"] if file.exists() else {}
    return kinds


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(list(BENCHES)))
@click.option("--count", type=int, help="How many of each kind.")
@click.option("--only", multiple=True, help="These keys alone; nothing is written.")
@click.option("--again", is_flag=True, help="The last run's survivors alone: tests were added since.")
def main(kinds: tuple[str, ...], count: int | None, only: tuple[str, ...], again: bool) -> None:
    """Run the mutants of KINDS (default: all)."""
    reasons = explained()
    unknown = 0
    for kind in kinds or BENCHES:
        figures = run(kind, count or BENCHES[kind][1], only, results()[kind] if again else {})
        unknown += sum(s["key"] not in reasons for s in figures["survivors"])
        if not only:
            known = results() | {kind: figures}
            ordered = {k: known[k] for k in BENCHES if k in known}
            bench.write("mutants", {"seed": SEED, "tools": tools(), "kinds": ordered})
    print(f"{unknown} survivors that docs/design/mutants.md does not explain")
    sys.exit(bool(unknown))


if __name__ == "__main__":
    main()
