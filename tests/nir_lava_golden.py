"""Adds lava to the golden spikes of NIR's dialects: its LIF in floating point, run by lava itself.

    pip install --no-deps lava-nc==0.10.0 "numpy<2" asteval scipy networkx nir==1.0.8 h5py    # Python 3.10, its last
    python -m tests.nir_lava_golden

writes tests/golden/nir/lava_*.nir and .npz as tests/nir_golden.py does those of the others, which is to run before this
one. lava has no importer of its own: a CubaLIF is its LIF with du = dt/tau_syn, dv = dt/tau_mem, an LIF the same with
du = 1; what arrives is taken whole. Nothing of snncc is used here.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi1SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIF

GOLDEN = Path(__file__).parent / "golden" / "nir"
SIZES = (6, 8, 4)
DT = 1.0


def full(size: int, value: float) -> np.ndarray:
    """A parameter that all neurons share."""
    return np.full(size, value)


def neurons(kind: str, size: int, fast: float, slow: float, theta: float) -> nir.NIRNode:
    """A CubaLIF, or an LIF with the slower of the two time constants."""
    if kind == "cuba":
        return nir.CubaLIF(full(size, fast), full(size, slow), full(size, 1.0), full(size, 0.0), full(size, theta))
    return nir.LIF(full(size, slow), full(size, 1.0), full(size, 0.0), full(size, theta))


def simulated(weights: list[np.ndarray], cells: list[nir.NIRNode], x: np.ndarray) -> list[np.ndarray]:
    """Spikes (T, size) of both layers, of one sequence (T, inputs).

    lava's Dense hands on what it summed at the timestep before, so each layer runs one later than the one before it.
    """
    steps = len(x) + len(cells)
    source: Any = Source(data=np.pad(x.T.astype(float), ((0, 0), (0, len(cells)))))
    port, sinks, last = source.s_out, [], None
    for weight, cell in zip(weights, cells, strict=True):
        tau = getattr(cell, "tau_mem", getattr(cell, "tau", None))
        du = DT / cell.tau_syn[0] if hasattr(cell, "tau_syn") else 1.0
        dense, last = Dense(weights=weight), LIF(shape=tau.shape, du=du, dv=DT / tau[0], vth=cell.v_threshold[0])
        sink = Sink(shape=tau.shape, buffer=steps)
        port.connect(dense.s_in)
        dense.a_out.connect(last.a_in)
        last.s_out.connect(sink.a_in)
        port = last.s_out
        sinks.append(sink)
    last.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi1SimCfg(select_tag="floating_pt"))
    found = [sink.data.get().T[late : late + len(x)] for late, sink in enumerate(sinks, 1)]
    last.stop()
    return found


def main() -> None:
    """Both kinds, two sequences each."""
    said = json.loads((GOLDEN / "cases.json").read_text())
    for number, kind in enumerate(("lif", "cuba")):
        rng = np.random.default_rng(60 + number)
        x = (rng.random((2, 30, SIZES[0])) < 0.3).astype(np.uint8)
        weights = [(rng.random(shape) - 0.3) * 1.5 for shape in ((SIZES[1], SIZES[0]), (SIZES[2], SIZES[1]))]
        cells = [neurons(kind, SIZES[1], 2.5, 5.0, 1.0), neurons(kind, SIZES[2], 4.0, 8.0, 1.5)]
        names = ["input", "0", "1", "2", "3", "output"]
        nodes = [nir.Input(np.array(SIZES[:1])), nir.Linear(weights[0]), cells[0], nir.Linear(weights[1]), cells[1],
                 nir.Output(np.array(SIZES[2:]))]  # fmt: skip
        nir.write(
            GOLDEN / f"lava_{kind}.nir", nir.NIRGraph(dict(zip(names, nodes, strict=True)), list(pairwise(names)))
        )
        runs = [simulated(weights, cells, one) for one in x]
        spikes = {name: np.stack([run[place] for run in runs], 1).astype(np.uint8) for place, name in enumerate("13")}
        if not all(found.any() and not found.all() for found in spikes.values()):
            raise SystemExit(f"{kind}: a layer is silent, or never is")
        np.savez_compressed(GOLDEN / f"lava_{kind}.npz", x=x, **spikes)
        said["cases"][f"lava_{kind}"] = {"graph": f"lava_{kind}.nir", "asked": {"dialect": "lava"}}
        print(kind, {name: int(found.sum()) for name, found in spikes.items()})
    said["versions"] |= {"lava-nc": version("lava-nc"), "python of lava-nc": platform.python_version()}
    (GOLDEN / "cases.json").write_text(json.dumps(said, indent=2) + "\n")


if __name__ == "__main__":
    main()
