"""Written graphs in SpikingJelly, snnTorch and Sinabs, by what those gave themselves (tests/nir_peers_golden.py)."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snncc.nir import peers
from snncc.verification import verify
from tests.nir.peers import CASES, FOLDER, answer, first_weights, recurrent, written

SAID = json.loads((FOLDER / "cases.json").read_text())


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulators' own answers in the place of their processes."""
    monkeypatch.setenv(peers.PYTHON, sys.executable)
    monkeypatch.setattr(peers.tools, "run", answer)


@pytest.mark.parametrize("name", CASES)
def test_every_spike_and_a_changed_weight(name: str, recorded: None, tmp_path: Path) -> None:
    make, simulators = CASES[name]
    case = make()
    whole = written(case, tmp_path / "whole")
    report = verify(whole.folder, pixels=whole.pixels)
    assert [o.target for o in report.outcomes] == ["nir-float", *(f"nir-{name}" for name in simulators)]
    assert report.ok and not any(o.mismatches for o in report.outcomes), report.outcomes
    assert len({o.values for o in report.outcomes[1:]}) == 1
    assert {SAID["versions"][one] == report.versions[one] for one in simulators} == {True}
    wrong = written(case, tmp_path / "wrong", fault=True)
    for outcome in verify(wrong.folder, pixels=wrong.pixels).outcomes:
        assert outcome.status == "fail" and outcome.mismatches and outcome.first_mismatch
        assert outcome.first_mismatch.population == first_weights(case[0])


def test_both_routes_are_recorded() -> None:
    routes = {
        (simulator, route.partition(":")[0]) for case in SAID["cases"].values() for simulator, route in case.items()
    }
    both = {(simulator, route) for simulator in ("spikingjelly", "sinabs") for route in ("importer", "nirtorch")}
    assert routes == both | {("snntorch", "nirtorch")}
    assert {case: tuple(simulators) for case, simulators in SAID["cases"].items()} == {
        case: simulators for case, (_, simulators) in CASES.items()
    }


def test_what_a_simulator_lacks_is_named(recorded: None, tmp_path: Path) -> None:
    job = written(CASES["many"][0](), tmp_path / "many")
    report = verify(job.folder, pixels=job.pixels, targets=["nir-spikingjelly", "nir-snntorch"])
    assert [o.reason for o in report.outcomes] == [
        "SpikingJelly cannot run it: node 'n1' (IF) fires many times in a timestep; IFNode once",
        "snnTorch cannot run it: node 'n1' (IF) fires many times in a timestep; Leaky once",
    ]
    assert report.exit_status == 1 and report.sentence.endswith("2 cannot be run, as the table says.")
    late = written(recurrent("subtract-late"), tmp_path / "late")
    (outcome,) = verify(late.folder, pixels=late.pixels, targets=["nir-sinabs"]).outcomes
    assert outcome.status == "not run" and "node 'n1' (IF) fires above its threshold" in outcome.reason


def test_without_a_python_for_them_they_run_only_when_asked(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.delenv(peers.PYTHON, raising=False)
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    job = written(CASES["recurrent late"][0](), tmp_path / "late")
    assert [o.target for o in verify(job.folder, pixels=job.pixels).outcomes] == ["nir-float"]
    report = verify(job.folder, pixels=job.pixels, targets=["nir-snntorch"])
    (outcome,) = report.outcomes
    assert outcome.tool_missing and "SNNCC_NIR_PYTHON" in outcome.reason and report.exit_status == 3


def test_the_process_is_asked_with_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = "import json, sys; sys.exit('no torch for ' + json.load(open(sys.argv[2]))['simulator'])"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv(peers.PYTHON, str(python))
    job = written(CASES["recurrent late"][0](), tmp_path / "late")
    (outcome,) = verify(job.folder, pixels=job.pixels, targets=["nir-snntorch"]).outcomes
    assert outcome.status == "fail" and outcome.reason.endswith("no torch for snntorch")


def test_late_weights_with_a_bias_are_no_graph_for_nirtorch() -> None:
    made, _ = recurrent("value")
    graph = peers.Graph(made)
    assert len(graph.late) == 2 and not peers.PEERS[0].lack(graph)
    graph.nodes[graph.late[0]]["bias"] = np.ones(5)
    assert all("feeds back with a bias" in peer.lack(graph) for peer in peers.PEERS)
    assert replace(peers.PEERS[0], name="snntorch").lack(graph)
