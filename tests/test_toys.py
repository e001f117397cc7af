"""The toys of docs/adding.md: a neuron and a projection, each added to a copy of snncc and run there.

`tests/examples/NAME.patch` is the whole change, `tests/examples/NAME.py` the program that uses it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples import EXAMPLES, touched

ROOT = Path(__file__).parents[1]
ADDING = (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")
TOYS = ("capped", "upsample")


def patched(toy: str, folder: Path) -> Path:
    """A copy of the package with the toy in it."""
    tree = folder / "tree"
    for part in ("snncc", "templates", "hw_sim"):
        shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "apply", EXAMPLES / f"{toy}.patch"], cwd=tree, check=True)
    return tree


def run(toy: str, tree: Path) -> subprocess.CompletedProcess[str]:
    """The toy's program in an empty folder beside the copy."""
    place = tree.parent / "place"
    place.mkdir()
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, EXAMPLES / f"{toy}.py"]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("toy", TOYS)
def test_a_toy_is_the_same_integers_everywhere(toy: str, tmp_path: Path) -> None:
    done = run(toy, patched(toy, tmp_path))
    assert done.returncode == 0, done.stderr


WRONG = {
    "cap": ("capped", "snncc/neurons/capped.py", "potential, self.cap)", "potential, self.cap + 1)", "hidden of image"),
    "interval": ("capped", "snncc/neurons/capped.py", "self.cap + high", "0 * high", "AssertionError: hidden"),
    "cap in C": ("capped", "templates/c/scan.c.j2", "{% if scan.cap %}", "{% if false %}", "verified(place).status"),
    "refusal": ("capped", "snncc/ir/capabilities.py", '"capped in count": "{', '"capped in": "{', "nothing refused"),
    "order": ("upsample", "snncc/sim/linear.py", "axis=2), scale", "axis=2)[:, ::-1], scale", "large in count"),
    "map in TensorFlow": ("upsample", "snncc/lower/tune/tensors.py", "axis=2) * w", "axis=2)[:, ::-1] * w", "linear("),
    "refusal too": ("upsample", "snncc/backends/verilog/target.py", '"upsample2d": "{', '"up": "{', "'b' upsamples"),
}


@pytest.mark.parametrize(("toy", "file", "right", "wrong", "noticed"), WRONG.values(), ids=WRONG)
def test_a_wrong_toy_is_noticed(toy: str, file: str, right: str, wrong: str, noticed: str, tmp_path: Path) -> None:
    tree = patched(toy, tmp_path)
    text = (tree / file).read_text(encoding="utf-8")
    assert right in text
    (tree / file).write_text(text.replace(right, wrong), encoding="utf-8")
    done = run(toy, tree)
    assert done.returncode == 1 and noticed in done.stderr, done.stderr


@pytest.mark.parametrize("toy", ["capped", "upsample", "plain_frontend", "plain_target"])
def test_the_page_says_how_much_a_toy_is(toy: str) -> None:
    found = re.search(rf"\| [^|]*`tests/examples/{toy}(?:\.patch)?` \| (\d+) \| (\d+) \|", ADDING)
    assert found, toy
    assert [int(number) for number in found.groups()] == [len(touched(toy)), sum(touched(toy).values())]


def listed(begin: str, end: str, toy: str) -> set[str]:
    """The files of the package and its templates that a part of the page lists, in items."""
    part = ADDING.partition(begin)[2].partition(end)[0]
    items = "\n".join(re.findall(r"^(?:-|\d\.) (.*)$", part, re.MULTILINE))
    return {path.replace("<name>", toy) for path in re.findall(r"`((?:snncc|templates)/[^`]*\.(?:py|j2))`", items)}


@pytest.mark.parametrize(
    ("toy", "begin", "end"),
    [("capped", "## A kind of neurons", "\n## "), ("upsample", "**3. ", "Where the toy stops")],
)
def test_the_page_lists_the_files_of_a_toy(toy: str, begin: str, end: str) -> None:
    assert listed(begin, end, toy) == set(touched(toy))
