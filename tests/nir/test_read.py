"""The reader against the package `nir`: the same nodes, edges and shapes; broken and hostile files are one error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import snncc
from snncc.errors import CalibrationError, FileFormatError, SnnccError, UnsupportedLayerError
from snncc.frontend.nir import accepts, read
from snncc.nir import NirOptions, convert
from tests.nir.golden import DATA
from tests.nir.graphs import chain, conv, events, neuron, written

WHOLE = ["braille_noDelay_bias_zero", "braille_noDelay_noBias_subtract", "cnn_sinabs", "lif_norse", "two_lif_neurons"]


@pytest.mark.parametrize("name", WHOLE)
def test_files_are_read_as_the_package_reads_them(name: str) -> None:
    path = DATA / f"{name}.nir"
    ours, theirs = read(path), nir.read(path)
    assert not ours.problems and ours.nodes.keys() == theirs.nodes.keys()
    assert sorted(ours.edges + ours.late) == sorted(theirs.edges)
    for key, node in theirs.nodes.items():
        assert ours.nodes[key].kind == type(node).__name__
        for field, value in node.to_dict().items():
            if field in ours.nodes[key].values and field != "padding":
                np.testing.assert_array_equal(np.asarray(ours.nodes[key].values[field]), np.asarray(value))
        if node.output_type["output"] is not None:
            assert ours.shapes[key] == tuple(node.output_type["output"])


def test_an_object_is_read_as_its_file(tmp_path: Path) -> None:
    graph = chain(
        (2, 6, 5),
        conv(np.random.default_rng(0), 3, 2),
        neuron("LIF", (3, 6, 5)),
        nir.Flatten(np.array([3, 6, 5]), 0, -1),
    )
    graph.nodes["n0"].input_shape = (6, 5)
    one, other = read(graph), read(written(graph, tmp_path))
    assert accepts(graph) and accepts("a.nir") and not accepts("a.onnx") and not accepts(object())
    assert one.edges == other.edges and one.shapes == other.shapes
    assert one.shapes["n2"] == (90,)


@pytest.mark.parametrize(
    ("padding", "strides", "size"), [("same", 1, 3), ("valid", 2, 3), ((2, 1), (2, 1), 3), (0, 1, 2)]
)
def test_shapes_are_the_package_s(padding: Any, strides: Any, size: int) -> None:
    node = conv(np.random.default_rng(0), 3, 2, size, padding=padding, stride=strides, dilation=(1, 2))
    pool = nir.SumPool2d(np.array([2, 2]), np.array([2, 1]), np.array([1, 0]))
    graph = chain((2, 9, 8), node, pool)
    ours = read(graph)
    shape = nir.ir.utils.calculate_conv_output((9, 8), node.padding, node.dilation, size, node.stride)
    assert ours.shapes["n0"] == (3, *shape)
    assert ours.shapes["n1"][1:] == tuple(nir.ir.utils.calculate_conv_output(shape, (1, 0), 1, (2, 2), (2, 1)))


def nested() -> nir.NIRGraph:
    """6 -> a recurrent graph of 5 -> 4, the recurrent part a graph of its own."""
    r = np.random.default_rng(1)
    end = nir.Input(np.array([5])), nir.Output(np.array([5]))
    inner = nir.NIRGraph(
        {"input": end[0], "lif": neuron("LIF", (5,)), "w_rec": nir.Linear(r.normal(size=(5, 5))), "output": end[1]},
        [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
    )
    return chain((6,), nir.Linear(r.normal(size=(5, 6))), inner, nir.Linear(r.normal(size=(4, 5))), neuron("LIF", (4,)))


def test_nested_graphs_become_flat_and_what_feeds_back_is_late() -> None:
    graph = read(nested())
    assert not graph.problems
    assert list(graph.nodes) == ["input", "n0", "n1.w_rec", "n1.lif", "n2", "n3", "output"]
    assert graph.late == [("n1.lif", "n1.w_rec")]
    assert sorted(graph.sources("n1.lif")) == ["n0", "n1.w_rec"] and graph.sources("n2") == ["n1.lif"]


def test_a_way_back_over_two_neurons_is_late_behind_the_last() -> None:
    r = np.random.default_rng(1)
    graph = chain((6,), nir.Linear(r.normal(size=(5, 6))), neuron("IF", (5,)), nir.Linear(r.normal(size=(4, 5))),
                  neuron("IF", (4,)), extra={"w": nir.Linear(r.normal(size=(5, 4)))}.items(),
                  edges=[("n3", "w"), ("w", "n1"), ("n1", "n1")])  # fmt: skip
    assert sorted(read(graph).late) == [("n1", "n1"), ("n3", "w")]


def lines(graph: nir.NIRGraph, **options: Any) -> str:
    """What is said of a graph that is refused."""
    shape = tuple(graph.nodes["input"].input_type["input"])
    with pytest.raises(UnsupportedLayerError) as caught:
        convert(
            graph, np.zeros((1, 2, *shape), np.uint8), NirOptions(**{"nir_dialect": "spec", "nir_dt": 1e-4} | options)
        )
    return str(caught.value)


R = np.random.default_rng(2)
AFTER = nir.Linear(R.normal(size=(4, 5)))
REFUSED = {
    "potential": (chain((5,), neuron("LI", (5,)), AFTER, neuron("IF", (4,))), "node 'n0' (LI): it hands on a pot"),
    "wrong width": (chain((6,), AFTER, neuron("IF", (4,))), "node 'n0' (Linear): it reads (6,), its weight takes (5,)"),
    "parameters": (chain((5,), AFTER, neuron("IF", (3,))), "node 'n1' (IF): r of shape (3,) does not fit (4,)"),
    "channels": (chain((3, 4, 4), conv(R, 2, 2), neuron("IF", (2, 4, 4))), "node 'n0' (Conv2d): it reads 3 channels"),
    "conv after conv": (chain((2, 4, 4), conv(R, 2, 2), conv(R, 2, 2), neuron("IF", (2, 4, 4))),
                        "node 'n1' (Conv2d): it reads another linear map with no neuron between"),
    "half flat": (chain((2, 4, 4), nir.Flatten(None, 1, 2), neuron("IF", (2, 16))), "node 'n0' (Flatten): it makes"),
    "short step": (chain((5,), AFTER, neuron("LIF", (4,), tau=1e-5)), "node 'n1' (LIF): a timestep of 0.0001"),
    "slow leak": (chain((5,), AFTER, neuron("LIF", (4,), tau=10.0)), "node 'n1': it loses 1e-05 of its potential"),
    "no threshold": (chain((5,), AFTER, neuron("IF", (4,), v_threshold=0.0)), "node 'n1' (IF): a threshold"),
    "reset above": (chain((5,), AFTER, neuron("IF", (4,), v_reset=2.0)), "node 'n1' (IF): v_reset is not below"),
    "uneven delay": (chain((5,), nir.Delay(np.arange(5) * 1e-4), AFTER, neuron("IF", (4,))), "'n0' (Delay): a delay"),
    "spread parameters": (chain((2, 2, 2), nir.IF(np.ones((2, 2, 2)), np.arange(1, 9).reshape(2, 2, 2))),
                          "node 'n0' (IF): theta differs within a channel"),
    "not finite": (chain((5,), AFTER, neuron("IF", (4,), v_threshold=np.inf)), "node 'n1' (IF): its 'v_threshold'"),
    "loop": (chain((5,), nir.Linear(np.ones((5, 5))), neuron("IF", (5,)), edges=[("n0", "n0")]),
             "node 'n0': a path leads back to it without a neuron"),
    "dead end": (chain((5,), AFTER, neuron("IF", (4,)), extra={"x": neuron("IF", (4,))}.items(), edges=[("n0", "x")]),
                 "node 'x': the output does not depend on it"),
    "twice": (chain((5,), AFTER, neuron("IF", (4,)), edges=[("n0", "n1")]), "the edge 'n0' to 'n1' is there twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_equal_is_refused_by_its_name(name: str) -> None:
    graph, words = REFUSED[name]
    assert words in lines(graph)


def test_all_problems_are_said_at_once() -> None:
    cells = neuron("LIF", (4,), tau=1e-5, v_threshold=-1.0), neuron("LIF", (3,), tau=1e-5)
    said = lines(chain((5,), AFTER, cells[0], nir.Linear(R.normal(size=(3, 4))), cells[1]))
    assert len(said.splitlines()) == 5 and said.count("a timestep of") == 2 and "threshold" in said


def test_samples_that_do_not_fit_are_refused() -> None:
    graph = chain((5,), AFTER, neuron("IF", (4,)))
    options = NirOptions(nir_dialect="spec", nir_dt=1.0)
    for x, words in ((np.zeros((2, 5)), "must be (N, T, 5)"), (np.full((1, 2, 5), np.nan), "NaN"),
                     (np.full((1, 2, 5), 300), "input_bits"), (np.zeros((0, 2, 5)), "no samples")):  # fmt: skip
        with pytest.raises(CalibrationError, match=words.replace("(", r"\(").replace(")", r"\)")):
            convert(graph, x, options)
    with pytest.raises(CalibrationError, match="frames"):
        convert(graph, np.zeros((1, 2, 5)), NirOptions(nir_dialect="spec", nir_dt=1.0, timesteps=3))
    with pytest.raises(CalibrationError, match="nir_dialect must be one of"):
        snncc.convert(graph, np.zeros((1, 2, 5)), nir_dialect="brian")
    with pytest.raises(CalibrationError, match="unknown option"):
        snncc.convert(graph, np.zeros((1, 2, 5)), percentile=99)


def small(tmp_path: Path) -> Path:
    return written(chain((5,), nir.Linear(np.ones((4, 5))), neuron("IF", (4,))), tmp_path)


def link_out(file: h5py.File) -> None:
    del file["node/nodes/n0/weight"]
    file["node/nodes/n0/weight"] = h5py.ExternalLink("secret.h5", "secret")


def link_soft(file: h5py.File) -> None:
    del file["node/nodes/n0/weight"]
    file["node/nodes/n0/weight"] = h5py.SoftLink("/node/nodes/n1/r")


def link_round(file: h5py.File) -> None:
    file["node/nodes/n0/self"] = file["node"]


def data_elsewhere(file: h5py.File) -> None:
    del file["node/nodes/n0/weight"]
    file.create_dataset("node/nodes/n0/weight", (4, 5), "f8", external=[("secret.raw", 0, 160)])


def virtual(file: h5py.File) -> None:
    del file["node/nodes/n0/weight"]
    layout = h5py.VirtualLayout((4, 5), "f8")
    layout[:] = h5py.VirtualSource("secret.h5", "secret", (4, 5))
    file.create_virtual_dataset("node/nodes/n0/weight", layout)


def bomb(file: h5py.File) -> None:
    del file["node/nodes/n0/weight"]
    file.create_dataset("node/nodes/n0/weight", (2**16, 2**16), "f8", compression="gzip", chunks=True)


def references(file: h5py.File) -> None:
    del file["node/nodes/n0/weight"]
    file["node/nodes/n0/weight"] = np.array([file.ref], h5py.ref_dtype)


HOSTILE = {
    link_out: "a link elsewhere", link_soft: "a link elsewhere", link_round: "deep in one another",
    data_elsewhere: "lie in another file", virtual: "lie in another file", bomb: "more than the",
    references: "no array of numbers",
}  # fmt: skip


@pytest.mark.parametrize("change", HOSTILE, ids=lambda change: change.__name__)
def test_hostile_files_are_refused(tmp_path: Path, change: Any) -> None:
    path = small(tmp_path)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(FileFormatError, match=HOSTILE[change]):
        read(path)


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04 something else"])
def test_what_is_no_nir_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one.nir"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="NIR file"):
        read(path)
    with pytest.raises(FileFormatError, match="no such file"):
        read(tmp_path / "other.nir")
    with h5py.File(path, "w") as file:
        file["other"] = 1
    with pytest.raises(FileFormatError, match="no group `node`"):
        read(path)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_files_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = small(tmp_path_factory.mktemp("damaged"))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        graph = read(path)
        graph.require()
        x = events(np.random.default_rng(0), 1, 3, *graph.shapes[graph.only("Input").name])
        convert(path, x, NirOptions(nir_dialect="spec", nir_dt=1.0))
    except SnnccError:
        pass
