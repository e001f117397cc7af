"""What goes wrong around a run: kills, Ctrl-C, closed pipes, full disks, two writers, no home, no Unicode."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from snncc import ir, staging, store
from snncc.errors import OutputError
from tests.networks import every_kind, toy
from tests.soak.kills import Snapshot, hidden, snapshot
from tests.support import FACTOR

COMMAND = [sys.executable, "-m", "snncc"]
QUIET = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OPENBLAS_NUM_THREADS": "1"}


def snncc(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """`snncc ARGUMENTS` in a process of its own."""
    environment = QUIET | options.pop("env", {})
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, env=environment, text=True, capture_output=True, check=False, **options)


# Kills.


def test_a_kill_before_any_change_leaves_the_place_whole_or_absent(tmp_path: Path) -> None:
    """`make soak` kills before every change to the file system, the ordinary tests before each thirteenth."""
    every = "1" if FACTOR > 1 else "13"
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.kills", str(tmp_path), "--every", every],
        env=QUIET, text=True, capture_output=True, check=True,
    )  # fmt: skip
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["scenario"] for one in found] == ["save", "save over", "write", "write over", "export"]
    assert all(one["kills"] for one in found)
    assert not [line for one in found for line in one["findings"]]


def killed_at_random(command: list[str], seconds: float, dice: random.Random) -> bool:
    """Kill a command at a random moment of so many seconds; whether it was still running."""
    child = subprocess.Popen(command, env=QUIET, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(dice.uniform(0, seconds))
    running = child.poll() is None
    child.kill()
    child.wait()
    return running


@pytest.mark.parametrize("which", ["compile", "export"])
def test_a_kill_at_any_moment_of_a_command(which: str, digits: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [*COMMAND, "compile", str(digits.model), "--calibration", f"{digits.data}:few", "-o", str(out), "--force"]
    if which == "export":
        command = [*COMMAND, "export", str(out), "--target", "c", "--target", "verilog"]

    def fresh() -> None:
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(digits.folder, out)

    fresh()
    before, start = snapshot(out), time.monotonic()
    subprocess.run(command, env=QUIET, check=True, capture_output=True)
    seconds, after = time.monotonic() - start, snapshot(out)
    assert before is not None and after is not None and before != after
    parts = {name.split("/")[0] for name in after}
    dice = random.Random(FACTOR)
    for _ in range({"compile": 1, "export": 4}[which] * FACTOR):
        fresh()
        killed_at_random(command, seconds, dice)
        found = snapshot(out)
        if found is None:
            assert which == "compile", "an export takes nothing away"
            continue
        for part in parts:
            of = [{n: c for n, c in some.items() if n.split("/")[0] == part} for some in (found, before, after)]
            assert of[0] in of[1:], part
    subprocess.run(command, env=QUIET, check=True, capture_output=True)
    assert snapshot(out) == after
    assert not hidden(tmp_path)


def test_leftovers_of_others_are_left_alone(tmp_path: Path) -> None:
    """A hidden folder of a live run, of a place with a longer name, or of something else."""
    place = tmp_path / "net"
    for name in (".net.notes", ".net.v2.abcdefgh.part/new/net.v2", ".other.abcdefgh.part/new/other"):
        (tmp_path / name).mkdir(parents=True)
    dead = tmp_path / ".net.deadbeef.part" / "new" / "net"
    dead.mkdir(parents=True)
    with staging.staged(place) as live:
        live.mkdir()
        ir.save(toy(1), live / "network.snn")
        store.write(toy(2), place, {})
        assert (live / "network.snn").exists() and not dead.exists()
    assert ir.content_hash(ir.load(place)) == ir.content_hash(toy(1)), "the last rename wins"
    names = {".net.notes", ".net.v2.abcdefgh.part", ".other.abcdefgh.part", "net"}
    assert {p.name for p in tmp_path.iterdir()} == names


def test_what_a_killed_run_had_moved_away_comes_back(tmp_path: Path) -> None:
    """Also when the next run fails."""
    place, stage = tmp_path / "net", tmp_path / ".net.deadbeef.part"
    store.write(toy(1), place, {})
    before = snapshot(place)
    (stage / "old").mkdir(parents=True)
    place.rename(stage / "old" / "net")
    with pytest.raises(ZeroDivisionError), staging.staged(place):
        assert snapshot(place) == before
        raise ZeroDivisionError
    assert snapshot(place) == before and not hidden(tmp_path)


# Two writers.

WRITER = """
import sys
from pathlib import Path
from snncc import ir, store
from tests.networks import toy
what, place, weight, times = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
for _ in range(times):
    if what == "save":
        ir.save(toy(weight), place)
    elif what == "write":
        store.write(toy(weight), place, {"c": {}}, force=True)
    else:
        store.export(place, {"c" if weight == 1 else "verilog": {}})
"""


def two_writers(what: str, place: Path, times: int) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, what, str(place), str(weight), str(times)],
            env=QUIET, text=True, stderr=subprocess.PIPE,
        )
        for weight in (1, 2)
    ]  # fmt: skip


def ended_well(writers: list[subprocess.Popen[str]]) -> bool:
    said = [writer.communicate()[1] for writer in writers]
    assert not any(said), said
    return all(writer.returncode == 0 for writer in writers)


def test_a_file_that_two_processes_write_is_whole_at_every_moment(tmp_path: Path) -> None:
    place = tmp_path / "network.snn"
    hashes = {ir.content_hash(toy(1)), ir.content_hash(toy(2))}
    ir.save(toy(1), place)
    writers = two_writers("save", place, 100 * FACTOR)
    while any(writer.poll() is None for writer in writers):
        assert ir.content_hash(ir.load(place)) in hashes
    assert ended_well(writers)
    assert not hidden(tmp_path)


def test_a_folder_that_two_processes_write_is_one_of_theirs(tmp_path: Path) -> None:
    place = tmp_path / "net"
    wanted: list[Snapshot | None] = []
    for weight in (1, 2):
        store.write(toy(weight), place, {"c": {}}, force=True)
        wanted.append(snapshot(place))
    assert wanted[0] != wanted[1]
    for _ in range(2 * FACTOR):
        assert ended_well(two_writers("write", place, 5))
        assert snapshot(place) in wanted
        assert not hidden(tmp_path)


def test_two_exports_into_one_folder_are_both_in_its_manifest(tmp_path: Path) -> None:
    place = tmp_path / "net"
    for _ in range(2 * FACTOR):
        store.write(toy(1), place, {}, force=True)
        assert ended_well(two_writers("export", place, 3))
        assert [*store.read_targets(place)] == ["c", "verilog"]
        assert {p.name for p in place.iterdir()} == {"network.snn", "manifest.json", "c", "verilog"}


def test_an_export_into_a_folder_that_is_replaced_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never C of one network beside network.snn of another, whenever the other run comes."""
    place = tmp_path / "net"
    emit = store.backends.target("c").emit
    check = store.check_targets

    def replaced(*arguments: Any) -> None:
        emit(*arguments)
        with monkeypatch.context() as undone:
            undone.setattr(store, "check_targets", check)
            store.write(toy(2), place, {}, force=True)

    def replaced_before(*arguments: Any) -> None:
        check(*arguments)
        with monkeypatch.context() as undone:
            undone.setattr(store, "check_targets", check)
            store.write(toy(2), place, {}, force=True)

    for patch, name, function in (
        (store.backends.target("c"), "emit", replaced),
        (store, "check_targets", replaced_before),
    ):
        store.write(toy(1), place, {}, force=True)
        with monkeypatch.context() as patched, pytest.raises(OutputError, match=r"replaced|written"):
            patched.setattr(patch, name, function)
            store.export(place, {"c": {}})
        assert {p.name for p in place.iterdir()} == {"network.snn", "manifest.json"}
        assert ir.content_hash(ir.load(place)) == store.read_manifest(place)["hash"] == ir.content_hash(toy(2))
        assert not hidden(tmp_path)


# Disks.


@pytest.mark.parametrize("room", [0, 100, 3_000, 50_000])
def test_a_file_size_limit(tmp_path: Path, room: int) -> None:
    """Whatever file meets it first, Rust's, Python's or NumPy's: one line, and the folder as it was."""
    place = tmp_path / "net"
    store.write(toy(1), place, {})
    before = snapshot(place)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    done = snncc("export", place, "--target", "verilog", "--target", "c", preexec_fn=limit)
    if room == 50_000:
        assert done.returncode == 0, "the control: it is the limit that stops it"
        return
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ") and "cannot be written" in done.stderr and "File too large" in done.stderr
    assert snapshot(place) == before and not hidden(tmp_path)


@pytest.mark.parametrize("call", ["mkdir", "write_bytes", "write_text", "replace"])
def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Full at the first, second, ... such call: the folder stays as it was, and nothing is left beside it."""
    place = tmp_path / "net"
    store.write(toy(1), place, {"c": {}})
    before, real = snapshot(place), getattr(Path, call)
    left = failures = 0

    def full(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(28, "No space left on device")
        return real(*arguments, **options)

    while snapshot(place) == before:
        left = failures
        with monkeypatch.context() as patch:
            patch.setattr(Path, call, full)
            try:
                store.write(toy(2), place, {"c": {}}, force=True)
            except OutputError as error:
                assert "No space left" in str(error)
                assert snapshot(place) == before
                failures += 1
        assert not hidden(tmp_path)
    assert failures


@pytest.mark.parametrize("place", ["/proc/snncc", "/dev/null/net", "{file}/net"])
def test_a_place_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be"):
        store.write(toy(1), Path(place.format(file=tmp_path / "file")), {})
    with pytest.raises(OutputError, match="cannot be written"):
        ir.save(toy(1), place.format(file=tmp_path / "file"))


def test_an_output_that_is_full_is_one_line(tmp_path: Path) -> None:
    ir.save(toy(1), tmp_path / "network.snn")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "inspect", str(tmp_path)], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "No space left" in done.stderr


# Whoever reads and whoever stops.


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_closed_pipe_is_no_error(tmp_path: Path, option: list[str]) -> None:
    """As `snncc inspect DIR | head -1`, with a reader that is gone before the first line."""
    ir.save(every_kind(), tmp_path / "network.snn")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        done = subprocess.run(
            [*COMMAND, "inspect", str(tmp_path), *option], stdout=pipe, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.stderr == ""


def interrupted(command: list[str], ready: Any) -> tuple[int, str]:
    """(status, standard error) of a command that gets SIGINT once `ready()`."""
    child = subprocess.Popen(command, env=QUIET, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not ready() and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate()
    return child.returncode, said


def test_ctrl_c_is_one_line_and_status_130(tmp_path: Path) -> None:
    """While a tool runs that would take minutes."""
    folder, tools = tmp_path / "net", tmp_path / "bin"
    store.write(toy(1), folder, {"c": {}})
    tools.mkdir()
    (tools / "gcc").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexec sleep 600\n")
    (tools / "gcc").chmod(0o755)
    command = ["env", f"PATH={tools}:{os.environ['PATH']}", *COMMAND, "verify", str(folder)]
    status, said = interrupted(command, (tmp_path / "started").exists)
    assert status == 130 and len(said.strip().splitlines()) == 1, said


# Surroundings.


@pytest.mark.parametrize("home", ["/dev/null", ""])
def test_no_home_and_a_home_that_cannot_be_written(home: str, digits: Any, tmp_path: Path) -> None:
    """Keras, ccache and the tools keep their notes there; none of them may need it."""
    env = {"HOME": home, "XDG_CACHE_HOME": ""}
    out = tmp_path / "out"
    done = snncc("compile", digits.model, "--calibration", f"{digits.data}:few", "-o", out, "--target", "c", env=env)
    assert done.returncode == 0, done.stderr
    done = snncc("verify", out, "--target", "c-host", "--images", 1, env=env)
    assert done.returncode == 0 and "pass" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    "surroundings",
    [
        {"LANG": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "cp1252"},
    ],
)
def test_a_terminal_without_unicode(tmp_path: Path, surroundings: dict[str, str]) -> None:
    """No command fails over a sign that its terminal lacks."""
    ir.save(every_kind(), tmp_path / "network.snn")
    encoding = surroundings.get("PYTHONIOENCODING", "ascii").replace("ascii", "utf-8")
    done = snncc("inspect", tmp_path, env=surroundings, encoding=encoding)
    assert done.returncode == 0 and not done.stderr and "4×4×4" in done.stdout
    done = snncc("inspect", tmp_path / "λ-none", env=surroundings, encoding=encoding)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and "-none" in done.stderr
    assert len(done.stderr.splitlines()) == 1
