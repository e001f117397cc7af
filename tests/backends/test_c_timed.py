"""Leaky neurons, late sources and frames in C against the simulator: every spike, potential and value."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests import networks, strategies
from tests.backends.c_folder import agree, compiled
from tests.strategies import Case
from tests.support import examples


def check(case: Case, pack: bool, variant: str, runner: object = None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = compiled(case.network, Path(name) / "net", pack=pack, pixels=whole(case))
        agree(folder, case.network, case.pixels, case.timesteps, variant, runner)


def whole(case: Case) -> np.ndarray | None:
    return case.pixels if len(case.pixels) else None


EXT = st.sampled_from([0, 0, 1, 3])


@examples(40)
@given(strategies.timed_cases(spike_ext=EXT), st.booleans())
def test_step(case: Case, pack: bool) -> None:
    check(case, pack, "gcc -O0")
