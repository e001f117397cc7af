"""The critical path of a placed design in the words of its RTL: from which register in which module to which."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WRAPPER = "u_top."
"""The design within `snn_pins`."""
MADE_BY_MAPPING = re.compile(r"(_(TRELLIS|LUT4|CCU2C|PFUMX|L6MUX21|MULT18X18D|SB_|DI|Q|D|Z|S)\w*|\$\w*)+$")


def modules(netlist: Path) -> dict[str, str]:
    """Each instance of a netlist that Yosys wrote, with the module that it is; {} where Yosys is too old to say so."""
    design = json.loads(netlist.read_text())["modules"].values()
    cells = {name: cell for module in design for name, cell in module["cells"].items()}
    found = {
        name: str(cell["attributes"].get("module", "")) for name, cell in cells.items() if cell["type"] == "$scopeinfo"
    }
    return {
        name.removeprefix(WRAPPER): next(iter(re.findall(r"snn_\w+", module)), "") for name, module in found.items()
    }


def slowest(paths: list[dict[str, Any]], modules: Mapping[str, str]) -> str:
    """The longest path from a clock's edge to the same clock's next one, of nextpnr's report; "" where it has none."""
    inside = [path["path"] for path in paths if path["from"] == path["to"]]
    if not inside:
        return ""
    steps = max(inside, key=lambda path: sum(float(step["delay"]) for step in path))
    total = sum(float(step["delay"]) for step in steps)
    routing = sum(float(step["delay"]) for step in steps if step["type"] == "routing")
    cells = [str(step["from"]["cell"]) for step in steps] + [str(steps[-1]["to"]["cell"])]
    first, *way, last = [register(cell) for cell in cells]
    between = [name for name in dict.fromkeys(way) if name and name not in (first, last)]
    said = f"{total:.1f} ns ({routing:.1f} of them routing) from {owned(first, modules)} to {owned(last, modules)}"
    return said + (f", through {', '.join(between)}" if between else "")


def register(cell: str) -> str:
    """A mapped cell's register or memory in the RTL, without the wrapper and what mapping put behind its name."""
    return re.sub(r"\.mem\.\d.*$", ".mem", MADE_BY_MAPPING.sub("", cell).removeprefix(WRAPPER))


def owned(name: str, modules: Mapping[str, str]) -> str:
    """`u_hidden_e0.u_walk.b_w_q` as "b_w_q in u_hidden_e0.u_walk (snn_walk)"."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        instance = ".".join(parts[:end])
        if modules.get(instance):
            return f"{'.'.join(parts[end:])} in {instance} ({modules[instance]})"
    return name
