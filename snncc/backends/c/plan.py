"""The program of a network in its dynamics."""

from __future__ import annotations

from snncc.backends.c import gather, scatter
from snncc.backends.c.program import Program
from snncc.errors import TargetError
from snncc.ir import Network


def plan(network: Network, prefix: str | None = None, pack: bool = False, limit: int | None = None) -> Program:
    """Everything that the templates read. `prefix` of every symbol: the network's name where there is none.

    Raises:
        TargetError: the state needs more bytes than the `limit`.
    """
    program = _plan(network, prefix, pack, limit)
    if limit is not None and program.places[1] > limit:
        program = smallest(network, prefix, pack)
        if program.places[1] > limit:
            way = "fewer timesteps or the dynamics `count`" if network.window.stepping else "a smaller network"
            raise TargetError(
                f"the state needs {program.places[1]:,} bytes, and may take {limit:,} (`state_bytes`): use {way}"
            )
    return program


def smallest(network: Network, prefix: str | None = None, pack: bool = False) -> Program:
    """The program whose state is the smallest."""
    return _plan(network, prefix, pack, 0)


def _plan(network: Network, prefix: str | None, pack: bool, limit: int | None) -> Program:
    program = Program(prefix or network.name, network, pack, limit)
    (gather.count if network.window.counting else scatter.step)(program)
    return program
