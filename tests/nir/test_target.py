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
from snncc.frontend import nir as frontend
from snncc.jobs import Job
from snncc.nir import NirOptions, convert, twin
from snncc.nir.dialects import Asked, settle
from snncc.nir.target import FILE, TARGET, FloatRunner
from snncc.nir.written import Graph
from snncc.sim.encode import to_pixels
from snncc.verification import verify
from tests.networks import change_kinds, network, population, recurrent, weights
from tests.nir.golden import DATA
from tests.nir.graphs import NODES, chain, dyadic, events, neuron, nodes

FLAG = re.compile(r"--(nir-[a-z]+) (\S+)")


def compared(made: ir.Network, x: np.ndarray, folder: Path) -> Path:
    """Write the graph, run it and compare every spike and potential with the simulator's."""
    (folder / "nir").mkdir(parents=True)
    TARGET.emit(made, folder / "nir", {})
    pixels = to_pixels(made.input, ir.as_read(made, x)).astype(np.int64)
    expected = sim.run(made, pixels, made.timesteps, "step", trace=True)
    assert expected.trace
    with FloatRunner().run(Job(folder, made, pixels, made.timesteps), "float64") as found:
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


@pytest.mark.parametrize("name", [name for name in NODES if name not in ("line", "conv same")])
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
    with pytest.raises(TargetError, match="its current a timestep late"):
        TARGET.check(
            with_no_start(change_kinds(recurrent(), amount=800, most=1, lowest=-(2**62), late_current=True)),
            {"leaks": "real"},
        )
    uneven = {"pads": (0, 1, 0, 1), "dilation": (2, 2)}
    dilated = ir.Conv2D(name="a", source=ir.Source("input"), weights=weights(1, 2, 2, 2, 3), **uneven)
    for projection, bias, match in (
        (dilated, 0, "differs between two sides by 1, which is no multiple of the dilation 2"),
        (ir.Identity(name="a", source=ir.Source("input"), weights=weights(1, 2)), 3, "stands at no dense"),
    ):
        shape = (5, 5, 3) if projection is dilated else (6, 6, 2)
        with pytest.raises(TargetError, match=match):
            TARGET.check(images(population("one", shape, projection, theta=500, bias=bias)), {})
    mixed = convert(chain((6,), nir.Linear(dyadic(r, 5, 6)), neuron("IF", (5,)), nir.Linear(dyadic(r, 4, 5)),
                          neuron("IF", (4,))), x, NirOptions(nir_dialect="sinabs"))  # fmt: skip
    last = mixed.populations[-1]
    other = ir.replace(last, kind=ir.replace(last.kind, most=1))
    with pytest.raises(TargetError, match="these differ"):
        TARGET.check(ir.proven(ir.replace(mixed, populations=(*mixed.populations[:-1], other))), {})


def test_it_is_a_target_like_the_others(tmp_path: Path) -> None:
    graph, x = nodes("delay")
    snncc.convert(graph, x, nir_dialect="sinabs").write(tmp_path / "b_snn", ["nir"])
    found = nir.read(tmp_path / "b_snn" / "nir" / FILE).nodes.values()
    assert [node.weight.shape for node in found if isinstance(node, nir.Affine)] == [(5, 6), (4, 5)]
    assert sum(isinstance(node, nir.Delay) for node in found) == 5


def images(*populations: ir.Population, name: str = "out") -> ir.Network:
    """Populations on images of 6x6x2 as a current, and a readout of potentials behind the last."""
    size = int(np.prod(populations[-1].shape))
    flat = ir.Reshape(ir.Source(populations[-1].name), (size,))
    last = population(name, (3,), ir.Dense(name="o", source=flat, weights=weights(9, size, 3)), theta=None)
    source = {"encoding": "current", "bits": 4}
    return network(*populations, last, shape=(6, 6, 2), source=source, dynamics="step", timesteps=8)


def with_no_start(made: ir.Network) -> ir.Network:
    """The network with every potential 0 at first."""
    still = tuple(ir.replace(p, v0=np.array(0)) for p in made.populations)
    return ir.proven(ir.replace(made, populations=still, intervals={}))


@pytest.mark.parametrize(("pads", "dilation", "padding"), [
    ((0, 1, 0, 1), (1, 1), (1, 1)), ((2, 0, 1, 0), (1, 1), (2, 1)), ((0, 2, 1, 1), (2, 1), (2, 1)),
])  # fmt: skip
@pytest.mark.parametrize("kind", [ir.Conv2D, ir.DepthwiseConv2D])
def test_padding_that_differs_is_made_up_for_with_zeros(
    kind: Any, pads: Any, dilation: Any, padding: Any, tmp_path: Path
) -> None:
    more = {"pads": pads, "dilation": dilation, "strides": (2, 1)}
    made = kind(name="a", source=ir.Source("input"), weights=weights(1, 3, 2, 2, 2), **more)
    reach = [(size - 1) * step + 1 for size, step in zip((3, 2), dilation, strict=True)]
    places = (6 + sum(pads[:2]) - reach[0]) // 2 + 1, 6 + sum(pads[2:]) - reach[1] + 1
    outputs = 4 if kind is ir.DepthwiseConv2D else 2
    one = population("one", (*places, outputs), made, theta=np.arange(outputs) + 900, bias=np.arange(outputs))
    path = compared(images(one), np.random.default_rng(1).random((2, 6, 6, 2)), tmp_path)
    assert tuple(nir.read(path, type_check=False).nodes["one_0"].padding) == padding


def test_sums_of_branches_uneven_pools_and_names_that_meet(tmp_path: Path) -> None:
    def conv(name: str, source: str, *shape: int) -> ir.Conv2D:
        pad = shape[0] // 2
        return ir.Conv2D(name=name, source=ir.Source(source), weights=weights(1, *shape), pads=(pad,) * 4)

    first = population("first", (6, 6, 4), conv("a", "input", 1, 1, 2, 4), theta=700)
    branches = (
        conv("b", "first", 3, 3, 4, 4),
        ir.Identity(name="c", source=ir.Source("first"), weights=weights(3, 4), shift=1),
        ir.DepthwiseConv2D(name="e", source=ir.Late("first"), weights=weights(4, 1, 1, 4, 1)),
    )
    added = population("added", (6, 6, 4), *branches, theta=np.arange(4) + 250, bias=[5, -5, 9, 0])
    pooled = ir.SumPool2D(name="f", source=ir.Source("added"), size=(4, 4), strides=(4, 4), pads=(0, 2, 0, 2), shift=6)
    made = images(first, added, population("added_1", (2, 2, 4), pooled, theta=300), name="output")
    path = compared(made, np.random.default_rng(2).random((3, 6, 6, 2)), tmp_path)
    kinds = {name: type(node).__name__ for name, node in nir.read(path, type_check=False).nodes.items()}
    assert [kinds[name] for name in ("added_0", "added_1_", "added_2", "added_2_late", "added_1")] == [
        "Conv2d", "Scale", "Conv2d", "Delay", "IF",
    ]  # fmt: skip
    assert (kinds["added_1_0"], kinds["added_1_0_scale"], kinds["output_0"]) == ("Conv2d", "Scale", "Affine")


def test_leaks_go_out_as_real_numbers_where_that_is_said(tmp_path: Path) -> None:
    r = np.random.default_rng(4)
    x = events(r, 2, 30, 6, most=2)
    back = {"w": nir.Linear(dyadic(r, 5, 5) / 4)}.items()
    cells = nir.Linear(dyadic(r, 5, 6)), neuron("CubaLIF", (5,)), nir.Linear(dyadic(r, 4, 5)), neuron("LIF", (4,))
    graph = chain((6,), *cells, neuron("LI", (4,)), extra=back, edges=[("n1", "w"), ("w", "n1")])
    made = snncc.convert(graph, x, nir_dialect="snntorch")
    folder = tmp_path / "a_snn"
    with pytest.raises(TargetError, match="`leaks` real, which is not exact"):
        made.write(folder, ["nir"])
    made.export(folder, "nir", leaks="real")
    said = (folder / "nir" / "README.md").read_text()
    assert said.index("**Not exact.**") < said.index("network.nir") and "'n1'" in said
    summary = TARGET.summary(made.ir, folder / "nir", {"leaks": "real"})
    assert summary and "NOT EXACT" in summary.lines[0]
    with pytest.raises(TargetError, match="no target that can be verified"):
        verify(folder, x=x)
    (outcome,) = verify(folder, x=x, targets=["nir-float"]).outcomes
    assert outcome.status == "not run" and "not exact" in outcome.reason
    told: Any = {name.replace("-", "_"): float(value) if name == "nir-dt" else value
                 for name, value in FLAG.findall(said.replace("`", " "))}  # fmt: skip
    out = frontend.read(folder / "nir" / FILE)
    meant = settle(out, Asked("spec", **{k.removeprefix("nir_"): v for k, v in told.items() if k != "nir_dialect"}))
    pixels = to_pixels(made.ir.input, x).astype(np.int64)
    trace = sim.run(made.ir, pixels, 30, "step", trace=True).trace
    found = twin.run(out, meant, pixels)
    assert trace
    rounded = Graph(made.ir, True).rounded
    first = made.ir.populations[0]
    same = np.cumprod((trace.spikes["n1"] == found.spikes["n1"]).all(axis=(1, 2))).astype(bool)
    apart = abs(trace.potentials["n1"] - found.potentials["n1"])[same] / first.threshold
    assert same.sum() > 10 and 0 < apart.max() <= rounded["n1"]
    again = convert(folder / "nir" / FILE, x, NirOptions(**told))
    for one, other in zip(made.ir.populations, again.populations, strict=True):
        for name in ("leak", "decay"):
            np.testing.assert_array_equal(getattr(one.kind, name), getattr(other.kind, name))
