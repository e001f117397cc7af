"""What this target refuses, by name, before anything is written."""

from __future__ import annotations

from snncc.backends.verilog.edges import check_matrix, is_dense
from snncc.backends.verilog.leaves import axes
from snncc.backends.verilog.plan import drafts
from snncc.errors import TargetError
from snncc.ir import INPUT, Concat, Dynamics, MaxPool, Network, Source, View, has_max_pool


def check(network: Network, dynamics: Dynamics) -> None:
    """TargetError that names the population and the way out."""
    if not network.is_integer:
        raise TargetError("the float twin (signed_bit=0) has no integers to export: compile with signed_bit 2..16")
    if network.spike_ext < 0:
        raise TargetError("spike_ext = -1 (no upper clip) exists in the simulator only: compile with spike_ext >= 0")
    shapes = {INPUT: network.input.shape}
    for population in network.populations:
        pooled = any(has_max_pool(p.source) for p in population.projections)
        if pooled and dynamics == "step":
            raise TargetError(
                f"population {population.name!r} reads a max-pool, which has no meaning for single spikes: "
                "use dynamics `count` or an average pool"
            )
        if pooled and network.input.signed and _reaches_input(network):
            raise TargetError(
                f"population {population.name!r}: the maximum of a signed current input is not made in hardware: "
                "put a relu before the max-pool or calibrate with non-negative data"
            )
    found = drafts(network, dynamics)
    known = shapes | {draft.name: draft.shape for draft in found}
    for draft in found:
        for leaf, geometry in draft.parts:
            if is_dense(geometry) or axes(leaf, known[leaf.source]) is not None:
                continue
            if draft.kind != "max_pool":
                check_matrix(leaf, geometry, draft.shape)
            else:
                raise TargetError(
                    f"{draft.name!r} pools a view of {leaf.source!r} whose axes a reshape entangles: "
                    "pool before the reshape"
                )


def _reaches_input(network: Network) -> bool:
    """Whether a max-pool reads the input itself."""
    found: list[bool] = []

    def walk(view: View, inside: bool) -> None:
        match view:
            case Source(population=name):
                found.append(inside and name == INPUT)
            case Concat(views=views):
                for part in views:
                    walk(part, inside)
            case MaxPool(view=inner):
                walk(inner, True)
            case _:
                walk(view.view, inside)

    for population in network.populations:
        for projection in population.projections:
            walk(projection.source, False)
    return any(found)
