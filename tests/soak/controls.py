"""Inputs that misbehave, one way each: the control that shows that the driver notices."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
from pathlib import Path

import numpy as np

from snncc.errors import DataError
from tests.soak.array_inputs import Canary


class Controls:
    """The kind `controls`: `WAYS` in turn. The last way is no misbehaviour."""

    def __init__(self, scratch: Path) -> None:
        self.scratch, self.turn = scratch, 0

    def attempt(self, dice: random.Random) -> str:
        """Misbehave as the number says."""
        number = int((self.scratch / "number").read_text())
        WAYS[number](self.scratch)
        return "accepted"

    def tidy(self) -> None:
        """Between inputs."""


def foreign(scratch: Path) -> None:
    raise KeyError("foreign")


def obeyed(scratch: Path) -> None:
    raise DataError("")


def outside(scratch: Path) -> None:
    (scratch.parent / "snncc-fuzz-outside").write_text("x")


def program(scratch: Path) -> None:
    subprocess.run(["true"], check=True)


def unpickled(scratch: Path) -> None:
    pickle.loads(pickle.dumps(Canary()))  # noqa: S301


def left_behind(scratch: Path) -> None:
    (scratch / "left").write_text("x")


def memory(scratch: Path) -> None:
    np.ones(2**31, np.uint8)


def crash(scratch: Path) -> None:
    os.abort()


def hang(scratch: Path) -> None:
    while True:
        pass


def good(scratch: Path) -> None:
    pass


WAYS = (foreign, obeyed, outside, program, unpickled, left_behind, memory, crash, hang, good)
SAID = (
    "KeyError", "a message that is none", "snncc-fuzz-outside", "subprocess.Popen", "pickle.find_class", "left behind",
    "MemoryError", "SIGABRT", "SIGPROF",
)  # fmt: skip
"""What a finding of each way says."""
