"""The target `nir`: what the package reads of a written graph runs bit for bit as the network, and comes back equal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

import snncc
from snncc import ir, sim
from snncc.errors import TargetError
from snncc.jobs import Job
from snncc.nir import NirOptions, convert
from snncc.nir.target import FILE, TARGET, FloatRunner
from snncc.sim.encode import to_pixels
from tests.networks import recurrent
from tests.nir.golden import DATA
from tests.nir.graphs import NODES, chain, dyadic, events, neuron, nodes

FLAG = re.compile(r"--(nir-[a-z]+) (\S+)")


def compared(network: ir.Network, x: np.ndarray, folder: Path) -> Path:
    """Write the graph, run it and compare every spike and potential with the simulator's."""
    (folder / "nir").mkdir(parents=True)
    TARGET.emit(network, folder / "nir", {})
    pixels = to_pixels(network.input, ir.as_read(network, x)).astype(np.int64)
    expected = sim.run(network, pixels, network.timesteps, "step", trace=True)
    assert expected.trace
    with FloatRunner().run(Job(folder, network, pixels, network.timesteps), "float64") as found:
        for number, one in enumerate(found):
            for kind in ("spikes", "potentials"):
                seen = getattr(one, kind)
                wanted = getattr(expected.trace, kind)
                assert seen or kind == "spikes"
                for name, values in seen.items():
                    own = wanted[name][:, number].reshape(len(values), -1)
                    np.testing.assert_array_equal(values, own, err_msg=f"{kind} of {name}")
            np.testing.assert_array_equal(one.values, expected.values[number].ravel())
            assert one.class_index == expected.classes[number]
    return folder / "nir" / FILE


@pytest.mark.parametrize("name", [name for name in NODES if name not in ("line", "threshold", "conv same")])
def test_a_written_graph_runs_bit_for_bit(name: str, tmp_path: Path) -> None:
    graph, x = nodes(name)
    compared(convert(graph, x, NirOptions(nir_dialect="sinabs")), x, tmp_path)


def test_more_spikes_than_a_timestep_may_have_wait_in_both(tmp_path: Path) -> None:
    graph, x = nodes("sum pool")
    loud = (x * 60).astype(np.uint8)
    network = convert(graph, loud, NirOptions(nir_dialect="sinabs"))
    trace = sim.run(network, to_pixels(network.input, ir.as_read(network, loud)), 8, "step", trace=True).trace
    assert trace and max(int(values.max()) for name, values in trace.spikes.items() if name == "n1") == 255
    compared(network, loud, tmp_path)


@pytest.mark.parametrize("reset", ["subtract", "subtract-late", "value"])
def test_recurrent_graphs_come_back_as_they_were(reset: Any, tmp_path: Path) -> None:
    r = np.random.default_rng(4)
    x = events(r, 3, 12, 6, most=2)
    back = {"w": nir.Linear(dyadic(r, 5, 5))}.items()
    cells = nir.Affine(dyadic(r, 5, 6), np.ones(5) / 4), neuron("IF", (5,)), nir.Linear(dyadic(r, 4, 5))
    graph = chain((6,), *cells, neuron("IF", (4,)), extra=back, edges=[("n1", "w"), ("w", "n1")])
    options: Any = {"nir_dialect": "spec", "nir_dt": 1.0, "nir_reset": reset, "nir_compare": "above"}
    options["nir_spikes"] = "one"
    network = convert(graph, x, NirOptions(**options))
    path = compared(network, x, tmp_path)
    said = dict(FLAG.findall((tmp_path / "nir" / "README.md").read_text().replace("`", " ")))
    again: Any = {name.replace("-", "_"): float(value) if name == "nir-dt" else value for name, value in said.items()}
    assert again["nir_reset"] == reset
    other = convert(path, x, NirOptions(**again))
    pixels = to_pixels(network.input, x)
    one, two = (sim.run(n, pixels, 12, "step", trace=True).trace for n in (network, other))
    assert one and two
    for name in ("n1", "n3"):
        np.testing.assert_array_equal(one.spikes[name], two.spikes[name])


def test_the_paper_s_network_goes_out_and_a_changed_weight_is_noticed(tmp_path: Path) -> None:
    x = events(np.random.default_rng(1), 1, 6, 2, 34, 34, rate=0.03)
    network = convert(DATA / "cnn_sinabs.nir", x, NirOptions(nir_dialect="sinabs"))
    compared(network, x, tmp_path / "one")
    first, *others = network.populations
    dense = first.projections[0]
    wrong = ir.replace(first, projections=(ir.replace(dense, weights=-dense.weights),))
    changed = ir.proven(ir.replace(network, populations=(wrong, *others)))
    folder = tmp_path / "two"
    (folder / "nir").mkdir(parents=True)
    TARGET.emit(changed, folder / "nir", {})
    pixels = to_pixels(network.input, ir.as_read(network, x)).astype(np.int64)
    with FloatRunner().run(Job(folder, network, pixels, 6), "float64") as found:
        seen = next(iter(found)).spikes["n1"]
    expected = sim.run(network, pixels, 6, "step", trace=True).trace
    assert expected and (seen != expected.spikes["n1"].reshape(6, -1)).any()


def test_what_the_standard_cannot_say_is_refused() -> None:
    r = np.random.default_rng(4)
    x = events(r, 2, 5, 6)
    graph = chain((6,), nir.Linear(dyadic(r, 5, 6)), neuron("LIF", (5,)))
    with pytest.raises(TargetError, match="leaks in integers"):
        TARGET.check(convert(graph, x, NirOptions(nir_dialect="snntorch")), {})
    with pytest.raises(TargetError, match="starts at a potential"):
        TARGET.check(recurrent(), {})
    mixed = convert(chain((6,), nir.Linear(dyadic(r, 5, 6)), neuron("IF", (5,)), nir.Linear(dyadic(r, 4, 5)),
                          neuron("IF", (4,))), x, NirOptions(nir_dialect="sinabs"))  # fmt: skip
    last = mixed.populations[-1]
    other = ir.replace(last, kind=ir.replace(last.kind, most=1))
    with pytest.raises(TargetError, match="these differ"):
        TARGET.check(ir.proven(ir.replace(mixed, populations=(*mixed.populations[:-1], other))), {})


def test_it_is_a_target_like_the_others(tmp_path: Path) -> None:
    graph, x = nodes("threshold")
    network = snncc.convert(graph, x, nir_dialect="sinabs")
    with pytest.raises(TargetError, match="leaks in integers"):
        network.write(tmp_path / "a_snn", ["nir"])
    graph, x = nodes("delay")
    snncc.convert(graph, x, nir_dialect="sinabs").write(tmp_path / "b_snn", ["nir"])
    found = nir.read(tmp_path / "b_snn" / "nir" / FILE).nodes.values()
    assert [node.weight.shape for node in found if isinstance(node, nir.Affine)] == [(5, 6), (4, 5)]
    assert sum(isinstance(node, nir.Delay) for node in found) == 5
