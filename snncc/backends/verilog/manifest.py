"""manifest.json of an exported folder: what was chosen, widths, memory shapes and checksums, predicted cycles."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from snncc.backends.verilog import cycles, goals, memory
from snncc.backends.verilog.choose import Made
from snncc.backends.verilog.instances import Design
from snncc.backends.verilog.plan import Choice, describe
from snncc.backends.verilog.ports import Ports
from snncc.backends.verilog.ports import read as read_ports
from snncc.errors import DataError, FileFormatError
from snncc.ir import Network, content_hash

MANIFEST = "manifest.json"
FORMAT = 6


def write(folder: Path, made: Made, built: Design) -> None:
    """The manifest of a folder whose memory files are written already."""
    (folder / MANIFEST).write_text(json.dumps(_facts(folder, made, built), indent=2) + "\n")


def _facts(folder: Path, made: Made, built: Design) -> dict[str, Any]:
    plan, balance, timing, worst = made.plan, made.balance, made.timing, cycles.worst(made.plan)
    return {
        "format": FORMAT,
        "hash": content_hash(plan.network),
        "dynamics": plan.network.dynamics,
        "timesteps": plan.network.timesteps,
        "ports": plan.ports.to_dict(),
        "choices": {name: asdict(choice) for name, choice in balance.choices.items()},
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


def read(folder: Path) -> dict[str, Any]:
    """The manifest of DIR/verilog; a FileFormatError where there is none of this version."""
    damaged = f"{folder / MANIFEST}: missing or damaged: export the target again"
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise FileFormatError(damaged) from error
    if not isinstance(manifest, dict) or not {"hash", "choices", "memories"} <= manifest.keys():
        raise FileFormatError(damaged)
    if manifest.get("format") != FORMAT:
        raise FileFormatError(f"{folder / MANIFEST}: of another version of snncc: export the target again")
    return manifest


def check_memories(manifest: dict[str, Any], folder: Path) -> None:
    """A FileFormatError names a memory file that is missing or is not the one that was written."""
    for name, facts in manifest["memories"].items():
        path = folder / name
        if not path.is_file():
            raise FileFormatError(f"{path}: missing: export the target again")
        if hashlib.sha256(path.read_bytes()).hexdigest() != facts["sha256"]:
            raise FileFormatError(f"{path}: is not the file that was written: export the target again")


def ports(manifest: dict[str, Any], folder: Path) -> Ports:
    """How the design meets its surroundings."""
    try:
        return read_ports(manifest.get("ports"))
    except (ValueError, TypeError) as error:
        raise FileFormatError(f"{folder / MANIFEST}: missing or damaged: export the target again") from error


def choices(manifest: dict[str, Any], network: Network, folder: Path) -> dict[str, Choice]:
    """What was chosen for each node; a DataError where the manifest is of another network."""
    try:
        found = {
            name: Choice(**{what: int(number) for what, number in choice.items()})
            for name, choice in manifest["choices"].items()
        }
    except (AttributeError, ValueError, TypeError) as error:
        raise FileFormatError(f"{folder / MANIFEST}: missing or damaged: export the target again") from error
    if manifest["hash"] != content_hash(network):
        raise DataError(f"{folder} was made from another network than network.snn: export the target again")
    return found
