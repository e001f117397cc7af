"""Mutants of the simulator, the proofs and the lowering: killed by the project's own tests of them."""

from __future__ import annotations

from pathlib import Path

from tests.mutants import syntax
from tests.mutants.sites import Mutant
from tests.mutants.tree import ROOT, Tree

SIM = ["tests/sim", "tests/ir/test_intervals.py"]
LOWER = ["tests/lower/test_quantise.py", "tests/lower/test_calibrate.py", "tests/lower/test_conversion.py",
         "tests/lower/test_average_pools.py", "tests/lower/test_random_graphs.py"]  # fmt: skip
RUNS = ["tests/lower/test_conversion.py", "tests/test_golden.py", "tests/test_evaluation.py"]
TESTS = {
    "snncc/sim/count.py": [*SIM, *RUNS],
    "snncc/sim/encode.py": [*RUNS, "tests/test_api.py", "tests/backends/test_c_emit.py"],
    "snncc/sim/fanout.py": ["tests/test_cost.py"],
    "snncc/sim/linear.py": [*SIM, "tests/lower/test_random_graphs.py", *RUNS],
    "snncc/sim/neurons.py": [*SIM, *RUNS],
    "snncc/sim/run.py": [*SIM, *RUNS, "tests/test_api.py"],
    "snncc/sim/step.py": [*SIM, *RUNS],
    "snncc/sim/twin.py": ["tests/test_spkeras.py", "tests/test_keras_layers.py"],
    "snncc/ir/intervals.py": ["tests/ir/test_intervals.py", "tests/ir/test_verify.py", "tests/sim"],
    "snncc/lower/calibrate.py": LOWER,
    "snncc/lower/compose.py": [*LOWER, "tests/frontend/test_refusals.py"],
    "snncc/lower/emit.py": LOWER,
    "snncc/lower/populate.py": [*LOWER, "tests/frontend/test_refusals.py"],
    "snncc/lower/quantise.py": [*LOWER, "tests/lower/test_tune.py"],
    "snncc/lower/values.py": [*LOWER, "tests/frontend/test_refusals.py"],
}
"""The tests that own each file, the quickest first."""


class Bench:
    """A copy of the tree, mutated in place."""

    kind = "python"

    def __init__(self, work: Path, tests: dict[str, list[str]] = TESTS) -> None:
        self.tests = tests
        self.tree = Tree(work / "tree")

    def candidates(self) -> list[Mutant]:
        return [mutant for file in self.tests for mutant in syntax.python(file, (ROOT / file).read_text())]

    def line(self, mutant: Mutant) -> int:
        return mutant.line((ROOT / mutant.file).read_text())

    def kill(self, mutant: Mutant) -> str:
        """The test file that notices the mutant; "" where none does."""
        failed = self.tree.kill(mutant.file, mutant, self.tests[mutant.file])
        return failed.split("::")[0]
