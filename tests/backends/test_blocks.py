"""The blocks of real architectures, from Keras to the last integer: C and RTL in both dynamics, and no more weights.

The sizes are tiny; what keras.applications builds of them is counted in tests/lower/test_applications.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import ir, store
from tests.keras_models import BLOCKS, build, samples

T = 5


def compiled(name: str, dynamics: ir.Dynamics) -> tuple[snncc.Network, Any]:
    model, x = build(name), samples(name)
    return snncc.convert(model, x, timesteps=T, dynamics=dynamics, encoding="current", name="net"), x


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("name", BLOCKS)
def test_c_and_rtl_compute_the_same(name: str, dynamics: ir.Dynamics, tmp_path: Path) -> None:
    network, x = compiled(name, dynamics)
    store.write(network.ir, tmp_path / "m", {"c": {}, "verilog": {"max_lanes": 4}})
    runners, variants = ["c-host", "verilog-icarus"], ["gcc sanitizers", "plain bench"]
    report = snncc.verify(tmp_path / "m", x=x[:2], targets=runners, variants=variants)
    assert [o.status for o in report.outcomes] == ["pass"] * 2, report.sentence


@pytest.mark.parametrize("name", BLOCKS)
def test_no_more_weights_than_parameters(name: str) -> None:
    network, _ = compiled(name, "count")
    weights = sum(np.size(getattr(q, "weights", ())) for p in network.ir.populations for q in p.projections)
    assert weights <= 1.05 * build(name).count_params()
