"""The model of instructions on a Cortex-M4: against QEMU, and that it knows every loop."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import snncc
from snncc import ir, sim
from snncc.backends.c import instructions
from snncc.backends.c.activity import activity
from snncc.backends.c.loops import loops
from snncc.backends.c.plan import plan
from snncc.backends.vectors import golden_pixels
from snncc.sim.linear import values_of
from tests.backends.c_variants import NETWORKS
from tests.keras_models import L, keras, randomised
from tests.networks import grown, max_pooled, separable, shortcuts

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize("options", [{"dynamics": "count", "signed_bit": 4}, {"dynamics": "step", "signed_bit": 8}])
def test_the_model_is_as_near_to_qemu_as_it_says(options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a network that it was not fitted to."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from c_bench import measure

    pixels = keras.Input((14, 14, 1))
    x = L.AveragePooling2D(2)(L.Conv2D(8, 3, activation="relu")(pixels))
    x = L.MaxPooling2D(2)(L.Conv2D(10, 3, activation="relu", padding="same")(x))
    model = randomised(keras.Model(pixels, L.Dense(10)(L.Flatten()(x))))
    x = np.random.default_rng(0).random((20, 14, 14, 1)).astype(np.float32)
    network = snncc.convert(model, x, timesteps=8, encoding="rate", calibrate="none", **options)
    images, pack = network.pixels(x[:2]).astype(np.int64), options["signed_bit"] == 4
    measured = measure(network.ir, images, levels=("-O3",), pack=pack)["-O3"]["instructions"]
    off = abs(instructions.estimate(network.ir, images, pack=pack) / measured - 1)
    assert 100 * off <= instructions.model().error["most"]


EVERY = NETWORKS | {
    f"{make.__name__} {dynamics}": (make(dynamics=dynamics), {})
    for make in (max_pooled, shortcuts, separable, grown) for dynamics in ir.DYNAMICS
}  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_every_loop_has_a_cost(name: str) -> None:
    network, options = EVERY[name]
    program = plan(network, "net", bool(options.get("pack")))
    found = loops(program, activity(program, golden_pixels(network, None)))
    each = instructions.model().each
    assert found and all(math.isfinite(n) and n > 0 for n in found.values())
    assert not [loop for loop in found if loop not in each and loop.split(",")[0] not in each]


@pytest.mark.parametrize("make", [max_pooled, grown])
def test_the_spikes_of_views_are_the_simulators(make: Callable[..., ir.Network]) -> None:
    """Each population reads as many as the simulator says: maxima of counts, elements as blocks."""
    network = make(dynamics="step")
    program, images = plan(network, "net"), golden_pixels(network, None)
    counts = sim.run(network, images, network.timesteps, "step").counts
    found = activity(program, images).spikes
    scans = [scan for stage in program.stages for scan in stage.scans if not scan.relays]
    for scan in scans:
        assert np.array_equal(found[scan.name], counts[scan.name].reshape(len(images), -1).mean(axis=0))
    for population, wiring in zip(network.populations, program.wirings, strict=True):
        read = sum(values_of(projection.source, counts).sum() for projection in population.projections)
        assert sum(found[edge.base].sum() for edge in wiring.edges) * len(images) == pytest.approx(read, abs=1e-6)
    assert {view.name for view in program.passing} <= found.keys()


def test_the_stated_error_is_the_measured_one() -> None:
    results = json.loads((BENCHMARKS / "results" / "c_instructions.json").read_text())
    rows = results["unseen"]
    off = np.abs(np.array([row["model"] / row["instructions"] for row in rows]) - 1) * 100
    error = instructions.model().error
    assert (round(float(np.median(off)), 2), round(float(off.max()), 2)) == (error["median"], error["most"])
    assert len({row["network"] for row in rows}) == error["networks"]
