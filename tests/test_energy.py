"""The model of energy against sums by hand: per synapse, per value, per timestep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import ir
from snncc.backends.vectors import random_pixels
from snncc.errors import DataError
from snncc.evaluation import evaluate
from snncc.metrics import Energies, load_energies
from snncc.metrics.energy import Prices
from snncc.sim import run as simulated
from snncc.sim.linear import values_of
from tests import networks
from tests.conftest import Digits, Run
from tests.docs.pages import read
from tests.synapses import synapses

APART = Energies(
    name="each apart", picojoules=Prices(add=1e3, multiply_8=1e5, multiply_32=1e7, weight_bit=1e9, potential_bit=1e11)
)
"""Prices so far apart that the digits of a sum say how often each was paid."""


def modelled(network: ir.Network, pixels: np.ndarray, t: int, dynamics: ir.Dynamics, table: Energies = APART) -> Any:
    (found,) = evaluate(network, pixels, None, [t], dynamics, energies=table)
    return found.energy_model


def test_one_dense_layer_and_a_readout() -> None:
    """Pixels 3 and 1 of 2 bits, T = 4 (docs/contract.md, 4): 4 + 1 spikes in, and 2 out in `step`, 3 in `count`."""
    neuron = networks.population(
        "neuron", (1,), ir.Dense(name="a", source=ir.Source("input"), weights=np.array([[-1], [7]], np.int8), shift=1),
        theta=4, bias=1, v0=2,
    )  # fmt: skip
    readout = networks.population(
        "out", (2,), ir.Dense(name="b", source=ir.Source("neuron"), weights=np.array([[5, 0]], np.int8)), theta=None
    )
    network = networks.network(
        neuron, readout, shape=(2,), source={"bits": 2}, timesteps=4, signed_bit=4, dynamics="step"
    )
    # the proved intervals: `step` of the neuron -8..51 (7 bits), `count` -8..62 (7); of the readout 0..20 (6)
    pixels = np.array([[3, 1]])
    step = modelled(network, pixels, 4, "step")["nanojoules_per_image"]
    assert step["synapses"] == (5 + 2) * 1 + (5 + 2) * 4 * 1e6 + (5 * 2 * 7 + 2 * 2 * 6) * 1e8
    assert step["neurons"] == 4 * (2 * 1 + 2 * 7 * 1e8)
    count = modelled(network, pixels, 4, "count")["nanojoules_per_image"]  # values 4, 1 and 3, one multiplication each
    assert count["synapses"] == (2 + 1) * (1 + 1e2 + 4 * 1e6) + (2 * 2 * 7 + 2 * 6) * 1e8
    assert count["neurons"] == 2 * 1 + 2 * 7 * 1e8
    assert count["total"] == count["synapses"] + count["neurons"]


def by_hand(network: ir.Network, pixels: np.ndarray, timesteps: int, dynamics: ir.Dynamics) -> float:
    """Nanojoules per image, value by value."""
    result = simulated(network, pixels, timesteps, dynamics, trace=True)
    passes = 1 if dynamics == "count" else timesteps + network.spike_ext
    spikes = result.trace.spikes if result.trace else {}
    current = network.input.encoding == "current"
    price, shapes = APART.picojoules, ir.population_shapes(network)
    picojoules = 0.0
    for population in network.populations:
        access = 2 * ir.bits_needed(network.intervals[dynamics][population.name]) * price.potential_bit
        for q in population.projections:
            read = {name: n[None] for name, n in result.counts.items()} if dynamics == "count" else dict(spikes)
            constant = current and ir.sources(q.source) == ["input"]
            if constant:
                read["input"] = pixels[None] * (timesteps if dynamics == "count" else 1)
            pool = isinstance(q, ir.SumPool2D)
            each = price.add + access + (0 if pool else network.signed_bit * price.weight_bit)
            names = ir.sources(q.source)
            graded = dynamics == "count" or constant or any(n != "input" and network[n].relay for n in names)
            if graded and not pool:
                low, high = ir.source_range(network, q.source, dynamics)
                small = network.signed_bit <= 8 and (0 <= low <= high < 256 or -128 <= low <= high < 128)
                each += price.multiply_8 if small else price.multiply_32
            fan = synapses(q, ir.view_shape(q.source, shapes), population.shape)
            for t in range(1 if constant else passes):
                values = values_of(q.source, {name: read[name][t] for name in names})
                picojoules += each * sum(int(np.count_nonzero(values[:, *place])) * n for place, n in fan.items())
        if population.fires:
            picojoules += len(pixels) * passes * population.neurons * (2 * price.add + access)
    return picojoules / 1000 / len(pixels)


@pytest.mark.parametrize(
    ("network", "dynamics"),
    [
        (networks.every_kind(), "count"),
        (networks.shortcuts(), "step"),
        (networks.mixed_conv("step"), "step"),
        (networks.separable(), "step"),
        (networks.shortcuts(signed_bit=12), "count"),
    ],
    ids=["every kind, count", "spikes, step", "current, step", "relays, step", "wide, count"],
)
def test_any_network(network: ir.Network, dynamics: ir.Dynamics) -> None:
    pixels = random_pixels(network, 2)
    found = modelled(network, pixels, 5, dynamics)
    assert found["nanojoules_per_image"]["total"] == pytest.approx(by_hand(network, pixels, 5, dynamics), rel=1e-12)


def test_the_page_has_the_built_in_table() -> None:
    table = load_energies().picojoules
    rows = {key.strip("`"): float(price) for key, price, *_ in read("docs/guide/metrics.md").table("operation")}
    assert rows == {key: getattr(table, key) for key in table.__struct_fields__}


def test_a_float_twin_has_none(digits: Digits) -> None:
    twin = snncc.convert(digits.model, digits.x, signed_bit=0, timesteps=4, calibrate="none")
    (found,) = snncc.evaluate(twin, digits.x[:2])
    assert found.energy_model is None
    assert found.neurobench["Footprint"] > 0


def test_the_command_line(run: Run, digits: Digits, tmp_path: Path) -> None:
    code, out, _ = run("evaluate", digits.folder, digits.data, "-T", 4, "-T", 16)
    assert code == 0
    assert out.count("energy (model): ") == 2 and "T = 16, count (45 nm, Horowitz 2014)" in out
    text = "name = 'mine'\n[picojoules]\nadd = 2000\nmultiply_8 = 0\nmultiply_32 = 0\nweight_bit = 0\npotential_bit = 0"
    (tmp_path / "mine.toml").write_text(text)
    one, two = json.loads(
        run("evaluate", digits.folder, digits.data, "-T", 4, "-T", 16, "--energy", tmp_path / "mine.toml", "--json")[1]
    )
    neurons = 6 * 6 * 3 + 3 * 3 * 3
    assert one["energy_model"]["table"] == "mine"
    assert one["energy_model"]["nanojoules_per_image"]["neurons"] == 4 * neurons
    counted = two["neurobench"]["SynapticOperations"]
    assert two["energy_model"]["nanojoules_per_image"]["synapses"] > 2 * counted["Effective_MACs"] > 0
    assert list(one["neurobench"]) == [
        "Footprint", "ConnectionSparsity", "ActivationSparsity", "SynapticOperations", "MembraneUpdates",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 1", "Expected `str`"),
        ("name = 'x'\n[picojoules]\nadd = -1", ">= 0"),
        ("name = 'x'\n[picojoules]\nadd = 1", "missing required field `multiply_8`"),
        ("name = 'x'\nmore = 1\n[picojoules]", "unknown field `more`"),
        ("name = 'x'\n[picojoules]\nadd = nan", "Expected `float`"),
        ("name = 'x'\n[picojoules]\nadd = inf", "Expected `float`"),
        ("[", "Invalid"),
        (b"\xff", "utf-8"),
        (None, "No such file"),
    ],
)
def test_a_table_that_is_none(tmp_path: Path, text: str | bytes | None, message: str) -> None:
    path = tmp_path / "table.toml"
    if text is not None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(DataError, match="looks like") as error:
        load_energies(path)
    assert message in str(error.value) and str(path) in str(error.value)
