"""About how many instructions an inference takes on a Cortex-M4: what each loop of the program costs, times its runs.

benchmarks/c_instructions_bench.py fits the costs to networks that run under QEMU, and measures the error.
"""

from __future__ import annotations

from pathlib import Path

from snncc import ir
from snncc.backends import costs
from snncc.backends.c.activity import activity
from snncc.backends.c.loops import loops
from snncc.backends.c.plan import plan
from snncc.backends.vectors import golden_pixels
from snncc.errors import TargetError
from snncc.ir.capabilities import TIMED

COSTS = Path(__file__).with_name("instructions.json")


def model() -> costs.Costs:
    """The costs, for GCC at -O3."""
    return costs.read(COSTS)["instructions"]


def estimate(
    network: ir.Network, pixels: ir.Array | None = None, *, pack: bool = False, state_bytes: int | None = None
) -> float:
    """Instructions of an inference at T, in the mean over integer images (N, *input shape), the golden ones by default.

    In `step` they follow from the spikes that the images cause. TargetError where the model has no costs for something.
    """
    found = ir.features(network)
    for kind in TIMED:
        if kind in found:
            raise TargetError(
                f"{found[kind]}: the estimate of instructions has no costs of {ir.FEATURES[kind]}: measure the export, "
                "as `make test-cortex-m4` in its folder runs it"
            )
    program = plan(network, "net", pack, state_bytes)
    return model().total(loops(program, activity(program, golden_pixels(network, pixels))))
