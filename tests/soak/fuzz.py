"""Hostile inputs by the ten thousand: `python -m tests.soak.fuzz --inputs 100000 --seed 1`.

Every input is made from (seed, kind, number) alone. Child processes take them shard by shard under a limit of memory
and, per input, of time; a child that dies is a finding, and its shard goes on behind the input that killed it. Shards
that are done are kept in the state file, so that a run of the same code that was stopped goes on where it was.

A finding is: an error that is not one of snncc's own, a message that a terminal would obey, a process that hangs,
crashes or needs too much memory, something written outside the scratch folder, a program started, anything unpickled,
or an accepted network that is not what it says (tests/soak/judge.py).
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from snncc.errors import SnnccError
from tests.soak.judge import Finding
from tests.soak.watch import Watch

SHARES = {"network": 0.71, "arrays": 0.15, "descriptions": 0.10, "models": 0.01, "onnx": 0.03}
SHARD = {"network": 2_000, "arrays": 1_000, "descriptions": 1_000, "models": 250, "onnx": 1_000}
MEMORY = {
    "network": 2**30,
    "arrays": 2**30,
    "descriptions": 2**30,
    "models": 4 * 2**30,
    "onnx": 2**30,
    "controls": 2**30,
}
"""Bytes that a child may map beyond what it has when its first input comes."""
PROCESSOR_SECONDS = {"network": 30, "arrays": 30, "descriptions": 30, "models": 60, "onnx": 30, "controls": 2}
WALL_SECONDS = 600
"""What one input may take."""


SURROUNDINGS = {"OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1"}


def kind_of(name: str, scratch: Path, good: Path) -> Any:
    """The maker and user of one kind's inputs."""
    from tests.soak import array_inputs, controls, model_inputs, network_inputs, onnx_inputs

    if name == "controls":
        return controls.Controls(scratch)
    if name == "network":
        return network_inputs.NetworkInputs(scratch)
    if name == "onnx":
        return onnx_inputs.OnnxModels(scratch)
    if name == "arrays":
        return array_inputs.ArrayInputs(scratch)
    return {"descriptions": model_inputs.Descriptions, "models": model_inputs.Models}[name](scratch, good)


def outcome_of(kind: Any, watch: Watch, dice: random.Random) -> str:
    """What became of one input; Finding where that must not be."""
    watch.seen.clear()
    watch.on = True
    try:
        outcome: str = kind.attempt(dice)
    except SnnccError as error:
        said = str(error)
        if not said or not all(c.isprintable() or c == "\n" for c in said):
            raise Finding(f"a message that is none: {said!r:.200}") from error
        outcome = type(error).__name__
    finally:
        watch.on = False
    if watch.seen:
        raise Finding(f"done meanwhile: {watch.seen}")
    return outcome


def child(name: str, seed: int, start: int, stop: int, skipped: set[int], scratch: Path, good: Path) -> dict[str, Any]:
    """One shard: outcomes by name, findings, the most memory used."""
    os.chdir(scratch)
    warnings.simplefilter("ignore")
    kind, watch = kind_of(name, scratch, good), Watch(scratch)
    kind.tidy()
    there = {path.name for path in scratch.iterdir()}
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY[name],) * 2)
    outcomes: collections.Counter[str] = collections.Counter()
    findings = []
    with (scratch / "number").open("w") as at:
        for number in range(start, stop):
            if number in skipped:
                continue
            os.pwrite(at.fileno(), f"{number:12}".encode(), 0)
            signal.setitimer(signal.ITIMER_PROF, PROCESSOR_SECONDS[name])
            signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
            try:
                outcomes[outcome_of(kind, watch, random.Random(f"{seed} {name} {number}"))] += 1
            except BaseException as error:
                outcomes["finding"] += 1
                findings.append({"number": number, "what": f"{type(error).__name__}: {error}"[:500],
                                 "where": traceback.format_exc(limit=-4)[-1500:]})  # fmt: skip
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            kind.tidy()
            left = {path.name for path in scratch.iterdir()} - there - {"number"}
            if left:
                outcomes["finding"] += 1
                findings.append({"number": number, "what": f"left behind: {sorted(left)}", "where": ""})
                there |= left
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"outcomes": dict(outcomes), "findings": findings, "seconds": used.ru_utime + used.ru_stime,
            "megabytes": used.ru_maxrss // 1024}  # fmt: skip


def shard(name: str, seed: int, start: int, stop: int, good: Path) -> dict[str, Any]:
    """One shard in children: one, or one more for each that dies."""
    skipped: list[int] = []
    deaths = []
    while True:
        with tempfile.TemporaryDirectory(prefix="snncc-fuzz-") as folder:
            given = [name, seed, start, stop, folder, good.resolve(), *skipped]
            done = subprocess.run(
                [sys.executable, "-m", "tests.soak.fuzz", "--child", *map(str, given)],
                env={**os.environ, **SURROUNDINGS, "TMPDIR": folder},
                capture_output=True, text=True, errors="replace", check=False,
            )  # fmt: skip
            if done.returncode == 0:
                found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
                found["findings"] += deaths
                if deaths:
                    found["outcomes"]["finding"] = found["outcomes"].get("finding", 0) + len(deaths)
                return found
            number = Path(folder, "number")
            if not number.exists() or len(deaths) > 20:
                raise RuntimeError(
                    f"{name} {start}..{stop} does not start (status {done.returncode}): {done.stderr[-2000:]}"
                )
            skipped.append(int(number.read_text()))
        how = signal.Signals(-done.returncode).name if done.returncode < 0 else f"status {done.returncode}"
        limits = {
            "SIGPROF": f"more than {PROCESSOR_SECONDS[name]} s",
            "SIGALRM": f"more than {WALL_SECONDS} s of wall time",
        }
        what = f"the process ended by {how} {limits.get(how, '')}"
        deaths.append({"number": skipped[-1], "what": what, "where": done.stderr[-1000:]})


def shards(inputs: int) -> list[tuple[str, int, int]]:
    """(kind, first, behind the last) of all shards, the slow kinds first."""
    found = []
    for name in ("models", "onnx", "descriptions", "arrays", "network"):
        share = round(inputs * SHARES[name])
        found += [(name, start, min(start + SHARD[name], share)) for start in range(0, share, SHARD[name])]
    return found


def summary(done: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Figures of all shards by kind."""
    kinds: dict[str, dict[str, Any]] = {}
    for key, found in done.items():
        kind = kinds.setdefault(
            key.split()[0], {"inputs": 0, "outcomes": {}, "processor_seconds": 0.0, "megabytes": 0, "findings": []}
        )
        for name, number in found["outcomes"].items():
            kind["outcomes"][name] = kind["outcomes"].get(name, 0) + number
            kind["inputs"] += number
        kind["processor_seconds"] = round(kind["processor_seconds"] + found["seconds"], 1)
        kind["megabytes"] = max(kind["megabytes"], found["megabytes"])
        kind["findings"] += found["findings"]
    for kind in kinds.values():
        kind["outcomes"] = dict(sorted(kind["outcomes"].items(), key=lambda item: -item[1]))
    return kinds


def code() -> str:
    """What tells this code from another: a state file of other code counts for nothing."""
    digest = hashlib.sha256()
    root = Path(__file__).parents[2]
    for path in sorted([*root.glob("snncc/**/*.py"), *root.glob("tests/soak/*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run(inputs: int, seed: int, state: Path, jobs: int) -> dict[str, Any]:
    """All shards that the state file does not hold yet; the figures of all."""
    state.parent.mkdir(parents=True, exist_ok=True)
    kept: dict[str, Any] = json.loads(state.read_text()) if state.exists() else {}
    done: dict[str, dict[str, Any]] = kept["shards"] if kept.get("code") == code() else {}
    waiting = [part for part in shards(inputs) if _key(part) not in done]
    good = state.parent / "good"
    if waiting and not (good / "good.h5").exists():
        good.mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-m", "tests.soak.fuzz", "--good", str(good)], check=True, capture_output=True)
    with ThreadPoolExecutor(jobs) as pool:
        for part, found in zip(waiting, pool.map(lambda p: shard(p[0], seed, p[1], p[2], good), waiting), strict=True):
            done[_key(part)] = found
            state.write_text(json.dumps({"code": code(), "shards": done}))
            print(_key(part), found["outcomes"], flush=True)
    return summary(done)


def kills() -> list[dict[str, Any]]:
    """What `tests.soak.kills` finds: one entry per scenario."""
    with tempfile.TemporaryDirectory(prefix="snncc-kills-") as folder:
        command = [sys.executable, "-m", "tests.soak.kills", folder]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | SURROUNDINGS)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _key(part: tuple[str, int, int]) -> str:
    return f"{part[0]} {part[1]} {part[2]}"


def main() -> None:
    """The command line; status 1 where there is a finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--state", type=Path, help="default: build/soak/SEED-INPUTS.json")
    parser.add_argument("--record", type=Path, help="also write the figures there, with the machine's")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--good", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        name, seed, start, stop, scratch, good, *skipped = given.child
        print(
            json.dumps(child(name, int(seed), int(start), int(stop), set(map(int, skipped)), Path(scratch), Path(good)))
        )
        return
    if given.good:
        from tests.soak.model_inputs import Source

        Source(given.good)
        return
    kinds = run(
        given.inputs, given.seed, given.state or Path(f"build/soak/{given.seed}-{given.inputs}.json"), given.jobs
    )
    print(json.dumps({"seed": given.seed, "kinds": kinds}, indent=2))
    findings = [f"{name} {one['number']}: {one['what']}" for name, kind in kinds.items() for one in kind["findings"]]
    if given.record:
        from benchmarks import bench

        killed = kills()
        findings += [line for one in killed for line in one["findings"]]
        bench.write(given.record.stem, {"seed": given.seed, "inputs": given.inputs, "kinds": kinds, "kills": killed})
    sys.exit("\n".join(findings) or 0)


if __name__ == "__main__":
    main()
