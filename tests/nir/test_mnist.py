"""784-128-10 of examples/lif_mnist.py: from the graph to integers that count as snnTorch did, and to RTL."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snncc import ir, sim, store
from snncc.nir import NirOptions, convert
from snncc.sim.encode import to_pixels
from snncc.verification import verify

EXAMPLE = Path(__file__).parents[2] / "examples" / "lif_mnist.py"
FEW = 0.001
"""Of all counts of the output, those in which integers may differ from what snnTorch made in float32."""


@pytest.fixture(scope="module")
def example() -> Any:
    spec = importlib.util.spec_from_file_location(EXAMPLE.stem, EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tested(example: Any) -> tuple[np.ndarray, np.ndarray]:
    found: tuple[np.ndarray, np.ndarray] = example.tested()
    return found


def network_of(example: Any, x: np.ndarray, reset: str) -> ir.Network:
    options = NirOptions(nir_dialect="snntorch", nir_reset=reset, signed_bit=example.BITS, input_bits=2)
    return convert(example.GRAPH, x[:100], options)


def test_integers_count_and_choose_as_snntorch_did(example: Any, tested: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = tested
    said = json.loads(example.SAID.read_text(encoding="utf-8"))
    with np.load(example.COUNTS) as data:
        golden = data["counts"]
    assert (golden.argmax(axis=1) == y).mean() == said["accuracy"] and len(y) == said["images"]
    other = {}
    for reset in ("subtract-late", "value"):
        network = network_of(example, x, reset)
        found = sim.run(network, to_pixels(network.input, x), example.TIMESTEPS, "step")
        other[reset] = float((found.values != golden).mean())
        if reset == "subtract-late":
            assert abs((found.classes == y).mean() - said["accuracy"]) <= 0.005
            assert (found.classes != golden.argmax(axis=1)).mean() <= FEW
    assert other["subtract-late"] <= FEW < 0.1 < other["value"]  # another reset is noticed


def test_the_rtl_of_it(example: Any, tested: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    x, _ = tested
    network = network_of(example, x, "subtract-late")
    options = {"max_lanes": 16, "pixels": to_pixels(network.input, x[:1, :2])}
    store.write(network, tmp_path / "m", {"verilog": options})
    (found,) = verify(
        tmp_path / "m", targets=["verilog-icarus"], variants=["plain bench"], x=x[:1], timesteps=2
    ).outcomes
    assert (found.status, found.images) == ("pass", 1)
