"""The program of a network in its dynamics."""

from __future__ import annotations

from snncc.backends.c import gather, scatter
from snncc.backends.c.program import Program
from snncc.ir import Network


def plan(network: Network, prefix: str | None = None, pack: bool = False) -> Program:
    """Everything that the templates read. `prefix` of every symbol: the network's name where there is none."""
    program = Program(prefix or network.name, network, pack)
    (gather.count if network.window.counting else scatter.step)(program)
    return program
