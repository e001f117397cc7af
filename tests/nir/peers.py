"""What other simulators made of written graphs: the cases, and the answers that tests/nir_peers_golden.py recorded."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np

from snncc import ir
from snncc.jobs import Job
from snncc.nir import NirOptions, convert
from snncc.nir.target import FILE, TARGET
from snncc.sim.encode import to_pixels
from tests.networks import network, population, weights
from tests.nir.graphs import chain, dyadic, events, neuron, nodes

FOLDER = Path(__file__).parents[1] / "golden" / "nir_peers"
Case = tuple[ir.Network, np.ndarray]
"""A network and pixels (N, ...)."""


def content(path: Path) -> str:
    """SHA-256 over what a graph's file says: names, shapes and values of all nodes, and the edges, in order."""
    found = hashlib.sha256()

    def add(name: str, item: Any) -> None:
        if hasattr(item, "shape"):
            value = np.asarray(item.asstr()[()] if item.dtype.kind == "O" else item[()])
            kept = value if value.dtype.kind in "fiu" else value.astype(str)
            for part in (name, str(value.shape), json.dumps(kept.tolist())):
                found.update(part.encode() + b"\n")

    with h5py.File(path, "r") as file:
        file.visititems(add)
    return found.hexdigest()


def maps() -> Case:
    """Images through uneven padding, a residual sum, a padded pool and channels in groups: what Keras networks have."""

    def firing(name: str, shape: tuple[int, ...], *projections: ir.Projection, **fields: Any) -> ir.Population:
        return population(name, shape, *projections, **fields)

    uneven = {"strides": (2, 2), "pads": (0, 1, 0, 1)}
    first = ir.Conv2D(name="a", source=ir.Source("input"), weights=weights(1, 3, 3, 2, 4), **uneven)
    deep = ir.DepthwiseConv2D(name="b", source=ir.Source("first"), weights=weights(2, 3, 3, 4, 1), pads=(1, 1, 1, 1))
    back = ir.Conv2D(name="c", source=ir.Source("deep"), weights=weights(3, 1, 1, 4, 4), shift=1)
    kept = ir.Identity(name="d", source=ir.Source("first"), weights=np.array([90, 100, 110, 127], np.int8))
    pool = ir.SumPool2D(name="e", source=ir.Source("added"), size=(3, 3), strides=(2, 2), pads=(0, 1, 0, 1), shift=7)
    dense = ir.Dense(name="f", source=ir.Reshape(ir.Source("pooled"), (16,)), weights=weights(4, 16, 5))
    made = network(
        firing("first", (4, 4, 4), first, theta=[3000, 3500, 4000, 4500], bias=[9, -7, 5, 0]),
        firing("deep", (4, 4, 4), deep, theta=[100, 120, 140, 160], bias=20),
        firing("added", (4, 4, 4), back, kept, theta=[150, 160, 170, 180]),
        firing("pooled", (2, 2, 4), pool, theta=500),
        firing("last", (5,), dense, theta=None, bias=3),
        shape=(8, 8, 2), source={"encoding": "current", "bits": 5}, dynamics="step", timesteps=10, name="maps",
    )  # fmt: skip
    return made, np.random.default_rng(1).integers(0, 32, (2, 8, 8, 2))


def recurrent(reset: Any) -> Case:
    """Weights that feed back, a bias, and one that joins from a layer behind."""
    r = np.random.default_rng(4)
    x = events(r, 2, 12, 6, most=2)
    back = {"w": nir.Linear(dyadic(r, 5, 5)), "far": nir.Linear(dyadic(r, 5, 4))}.items()
    cells = nir.Affine(dyadic(r, 5, 6), np.ones(5) / 4), neuron("IF", (5,)), nir.Linear(dyadic(r, 4, 5))
    edges = [("n1", "w"), ("w", "n1"), ("n3", "far"), ("far", "n1")]
    graph = chain((6,), *cells, neuron("IF", (4,)), extra=back, edges=edges)
    options = NirOptions(nir_dialect="spec", nir_dt=1.0, nir_reset=reset, nir_compare="above", nir_spikes="one")
    made = convert(graph, x, options)
    return made, to_pixels(made.input, x).astype(np.int64)


def of_nodes(name: str, **options: Any) -> Case:
    """A graph of tests/nir/graphs.py."""
    graph, x = nodes(name)
    made = convert(graph, x, NirOptions(**{"nir_dialect": "sinabs"} | options))
    return made, to_pixels(made.input, ir.as_read(made, x)).astype(np.int64)


CASES: dict[str, tuple[Callable[[], Case], tuple[str, ...]]] = {
    "maps": (maps, ("spikingjelly", "snntorch", "sinabs")),
    "recurrent late": (lambda: recurrent("subtract-late"), ("spikingjelly", "snntorch")),
    "recurrent value": (lambda: recurrent("value"), ("spikingjelly", "snntorch", "sinabs")),
    "delay": (lambda: of_nodes("delay", nir_spikes="one", nir_clamp="none"), ("spikingjelly", "snntorch", "sinabs")),
    "many": (lambda: of_nodes("conv strides"), ("sinabs",)),
}
"""The network, and the simulators that have an equal."""


def first_weights(made: ir.Network) -> str:
    """The first population whose first projection is written with a kernel."""
    kernels = ir.Dense | ir.Conv2D | ir.DepthwiseConv2D
    return next(one.name for one in made.populations if isinstance(one.projections[0], kernels))


def written(case: Case, folder: Path, fault: bool = False) -> Job:
    """The case's graph in a compiled folder; with a fault one weight of the file is another."""
    made, pixels = case
    (folder / "nir").mkdir(parents=True)
    ir.save(made, folder / "network.snn")
    TARGET.emit(made, folder / "nir", {})
    if fault:
        with h5py.File(folder / "nir" / FILE, "r+") as file:
            weight = file[f"node/nodes/{first_weights(made)}_0/weight"]
            largest = np.unravel_index(np.abs(weight[:]).argmax(), weight.shape)
            weight[largest] *= -1
    timesteps = pixels.shape[1] if made.input.coding.sequences else made.timesteps
    return Job(folder, made, pixels, timesteps)


def asked_for(request: Path) -> str:
    """The name of a request's answer: of the simulator, of all that the graph's file holds, of what it gets."""
    said = json.loads(request.read_text())
    way = "_".join(said[name] for name in ("reset", "compare", "spikes", "clamp"))
    x = np.load(said["x"])
    return f"{said['simulator']}_{way}_{content(Path(said['graph']))[:20]}_{hex(hash_of(x))[2:]}.npz"


def hash_of(x: np.ndarray) -> int:
    """Of an array of whole numbers."""
    places = np.arange(1, x.size + 1, dtype=np.uint64)
    return int(((x.ravel().astype(np.uint64) + np.uint64(7)) * places * places).sum())


def answer(command: list[str], *rest: Any) -> str:
    """In the place of a process: the recorded answers to its requests. KeyError where there is none."""
    for path in map(Path, command[2:]):
        said = json.loads(path.read_text())
        recorded = FOLDER / asked_for(path)
        if not recorded.exists():
            raise KeyError(f"{recorded.name}: run python -m tests.nir_peers_golden where the simulators are")
        shutil.copy(recorded, said["answer"])
    return ""
