"""Mutants of the RTL in exported designs under Icarus; what the benches pass meets the tests of its module."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from snncc.backends.vectors import random_pixels
from snncc.backends.verilog import cycles
from snncc.resources import resource
from tests.hw.simulate import build_command, make, measured, plan_with
from tests.mutants import text
from tests.mutants.sites import Mutant
from tests.mutants.tree import Tree
from tests.networks import SIGNED, crossed, dense_chain, dense_skip, max_pooled, one_output, separable, shortcuts

NETWORKS: dict[str, tuple[Any, dict[str, Any], int | None]] = {
    "skip, count": (dense_skip, {"dynamics": "count"}, 3),
    "skip, step": (dense_skip, {"dynamics": "step"}, None),
    "chain, step": (dense_chain, {"dynamics": "step", "sizes": (11, 6, 3), "readout": "spikes", "spike_ext": 2}, 3),
    "one output, step": (one_output, {"dynamics": "step"}, 3),
    "residual, step": (shortcuts, {"dynamics": "step", "source": {"bits": 4}, "signed_bit": 4, "timesteps": 4}, 2),
    "residual, count": (shortcuts, {"source": {"bits": 4}}, None),
    "one output, count": (one_output, {}, 2),
    "pooled, step": (max_pooled, {"dynamics": "step", "signed_bit": 4, "timesteps": 4}, 3),
    "relays, count": (separable, {"dynamics": "count", "timesteps": 3}, 3),
    "relays, step": (separable, {"dynamics": "step", "timesteps": 3}, 3),
    "crossed, step": (crossed, {}, 2),
    "pooled, count": (max_pooled, {"source": SIGNED, "signed_bit": 4}, 4),
}
"""Network, its options, lanes at most."""
RUNS = ((), ("+stall_in=30", "+stall_out=50", "+seed=7"), ("+stall_in=5", "+stall_out=95", "+seed=3"),
        *((f"+reset_after={cycle}",) for cycle in (9, 160)))  # fmt: skip
SECONDS = 30
ENGINE, PARTS = "tests/hw/test_engine.py", "tests/hw/test_cocotb.py"
PROTOCOL = tuple(f"{PARTS}::test_protocol[{kind}-icarus-{d}]" for kind in ("chain", "skip") for d in ("count", "step"))
OUTSIDE = ["tests/backends/test_verilog_weights.py", "tests/hw/test_axi.py"]
LINT = ("tests/hw/test_tools.py::test_lint_is_clean",)
TESTS = {
    "snn_axil": ["tests/hw/test_axi.py"], "snn_axis_split": ["tests/hw/test_formal.py", "tests/hw/test_system.py"],
    "snn_bank": [f"{ENGINE}::test_bank"], "snn_column": [f"{ENGINE}::test_layer"],
    "snn_divide": [f"{PARTS}::test_divide"], "snn_edge": [],
    "snn_encoder_direct": [f"{PARTS}::test_encoder"], "snn_encoder_step": [f"{PARTS}::test_encoder"],
    "snn_fire_count": [f"{ENGINE}::test_fire", f"{ENGINE}::test_layer"],
    "snn_fire_step": [f"{ENGINE}::test_fire", f"{ENGINE}::test_layer"], "snn_lanes": [f"{ENGINE}::test_lanes"],
    "snn_gather": ["tests/hw/test_formal.py"],
    "snn_fire_leaky": [f"{ENGINE}::test_leaky"], "snn_share": [f"{ENGINE}::test_leaky"],
    "snn_frames": [], "snn_encoder_frames": [],
    "snn_layer": [f"{ENGINE}::test_layer"], "snn_pixels": [], "snn_place": [f"{ENGINE}::test_place"],
    "snn_ram": [f"{PARTS}::test_ram"], "snn_readout": [f"{PARTS}::test_readout"], "snn_rom": [f"{PARTS}::test_rom"],
    "snn_scan": [f"{PARTS}::test_scan"], "snn_skid": ["tests/hw/test_formal.py"],
    "snn_tally": ["tests/backends/test_verilog_growth.py"],
    "snn_walk": [f"{ENGINE}::test_walk"], "snn_words": ["tests/hw/test_status.py"],
    **dict.fromkeys(("snn_deal", "snn_edge_tiles", "snn_fill", "snn_load", "snn_reader", "snn_tiles"), OUTSIDE),
}  # fmt: skip
"""The tests of each module alone; all have the protocol's after them."""


class Design:
    """An exported design with its golden bench and the cycles that were predicted for it."""

    def __init__(self, folder: Path, name: str) -> None:
        network, changes, lanes = NETWORKS[name]
        made = network(**changes)
        plan = plan_with(made, lanes)
        pixels, longest = random_pixels(made, 4), made.timesteps
        folder.mkdir(parents=True)
        timing = cycles.predict(plan, make(folder, plan, pixels, [longest, 1, longest // 2, longest]))
        self.folder, self.timing = folder, list(zip(timing.first, timing.last, strict=True))
        if self.noticed():
            raise RuntimeError(f"{name}: {self.noticed()}")

    def noticed(self) -> str:
        """Compile, run plain, stalled and reset; what is wrong, or "" ."""
        try:
            if subprocess.run(build_command(), cwd=self.folder, capture_output=True, timeout=SECONDS).returncode:
                return "compiler"
            for plusargs in RUNS:
                command = ["vvp", "-n", "bench", *plusargs]
                done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=SECONDS)
                if "PASS 4 images" not in done.stdout:
                    return "mismatch" if not plusargs else "reset" if "reset" in plusargs[0] else "stalls"
                if not plusargs and measured(done.stdout) != self.timing:
                    return "cycles"
        except subprocess.TimeoutExpired:
            return "time limit"
        return ""


class Bench:
    """Designs, and a tree for the tests of the modules."""

    kind = "rtl"

    def __init__(self, work: Path, names: tuple[str, ...] = tuple(NETWORKS), tests: bool = True) -> None:
        self.rtl = resource("hw_sim") / "rtl"
        self.designs = [Design(work / str(number), name) for number, name in enumerate(names)]
        self.tree = Tree(work / "tree") if tests else None
        os.environ.setdefault("COCOTB_LOG_LEVEL", "CRITICAL")

    def candidates(self) -> list[Mutant]:
        return [m for file in sorted(self.rtl.glob("*.v")) for m in text.verilog(file.name, file.read_text())]

    def line(self, mutant: Mutant) -> int:
        return mutant.line((self.rtl / mutant.file).read_text())

    def kill(self, mutant: Mutant) -> str:
        """What noticed the mutant in any design that has the module, or which test; "" where nothing did."""
        source = (self.rtl / mutant.file).read_text()
        for design in self.designs:
            file = design.folder / mutant.file
            if not file.exists():
                continue
            file.write_text(mutant.apply(source))
            by = design.noticed()
            file.write_text(source)
            if by:
                return by
        if self.tree is None:
            return ""
        path, tests = f"hw_sim/rtl/{mutant.file}", [*TESTS[mutant.file.removesuffix(".v")], *PROTOCOL]
        if self.tree.kill(path, mutant, LINT):
            return "lint"
        return "module tests" if self.tree.kill(path, mutant, tests) else ""
