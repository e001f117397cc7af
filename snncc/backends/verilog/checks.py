"""What this target refuses, by name, before anything is written."""

from __future__ import annotations

from snncc.errors import TargetError
from snncc.ir import Dynamics, Network, has_max_pool


def check(network: Network, dynamics: Dynamics) -> None:
    """TargetError that names the population and the way out."""
    if not network.is_integer:
        raise TargetError("the float twin (signed_bit=0) has no integers to export: compile with signed_bit 2..16")
    if network.spike_ext < 0:
        raise TargetError("spike_ext = -1 (no upper clip) exists in the simulator only: compile with spike_ext >= 0")
    for population in network.populations:
        pooled = any(has_max_pool(p.source) for p in population.projections)
        if pooled and dynamics == "step":
            raise TargetError(
                f"population {population.name!r} reads a max-pool, which has no meaning for single spikes: "
                "use dynamics `count` or an average pool"
            )
