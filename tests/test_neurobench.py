"""NeuroBench's keys against the figures of the package `neurobench`, of the same networks as PyTorch modules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from snncc import ir
from snncc.evaluation import evaluate
from tests import neurobench_golden as golden

EXPECTED: dict[str, dict[str, Any]] = json.loads(golden.EXPECTED.read_text())


@pytest.mark.parametrize(
    ("name", "case"), list(golden.cases()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_key_is_neurobenchs(name: str, case: golden.Case) -> None:
    (found,) = evaluate(case.network, case.pixels, None, [case.timesteps], case.dynamics)
    assert ir.content_hash(case.network) == EXPECTED[name]["hash"], "another network: write the golden file again"
    assert found.neurobench == EXPECTED[name]["metrics"]
