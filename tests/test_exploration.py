"""`snncc explore`: exact points, the front by brute force, journals that merge, a cluster that loses a worker."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snncc
from snncc import exploration, journal
from snncc.backends.c import instructions
from snncc.cli import goals
from snncc.errors import DataError
from snncc.exploration import COSTS, Goals
from snncc.exploration.front import AREA, cheapest, front, on, ranks
from snncc.exploration.run import JOURNAL, shard
from snncc.exploration.space import Design, Job, jobs
from tests.conftest import Run
from tests.dask import cluster
from tests.keras_models import L, keras, randomised

AXES = {
    "signed_bit": (8, 4),
    "timesteps": (3, 5),
    "dynamics": ("count",),
    "calibrate": ("none",),
    "encoding": ("rate",),
}


@pytest.fixture(scope="module")
def given_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explore")
    pixels = keras.Input((6, 6, 1))
    x = L.Flatten()(L.AveragePooling2D(2)(L.Conv2D(3, 3, activation="relu")(pixels)))
    randomised(keras.Model(pixels, L.Dense(4)(x), name="m")).save(folder / "m.keras")
    rng = np.random.default_rng(0)
    np.savez(folder / "d.npz", x_calibration=rng.random((20, 6, 6, 1)).astype(np.float32),
             x_test=rng.random((40, 6, 6, 1)).astype(np.float32), y_test=rng.integers(0, 4, 40))  # fmt: skip
    return folder


def explored(folder: Path, output: Path, **options: Any) -> exploration.Front:
    data = folder / "d.npz"
    given = {"axes": AXES, "processes": 1} | options
    return snncc.explore(folder / "m.keras", data, data, output, **given)


points = st.lists(
    st.fixed_dictionaries(
        {
            "target": st.just("c"),
            "accuracy": st.sampled_from((0.5, 0.7, 0.9)),
            "refused": st.sampled_from(("", "", "no")),
        }
        | {name: st.integers(1, 3) for name in COSTS["c"]}
    ),
    max_size=8,
)


def test_an_engine_changes_no_figure(given_files: Path, tmp_path: Path) -> None:
    axes = {**AXES, "timesteps": (4,), "dynamics": ("count", "step")}
    one, other = (explored(given_files, tmp_path / name, axes=axes, engine=name) for name in ("numpy", "native"))
    assert one.points == other.points and len(one.points) > 1
    with pytest.raises(DataError, match="no engine 'fast'"):
        explored(given_files, tmp_path / "fast", axes=axes, engine="fast")


@given(points)
def test_the_front_is_what_no_other_point_beats(found: list[dict[str, Any]]) -> None:
    kept = set(front(found))
    for i, a in enumerate(found):
        beaten = any(
            not b["refused"] and b["accuracy"] >= a["accuracy"] and all(b[n] <= a[n] for n in COSTS["c"])
            and (b["accuracy"] > a["accuracy"] or any(b[n] < a[n] for n in COSTS["c"]))
            for b in found
        )  # fmt: skip
        assert (i in kept) == (not a["refused"] and not beaten)
    assert {i for i, rank in enumerate(ranks(found)) if rank == 0} == kept
    assert all((rank == len(found)) == bool(p["refused"]) for rank, p in zip(ranks(found), found, strict=True))


@given(points, st.integers(1, 3))
def test_the_cheapest_meets_the_goals_if_any_does(found: list[dict[str, Any]], flash: int) -> None:
    number, missed = cheapest(found, Goals(within=25, max_flash=flash), 0.9)
    able = [p for p in found if not p["refused"] and p["accuracy"] > 0.6 and p["flash_bytes"] <= flash]
    assert (number is None) == all(p["refused"] for p in found)
    if able:
        assert number is not None and not missed and found[number] in able
        assert found[number]["flash_bytes"] == min(p["flash_bytes"] for p in able)
    elif number is not None:
        assert missed


def test_goals_of_hardware() -> None:
    area = {"xc7": {"luts": 5000.0, "ffs": 4000.0, "dsps": 3.0, "brams": 12.0}}
    point = on({"target": "verilog", "accuracy": 0.9, "cycles": 1000, "area": area}, "xc7")
    assert Goals(min_fps=90_000, clock_mhz=100).missed(point, None) == {}
    assert Goals(min_fps=200_000, clock_mhz=100).missed(point, None) == {"min_fps": 0.5}
    assert Goals(device="xc7").missed(point, None) == {} == Goals(device="xc7", max_bram=12).missed(point, None)
    assert Goals(device="xc7", max_bram=8).missed(point, None) == {"max_bram": 0.5}
    assert Goals(device="xc7", max_luts=4000, max_dsps=3).missed(point, None) == {"max_luts": 0.25}
    area["xc7"]["ffs"] = 2 * 106_400.0
    assert Goals(device="xc7").missed(on(point, "xc7"), None) == {"max_ffs": 1.0}
    measured = on(point | {"synthesis": {"xc7": {"luts": 4100, "ffs": 3900}}}, "xc7")
    assert (measured["luts"], measured["dsps"], measured["synthesised"]) == (4100, 3.0, True)
    assert Goals(max_flash=10).missed(point, None) == {"max_flash": float("inf")}
    asked = Goals(within=2.5, min_fps=200_000, clock_mhz=100, max_flash=10)
    words = "within 5 instead of 2.5, max-flash unknown instead of 10, min-fps 100,000 instead of 200,000"
    assert asked.shortfall(point, 0.95) == words and Goals(device="xc7").shortfall(point, None) == ""
    for goals_, target in ((Goals(device="xc7"), "c"), (Goals(max_ram=1), "verilog")):
        goals_.check({"c": "verilog", "verilog": "c"}[target])
        with pytest.raises(DataError, match=rf"is a goal of the target \w+, not of {target}"):
            goals_.check(target)
    for wrong in ({"min_fps": 1.0}, {"clock_mhz": 1.0}, {"max_bram": 1.0}, {"max_luts": 1}, {"device": "none"}):
        with pytest.raises(DataError):
            Goals(**wrong)


def test_the_space() -> None:
    every = jobs("c", {"timesteps": (4, 8, 4)})
    assert len(every) == 2 * 2 * 2 and sum(len(job.designs) for job in every) == 4 * 1 + 4 * 2
    assert not any(d.options["pack"] and d.network["signed_bit"] >= 8 for job in every for d in job.designs)
    parts = [shard(every, i, 3) for i in (1, 2, 3)]
    assert sorted(str(job) for part in parts for job in part) == sorted(map(str, every))
    assert {d.options["state_bytes"] for job in jobs("c", {"state_bytes": (None, 4096)}) for d in job.designs} == {
        None,
        4096,
    }
    assert all(
        Design.of({"options": {**d.network, **d.options}, "target": "c"}) == d for job in every for d in job.designs
    )
    for wrong in (("c", {"max_lanes": (1,)}), ("c", {"timesteps": ()}), ("gpu", {})):
        with pytest.raises(DataError):
            jobs(*wrong)


@pytest.mark.parametrize("target", ["c", "verilog"])
def test_every_point_is_what_its_command_builds(given_files: Path, tmp_path: Path, run: Run, target: str) -> None:
    axes = AXES | {"timesteps": (3,)} | ({"max_lanes": (2,)} if target == "verilog" else {})
    found = explored(given_files, tmp_path / "e", target=target, axes=axes)
    assert len(found.points) == (3 if target == "c" else 2) and not any(p.get("refused") for p in found.points)
    data = np.load(given_files / "d.npz")
    for point in found.points:
        program, *arguments = shlex.split(point["command"])
        arguments[-1] = str(tmp_path / arguments[-1])
        assert program == "snncc" and run(*arguments)[0] == 0
        network = snncc.load(arguments[-1])
        assert network.hash == point["hash"]
        (one,) = snncc.evaluate(network, data["x_test"], data["y_test"])
        assert (one.accuracy, one.spikes_per_image["total"]) == (point["accuracy"], point["spikes"])
        facts = json.loads(run("inspect", arguments[-1], "--json")[1])
        if target == "c":
            assert (facts["c"]["const_bytes"], facts["c"]["state_bytes"]) == (
                point["flash_bytes"],
                point["state_bytes"],
            )
            about = instructions.estimate(network.ir, network.pixels(data["x_test"]), pack=point["options"]["pack"])
            assert point["instructions"] == round(about) == facts["c"]["instructions"]
        else:
            manifest = json.loads((Path(arguments[-1]) / "verilog" / "manifest.json").read_text())
            assert manifest["cycles"]["golden_interval"] == point["cycles"]
    model = keras.models.load_model(given_files / "m.keras")
    assert found.float_accuracy == (model.predict(data["x_test"], verbose=0).argmax(1) == data["y_test"]).mean()
    assert json.loads((tmp_path / "e" / "front.json").read_text())["front"] == found.front


def test_yosys_takes_the_place_of_the_model(given_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the front, once."""
    small = AXES | {"timesteps": (3,), "signed_bit": (4,), "max_lanes": (2,)}
    options = {"target": "verilog", "axes": small, "goals": Goals(device="ecp5-25k"), "synth": True}
    found = explored(given_files, tmp_path, **options)
    (point,) = found.points
    measured, model = point["synthesis"]["ecp5-25k"], point["area"]["ecp5-25k"]
    assert point["synthesised"] and {name: point[name] for name in AREA} == measured and measured["luts"] > 0
    assert found.chosen == 0 and not found.missed and model["brams"] <= measured["brams"]
    monkeypatch.setattr("snncc.synth.run_yosys", lambda *_: pytest.fail("Yosys ran"))
    assert explored(given_files, tmp_path, **options).to_dict() == found.to_dict()
    assert not explored(given_files, tmp_path, **options | {"synth": False}).points[0]["synthesised"]
    for wrong in ({"target": "c", "goals": None}, {"goals": None}):
        with pytest.raises(DataError, match="synth"):
            explored(given_files, tmp_path, **options | {"axes": AXES} | wrong)


def test_a_network_that_cannot_be_is_a_point_with_a_reason(given_files: Path, tmp_path: Path) -> None:
    found = explored(given_files, tmp_path, axes=AXES | {"timesteps": (3,), "signed_bit": (8, 0)})
    assert [bool(p.get("refused")) for p in found.points] == [False, True, True]
    assert found.front == [0]


def test_shards_and_broken_off_runs_end_in_the_same_front(given_files: Path, tmp_path: Path) -> None:
    whole = explored(given_files, tmp_path / "whole")
    for i in (1, 2):
        explored(given_files, tmp_path / f"part{i}", part=(i, 2))
    merged = tmp_path / "merged"
    merged.mkdir()
    for i in (1, 2):
        (merged / f"{i}.jsonl").write_text((tmp_path / f"part{i}" / JOURNAL).read_text())
    assert explored(given_files, merged).to_dict() == whole.to_dict()
    assert (merged / JOURNAL).read_text() == ""
    torn = tmp_path / "torn"
    torn.mkdir()
    lines = (tmp_path / "whole" / JOURNAL).read_text()
    (torn / JOURNAL).write_text(lines[: len(lines) * 2 // 3])
    assert explored(given_files, torn).to_dict() == whole.to_dict()
    written = [json.loads(line)["key"] for line in (torn / JOURNAL).read_text().splitlines() if _is_json(line)]
    assert sorted(written) == sorted({p["key"] for p in whole.points})


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_many_networks_are_halved_first_and_the_rest_is_exact(
    given_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import snncc.exploration.run as runs

    monkeypatch.setattr(runs, "EXHAUSTIVE", 2)
    monkeypatch.setattr(runs, "LEAST", 5)
    whole = explored(given_files, tmp_path / "whole", axes=AXES | {"timesteps": (1, 2, 3, 4)})
    exact = {p["hash"]: p for p in explored(given_files, tmp_path / "all").points}
    assert len(whole.points) < 12 and {p["images"] for p in whole.points} == {40}
    assert all(p == exact[p["hash"]] for p in whole.points if p["hash"] in exact)


def test_the_command(given_files: Path, tmp_path: Path, run: Run) -> None:
    data = given_files / "d.npz"
    small = ("--timesteps", 3, "--dynamics", "count", "--encoding", "rate", "--calibrate", "none", "--jobs", 1)
    explore = ("explore", given_files / "m.keras", "--calibration", data, "--data", data, *small)
    code, out, _ = run(*explore, "-o", tmp_path / "e", "--max-flash", "64k", "--plot", tmp_path / "front.png")
    assert code == 0 and "The cheapest that meets the goals:" in out and "snncc compile" in out
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = run(*explore, "-o", tmp_path / "e", "--max-flash", "10", "--json")
    assert code == 1 and json.loads(out)["missed"].keys() == {"max_flash"}
    assert run(*explore, "-o", tmp_path / "e", "--shard", "3/2")[0] == 2
    assert run(*explore, "-o", tmp_path / "e", "--max-flash", "many")[0] == 2
    compile_ = ("compile", given_files / "m.keras", "--calibration", data, "-o", tmp_path / "c", "--target", "c")
    code, out, err = run(*compile_, "--goal", "max-flash=1")
    assert code == 2 and "--data" in err
    assert run(*compile_, "--goal", "max-flash", "--data", data)[0] == 2
    assert run(*compile_, "--goal", "speed=1", "--data", data)[0] == 2
    assert run(*compile_, "--goal", "within=-1", "--data", data)[0] == 2
    within = {"within": 0.0, "max_bram": 0.0, "max_flash": 65536}
    assert goals.parsed(["within=0", "max-bram=0", "max-flash=64k"]) == within
    assert list(goals.GOALS) == [field.name for field in fields(Goals)]


def test_the_float_network_of_one_neuron_has_two_classes(tmp_path: Path) -> None:
    """Class 1 where its output is above 0, as the network's: all labels but four are just that."""
    pixels = keras.Input((6, 6, 1))
    model = randomised(keras.Model(pixels, L.Dense(1, activation="sigmoid")(L.Flatten()(pixels)), name="int"))
    model.save(tmp_path / "m.keras")
    x = np.random.default_rng(1).random((40, 6, 6, 1)).astype(np.float32)
    y = (model.predict(x, verbose=0)[:, 0] > 0.5).astype(int)
    y[:4] = 1 - y[:4]
    np.savez(tmp_path / "d.npz", x=x, y=y)
    data = tmp_path / "d.npz"
    found = snncc.explore(
        tmp_path / "m.keras", data, data, tmp_path / "o", axes=AXES | {"timesteps": (3,)}, processes=1
    )
    assert found.float_accuracy == 0.9 and {point["command"].count("--prefix net") for point in found.points} == {1}


def test_a_goal_is_measured_with_what_is_given_otherwise(
    given_files: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def stop(*_: Any, **options: Any) -> None:
        seen.update(options)
        raise DataError("enough")

    monkeypatch.setattr(exploration, "explore", stop)
    data = given_files / "d.npz"
    code, _, err = run(
        "compile", given_files / "m.keras", "--calibration", data, "-o", tmp_path / "c", "--target", "verilog",
        "--data", data, "--goal", "within=1", "--input-bits", 2, "--max-lanes", 3, "--timesteps", 5,
    )  # fmt: skip
    assert code == 1 and "enough" in err
    assert (seen["axes"], seen["fixed"]) == ({"timesteps": (5,), "max_lanes": (3,)}, {"input_bits": 2})
    every = jobs("verilog", seen["axes"], seen["fixed"])
    assert {job.network["input_bits"] for job in every} == {2}
    assert all(Design.of({"options": {**d.network, **d.options}, "target": "verilog"}) == d for d in every[0].designs)


KILLED = """
import sys
from pathlib import Path
from snncc import exploration, journal
from snncc.exploration import run
whole = run.measure
def measure(sources, job):
    points = whole(sources, job)
    print("measured", flush=True)
    return points
run.measure = measure
model, data, out = sys.argv[1:]
exploration.explore(model, data, data, out, axes=AXES, processes=1)
"""


def test_a_killed_run_goes_on_where_it_was(given_files: Path, tmp_path: Path) -> None:
    program = KILLED.replace("AXES", repr(AXES))
    arguments = [given_files / "m.keras", given_files / "d.npz", tmp_path / "k"]
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for _ in range(2):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    kept = journal.read([tmp_path / "k" / JOURNAL])
    assert kept
    found = explored(given_files, tmp_path / "k")
    assert found.to_dict() == explored(given_files, tmp_path / "whole").to_dict()
    keys = [json.loads(line)["key"] for line in (tmp_path / "k" / JOURNAL).read_text().splitlines()]
    assert len(keys) == len(set(keys)) == len(found.points) and kept.keys() <= set(keys)


def test_a_cluster_that_loses_a_worker_loses_nothing(given_files: Path, tmp_path: Path) -> None:
    with cluster(tmp_path) as workers:
        done = []

        def progress(ready: int, total: int) -> None:
            if ready == 1 and not done:
                done.append(total)
                workers.kill_one()

        found = explored(given_files, tmp_path / "cluster", cluster=workers.address, progress=progress)
    assert done == [4] and workers.lost_one()
    assert found.to_dict() == explored(given_files, tmp_path / "here").to_dict()
    keys = [json.loads(line)["key"] for line in (tmp_path / "cluster" / JOURNAL).read_text().splitlines()]
    assert len(keys) == len(set(keys)) == len(found.points)


def test_a_job_is_one_network() -> None:
    assert all(
        isinstance(job, Job) and {d.network == job.network for d in job.designs} == {True} for job in jobs("c", {})
    )
