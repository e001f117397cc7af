"""NeuroBench's keys against the figures of the package `neurobench`, of the same networks as PyTorch modules."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from snncc import ir
from snncc.evaluation import evaluate
from tests import networks
from tests import neurobench_golden as golden
from tests.docs.pages import text

EXPECTED: dict[str, dict[str, Any]] = json.loads(golden.EXPECTED.read_text())


@pytest.mark.parametrize(
    ("name", "case"), list(golden.cases()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_key_is_neurobenchs(name: str, case: golden.Case) -> None:
    (found,) = evaluate(case.network, case.pixels, None, [case.timesteps], case.dynamics)
    assert ir.content_hash(case.network) == EXPECTED[name]["hash"], "another network: write the golden file again"
    assert found.neurobench == EXPECTED[name]["metrics"]


def test_the_page_says_how_many_networks() -> None:
    assert f"for {len(golden.NETWORKS)} networks in both dynamics" in text("docs/guide/metrics.md")


def test_every_key_can_differ() -> None:
    """A weight of 0 more and a threshold out of reach, and no key is what it was."""
    name, case = next((name, case) for name, case in golden.cases() if case.dynamics == "step" and case.timesteps > 1)
    first = case.network["first"]
    assert first.theta is not None
    weights = first.projections[0].weights.copy()
    weights[0, 0] = 0
    changed = networks.change_projection(case.network, "first", weights=weights)
    changed = networks.with_intervals(networks.change(changed, "first", theta=first.theta * 1000))
    (found,) = evaluate(changed, case.pixels, None, [case.timesteps], case.dynamics)
    expected = EXPECTED[name]["metrics"]
    assert [key for key in expected if found.neurobench[key] == expected[key]] == []


@pytest.mark.parametrize("name", ["cnn step 5", "relays step 5", "current count 5"])
def test_many_images_are_one_batch(name: str) -> None:
    """The same images forty times: several chunks, the same averages."""
    case = dict(golden.cases())[name]
    pixels = np.tile(case.pixels, (40, *[1] * (case.pixels.ndim - 1)))
    (found,) = evaluate(case.network, pixels, None, [case.timesteps], case.dynamics)
    assert found.neurobench == EXPECTED[name]["metrics"]


def test_one_grey_pixel_makes_all_images_multiply() -> None:
    """64 images of ones, which alone would be accumulated, then 4 of other values: one batch, so all are multiplied."""
    case = dict(golden.cases())["current step 5"]
    ones = np.ones((64, *case.network.input.shape), np.int64)
    alone, grey, both = (
        evaluate(case.network, pixels, None, [5], "step")[0]
        for pixels in (ones, case.pixels, np.concatenate([ones, case.pixels]))
    )
    macs = [found.neurobench["SynapticOperations"]["Effective_MACs"] for found in (alone, grey, both)]
    assert macs[0] == 0
    assert macs[2] == (64 * grey.input_macs_per_image + 4 * macs[1]) / 68
