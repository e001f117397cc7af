"""The folder DIR/verilog: plan, write; read its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from snncc.backends.vectors import golden_pixels, longest
from snncc.backends.verilog import goals, manifest, system, vectors, write
from snncc.backends.verilog.choose import choose, timed
from snncc.backends.verilog.cycles import node_cycles
from snncc.backends.verilog.drafts import drafts, legal_lanes
from snncc.backends.verilog.plan import Plan, build
from snncc.backends.verilog.ports import Ports
from snncc.errors import OutputError, TargetError
from snncc.ir import INPUT, Array, Network


def write_folder(
    network: Network,
    folder: Path,
    goal: goals.Goal,
    memory_format: str,
    pixels: Array | None,
    ports: Ports,
    clock_mhz: float,
) -> None:
    """Write the whole folder; `clock_mhz`: of the projects. Nothing is left half-written: the caller stages it."""
    made = choose(network, goal, golden_pixels(network, pixels), ports)
    try:
        built = write.sources(folder, made.plan, memory_format)
        write.byte_table(folder, made.plan, memory_format)
        write.bench(folder, made.plan, made.expected)
        write.projects(folder, made.plan, built, clock_mhz, memory_format)
        if ports.axi_lite:
            system.write_wrapper(folder, made.plan, built, clock_mhz)
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
    found = manifest.read(folder)
    return build(network, manifest.choices(found, network, folder), manifest.ports(found, folder))


def golden_cycles(network: Network, folder: Path) -> dict[str, float]:
    """By layer the exact cycles that it is at work for an image: the mean of those that the golden interval is of."""
    plan, pixels = load_plan(network, folder), timed(golden_pixels(network, None))[1:-1]
    found = node_cycles(plan, vectors.make(plan, pixels, [longest(network, pixels)] * len(pixels)))
    return {name.removeprefix("pop_"): cycles for name, cycles in found.items()}


def summary(network: Network, folder: Path) -> dict[str, Any]:
    """Layers with LANES, legal LANES, cycles; the goal; exact cycles: worst case, golden images; the weights."""
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
    weights = {"outside": found["ports"]["weights"], "weights": found["weights"]}
    deep = {name.removeprefix("pop_"): choice["deep"] for name, choice in found["choices"].items()}
    weights["plain"] = [name for name in deep if deep[INPUT] and not deep[name]]
    return {"input_cycles": found["stage_cycles"][INPUT], "layers": layers, **goal, **found["cycles"], **weights}
