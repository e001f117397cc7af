"""The target `verilog`: check, plan, write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from snncc.backends import Options, pick
from snncc.backends.vectors import golden_pixels
from snncc.backends.verilog import checks, goals, manifest, memory, write
from snncc.backends.verilog.choose import choose
from snncc.backends.verilog.drafts import drafts, legal_lanes
from snncc.backends.verilog.plan import Plan, build
from snncc.errors import OutputError, TargetError
from snncc.ir import INPUT, Network

DEFAULTS: dict[str, Any] = {
    "pixels": None,
    "memory_format": "mem",
    "target_fps": None,
    "clock_mhz": None,
    "max_lanes": None,
    "lanes": {},
}


def check(network: Network, options: Options) -> None:
    """Refuse, by name, what this target cannot express or was wrongly asked for."""
    chosen = pick(options, DEFAULTS, "verilog")
    checks.check(network, network.dynamics)
    if chosen["memory_format"] not in memory.FORMATS:
        raise TargetError(f"no memory format {chosen['memory_format']!r}: choose from {', '.join(memory.FORMATS)}")
    goals.balance(network, goals.goal_of(chosen))


def emit(network: Network, folder: Path, options: Options) -> None:
    """Write the whole folder. Nothing is left half-written: the caller stages it."""
    chosen = pick(options, DEFAULTS, "verilog")
    made = choose(network, goals.goal_of(chosen), golden_pixels(network, chosen["pixels"]))
    try:
        built = write.sources(folder, made.plan, chosen["memory_format"])
        write.byte_table(folder, made.plan, chosen["memory_format"])
        write.bench(folder, made.plan, made.expected)
        write.projects(folder, made.plan, built)
        manifest.write(folder, made, built)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from error


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of DIR/verilog, its memory files checked against it: a missing or altered one is an error."""
    if not folder.is_dir():
        raise TargetError(f"{folder.parent} has no verilog folder: snncc export {folder.parent} --target verilog")
    found = manifest.read(folder)
    manifest.check_memories(found, folder)
    return found


def load_plan(network: Network, folder: Path) -> Plan:
    """The plan of an exported folder DIR/verilog."""
    return build(network, manifest.choices(manifest.read(folder), network, folder))


def summary(network: Network, folder: Path) -> dict[str, Any]:
    """Layers with LANES, legal LANES, expected cycles per image; the goal; exact cycles: worst case, golden images."""
    found = read_manifest(folder)
    legal = {draft.name: legal_lanes(draft) for draft in drafts(network)}
    layers = [
        {
            "layer": node["name"].removeprefix("pop_"),
            "lanes": node["lanes"],
            "legal": legal[node["name"]],
            "cycles": found["stage_cycles"][node["name"]],
        }
        for node in found["nodes"]
    ]
    goal = {key: found[key] for key in ("goal_cycles", "goal_met")}
    return {"input_cycles": found["stage_cycles"][INPUT], "layers": layers, **goal, **found["cycles"]}
