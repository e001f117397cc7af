"""Mutants of the simulator, the proofs and the lowering: killed by the project's own tests of them."""

from __future__ import annotations

from pathlib import Path

from tests.mutants import syntax
from tests.mutants.sites import Mutant
from tests.mutants.tree import ROOT, Tree

LOWER = ["tests/lower/test_quantise.py", "tests/lower/test_calibrate.py", "tests/lower/test_emit.py"]
KERAS = ["tests/lower/test_random_graphs.py", "tests/lower/test_conversion.py", "tests/lower/test_average_pools.py"]
CALIBRATION = (LOWER, ["tests/lower/test_conversion.py"])
LAYERS = (LOWER, [*KERAS, "tests/frontend/test_refusals.py"])
SIM = (["tests/sim", "tests/ir/test_intervals.py"], ["tests/lower/test_conversion.py"])
Groups = tuple[list[str], ...]
TESTS: dict[str, Groups] = {
    "snncc/sim/count.py": SIM,
    "snncc/sim/encode.py": (
        ["tests/sim/test_encode.py"],
        ["tests/test_api.py", "tests/lower/test_raw.py", "tests/test_keras_exact.py"],
    ),
    "snncc/sim/fanout.py": (["tests/test_cost.py"],),
    "snncc/sim/linear.py": SIM,
    "snncc/sim/neurons.py": SIM,
    "snncc/sim/run.py": (*SIM, ["tests/test_evaluation.py", "tests/test_api.py"]),
    "snncc/sim/step.py": SIM,
    "snncc/sim/twin.py": (["tests/sim/test_twin.py"], ["tests/test_keras_layers.py", "tests/test_spkeras.py"]),
    "snncc/ir/intervals.py": (["tests/ir/test_intervals.py", "tests/ir/test_verify.py"],),
    "snncc/lower/calibrate.py": CALIBRATION,
    "snncc/lower/compose.py": LAYERS,
    "snncc/lower/emit.py": LAYERS,
    "snncc/lower/ends.py": LAYERS,
    "snncc/lower/populate.py": LAYERS,
    "snncc/lower/populations.py": LAYERS,
    "snncc/lower/projections.py": CALIBRATION,
    "snncc/lower/quantise.py": CALIBRATION,
    "snncc/lower/values.py": LAYERS,
}
"""The tests that own each file: a group after the other, those that need Keras (seconds of import) last."""


class Bench:
    """A copy of the tree, mutated in place."""

    kind = "python"

    def __init__(self, work: Path, tests: dict[str, Groups] = TESTS) -> None:
        self.tests = tests
        self.tree = Tree(work / "tree")

    def candidates(self) -> list[Mutant]:
        return [mutant for file in self.tests for mutant in syntax.python(file, (ROOT / file).read_text())]

    def line(self, mutant: Mutant) -> int:
        return mutant.line((ROOT / mutant.file).read_text())

    def kill(self, mutant: Mutant) -> str:
        """The test file that notices the mutant; "" where none does."""
        failing = (self.tree.kill(mutant.file, mutant, group) for group in self.tests[mutant.file])
        return next((failed.split("::")[0] for failed in failing if failed), "")
