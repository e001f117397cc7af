"""Records what SpikingJelly, snnTorch and Sinabs make of graphs that the target `nir` writes.

    pip install torch nir==1.0.8 nirtorch==2.6 snntorch==1.0.0 spikingjelly==2.0.0 sinabs==3.1.3   # somewhere else
    SNNCC_NIR_PYTHON=somewhere-else/bin/python python -m tests.nir_peers_golden

writes tests/golden/nir_peers/SIMULATOR_WAY_GRAPH_X.npz: what snncc/nir/peer_program.py answers, run by the simulator
itself, for each graph of tests/nir/peers.py, as it is and with one weight changed. GRAPH is the SHA-256 of what the
graph's file says, X a hash of what it got: an answer serves no other graph. cases.json has the versions, and which
route each took. The simulators need PyTorch, which CI does not have.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from snncc.nir.peers import PROGRAM, PYTHON, request
from tests.nir.peers import CASES, FOLDER, asked_for, written


def main() -> None:
    """Record all."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    said: dict[str, Any] = {"versions": {}, "cases": {}}
    with tempfile.TemporaryDirectory() as name:
        work, asked = Path(name), {}
        for case, (make, simulators) in CASES.items():
            made = make()
            for fault in (False, True):
                job = written(made, work / f"{case}{fault}", fault)
                for simulator in simulators:
                    folder = work / f"{case}{fault}{simulator}"
                    folder.mkdir()
                    asked[case, simulator, fault] = request(job, simulator, folder)
        subprocess.run([os.environ[PYTHON], str(PROGRAM), *map(str, asked.values())], check=True)
        for (case, simulator, fault), path in asked.items():
            answer = json.loads(path.read_text())["answer"]
            shutil.copy(answer, FOLDER / asked_for(path))
            with np.load(answer) as arrays:
                facts = json.loads(str(arrays["said"]))
            said["versions"] |= facts["versions"]
            if not fault:
                said["cases"].setdefault(case, {})[simulator] = facts["route"]
    (FOLDER / "cases.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
