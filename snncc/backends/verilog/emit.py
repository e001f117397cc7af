"""The target `verilog`: check, plan, write."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from snncc import sim
from snncc.backends import Options, pick
from snncc.backends.vectors import golden
from snncc.backends.verilog import checks, cycles, goals, memory, vectors, write
from snncc.backends.verilog.instances import Design
from snncc.backends.verilog.plan import Choice, Plan, build, describe, drafts, legal_lanes
from snncc.errors import DataError, FileFormatError, OutputError, TargetError
from snncc.ir import Array, Network, content_hash

DEFAULTS: dict[str, Any] = {
    "pixels": None,
    "memory_format": "mem",
    "target_fps": None,
    "clock_mhz": None,
    "max_lanes": None,
    "lanes": {},
}
MANIFEST = "manifest.json"


def check(network: Network, options: Options) -> None:
    """Refuse, by name, what this target cannot express or was wrongly asked for."""
    chosen = pick(options, DEFAULTS, "verilog")
    checks.check(network, network.dynamics)
    if chosen["memory_format"] not in memory.FORMATS:
        raise TargetError(f"no memory format {chosen['memory_format']!r}: choose from {', '.join(memory.FORMATS)}")
    goals.balance(network, network.dynamics, goals.goal_of(chosen))


def plan_for(network: Network, options: Options) -> tuple[Plan, goals.Balance]:
    """The plan that `emit` would write, and how its lanes were balanced."""
    chosen = pick(options, DEFAULTS, "verilog")
    pixels, _ = golden(network, chosen["pixels"])
    balance = goals.balance(network, network.dynamics, goals.goal_of(chosen), activity(network, pixels))
    return build(network, network.dynamics, balance.choices), balance


def activity(network: Network, pixels: Array) -> dict[str, Array]:
    """Mean events per element and image of every source, max-pools included, on the golden images."""
    result = sim.run(network, pixels, network.timesteps, network.dynamics)
    counts = {name: np.asarray(c) for name, c in result.counts.items()}
    counting = network.dynamics == "count"
    if counting or network.input.encoding == "current":
        used = counts if counting else {"input": counts["input"]}
        counts |= {name: (c != 0).astype(np.int64) for name, c in used.items()}
    named = {name if name == "input" else f"pop_{name}": c.mean(axis=0) for name, c in counts.items()}
    for draft in drafts(network, network.dynamics):
        if draft.name not in named:
            named[draft.name] = np.ones(draft.shape)
    return named


def emit(network: Network, folder: Path, options: Options) -> None:
    """Write the whole folder. Nothing is left half-written: the caller stages it."""
    chosen = pick(options, DEFAULTS, "verilog")
    plan, balance = plan_for(network, options)
    pixels, _ = golden(network, chosen["pixels"])
    try:
        built = write.sources(folder, plan, chosen["memory_format"])
        wanted = [network.timesteps] * len(pixels)
        wanted[1:2] = [1] * len(wanted[1:2])
        expected = vectors.make(plan, pixels, wanted)
        write.bench(folder, plan, expected)
        write.projects(folder, plan, built)
        manifest = _manifest(plan, balance, built, expected, folder)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _manifest(
    plan: Plan, balance: goals.Balance, built: Design, expected: vectors.Vectors, folder: Path
) -> dict[str, Any]:
    timing, worst = cycles.predict(plan, expected), cycles.worst(plan)
    return {
        "hash": content_hash(plan.network),
        "dynamics": plan.dynamics,
        "timesteps": plan.network.timesteps,
        "choices": {n: [c.lanes, c.fire_lanes, c.stages] for n, c in balance.choices.items()},
        "nodes": [describe(node) for node in plan.nodes],
        "goal_met": balance.met,
        "stage_cycles": balance.stages,
        "cycles": {
            "golden_timesteps": list(expected.timesteps),
            "golden_latency": timing.latency,
            "golden_first": list(timing.first),
            "golden_last": list(timing.last),
            "worst_latency": worst.latency[0],
            "worst_interval": goals.interval(worst),
        },
        "memories": {
            name: {
                "words": len(fields[0][0]),
                "bits": memory.word_bits(fields),
                "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
            }
            for name, fields in built.memories.items()
        },
    }


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of DIR/verilog, its memory files checked against it: a missing or altered one is an error."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        files = manifest["memories"]
    except (OSError, ValueError, KeyError) as error:
        raise FileFormatError(f"{folder / MANIFEST}: missing or damaged: export the target again") from error
    for name, facts in files.items():
        path = folder / name
        if not path.is_file():
            raise FileFormatError(f"{path}: missing: export the target again")
        if hashlib.sha256(path.read_bytes()).hexdigest() != facts["sha256"]:
            raise FileFormatError(f"{path}: is not the file that was written: export the target again")
    return dict(manifest)


def load_plan(network: Network, folder: Path) -> Plan:
    """The plan of an exported folder DIR/verilog."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        choices = {name: Choice(*map(int, c)) for name, c in manifest["choices"].items()}
        same = manifest["hash"] == content_hash(network)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"{folder / MANIFEST}: missing or damaged: export the target again") from error
    if not same:
        raise DataError(f"{folder} was made from another network than network.snn: export the target again")
    return build(network, network.dynamics, choices)


def summary(network: Network, folder: Path) -> dict[str, Any]:
    """Layers with LANES, legal LANES and expected cycles per image; exact worst cases; the golden images' cycles."""
    manifest = read_manifest(folder)
    legal = {draft.name: legal_lanes(draft) for draft in drafts(network, network.dynamics)}
    layers = [
        {
            "layer": node["name"].removeprefix("pop_"),
            "lanes": node["lanes"],
            "legal": legal[node["name"]],
            "cycles": manifest["stage_cycles"][node["name"]],
        }
        for node in manifest["nodes"]
    ]
    return {"layers": layers, "goal_met": manifest["goal_met"], **manifest["cycles"]}
