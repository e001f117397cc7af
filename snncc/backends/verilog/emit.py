"""The target `verilog`: check, plan, write."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from snncc import sim
from snncc.backends import Options, pick
from snncc.backends.vectors import golden_pixels
from snncc.backends.verilog import checks, cycles, goals, memory, vectors, write
from snncc.backends.verilog.drafts import drafts, legal_lanes
from snncc.backends.verilog.instances import Design
from snncc.backends.verilog.leaves import node_name
from snncc.backends.verilog.plan import Choice, Plan, build, describe
from snncc.errors import DataError, FileFormatError, OutputError, TargetError
from snncc.ir import INPUT, Array, Network, content_hash
from snncc.sim.linear import read

DEFAULTS: dict[str, Any] = {
    "pixels": None,
    "memory_format": "mem",
    "target_fps": None,
    "clock_mhz": None,
    "max_lanes": None,
    "lanes": {},
}
MANIFEST = "manifest.json"
FORMAT = 3
LEAST = 3  # golden images: two at T_max, one at T = 1


def check(network: Network, options: Options) -> None:
    """Refuse, by name, what this target cannot express or was wrongly asked for."""
    chosen = pick(options, DEFAULTS, "verilog")
    checks.check(network, network.dynamics)
    if chosen["memory_format"] not in memory.FORMATS:
        raise TargetError(f"no memory format {chosen['memory_format']!r}: choose from {', '.join(memory.FORMATS)}")
    goals.balance(network, network.dynamics, goals.goal_of(chosen))


@dataclass(frozen=True)
class Made:
    """A plan, how its lanes were balanced, what it must do with the golden images and in which cycles, exactly."""

    plan: Plan
    balance: goals.Balance
    expected: vectors.Vectors
    timing: cycles.Timing
    goal: float | None

    @property
    def interval(self) -> float:
        """Mean cycles from one result to the next at T_max; the last image runs at T = 1."""
        return (self.timing.last[-2] - self.timing.last[0]) / (len(self.timing.last) - 2)

    @property
    def met(self) -> bool:
        return self.goal is None or self.interval <= self.goal


def choose(network: Network, goal: goals.Goal, pixels: Array) -> Made:
    """The cheapest plan whose exact cycles on the golden images (at least three) meet the goal, or the nearest.

    The balance goes by means over an image; where they promise too much, it is asked again for that much more.
    """
    pixels = np.resize(pixels, (max(len(pixels), LEAST), *pixels.shape[1:]))
    seen, asked = activity(network, pixels), goal
    while True:
        balance = goals.balance(network, network.dynamics, asked, seen)
        plan = build(network, network.dynamics, balance.choices)
        expected = vectors.make(plan, pixels, [network.timesteps] * (len(pixels) - 1) + [1])
        made = Made(plan, balance, expected, cycles.predict(plan, expected), goal.cycles)
        if made.met or not balance.met or asked.cycles is None or goal.cycles is None:
            return made
        asked = replace(goal, cycles=min(asked.cycles * goal.cycles / made.interval, 0.99 * balance.reached))


def activity(network: Network, pixels: Array) -> dict[str, Array]:
    """Mean events per element and image of every source, max-pools included, on the golden images."""
    result = sim.run(network, pixels, network.timesteps, network.dynamics)
    seen = {name: np.asarray(c) for name, c in result.counts.items()}
    counting, current = network.dynamics == "count", network.input.encoding == "current"
    events = {
        node_name(name): (c != 0 if counting or (name == INPUT and current) else c).mean(axis=0)
        for name, c in seen.items()
    }
    for draft in drafts(network, network.dynamics):
        if draft.pool is not None:
            events[draft.name] = (read(draft.pool, seen) != 0).mean(axis=0)
    return events


def emit(network: Network, folder: Path, options: Options) -> None:
    """Write the whole folder. Nothing is left half-written: the caller stages it."""
    chosen = pick(options, DEFAULTS, "verilog")
    made = choose(network, goals.goal_of(chosen), golden_pixels(network, chosen["pixels"]))
    try:
        built = write.sources(folder, made.plan, chosen["memory_format"])
        write.byte_table(folder, made.plan, chosen["memory_format"])
        write.bench(folder, made.plan, made.expected)
        write.projects(folder, made.plan, built)
        (folder / MANIFEST).write_text(json.dumps(_manifest(made, built, folder), indent=2) + "\n")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _manifest(made: Made, built: Design, folder: Path) -> dict[str, Any]:
    plan, balance, timing, worst = made.plan, made.balance, made.timing, cycles.worst(made.plan)
    return {
        "format": FORMAT,
        "hash": content_hash(plan.network),
        "dynamics": plan.dynamics,
        "timesteps": plan.network.timesteps,
        "choices": {n: [c.lanes, c.fire_lanes, c.stages] for n, c in balance.choices.items()},
        "nodes": [describe(node) for node in plan.nodes],
        "goal_cycles": made.goal,
        "goal_met": made.met,
        "stage_cycles": balance.stages,
        "cycles": {
            "golden_timesteps": list(made.expected.timesteps),
            "golden_latency": timing.latency,
            "golden_first": list(timing.first),
            "golden_last": list(timing.last),
            "golden_interval": made.interval,
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
    if not folder.is_dir():
        raise TargetError(f"{folder.parent} has no verilog folder: snncc export {folder.parent} --target verilog")
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        files = manifest["memories"]
    except (OSError, ValueError, KeyError) as error:
        raise FileFormatError(f"{folder / MANIFEST}: missing or damaged: export the target again") from error
    if manifest.get("format") != FORMAT:
        raise FileFormatError(f"{folder / MANIFEST}: of another version of snncc: export the target again")
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
    """Layers with LANES, legal LANES, expected cycles per image; the goal; exact cycles: worst case, golden images."""
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
    goal = {key: manifest[key] for key in ("goal_cycles", "goal_met")}
    return {"input_cycles": manifest["stage_cycles"][INPUT], "layers": layers, **goal, **manifest["cycles"]}
