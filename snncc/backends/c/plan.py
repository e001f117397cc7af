"""The program of a network in its dynamics."""

from __future__ import annotations

from snncc.backends.c import gather, scatter
from snncc.backends.c.program import Program
from snncc.errors import TargetError
from snncc.ir import Network


def plan(
    network: Network, prefix: str | None = None, pack: bool = False, limit: int | None = None, fast: int = 0
) -> Program:
    """Everything that the templates read. `prefix` of every symbol: the network's name where there is none.

    `limit`: bytes of the state at most; `fast`: those of a faster memory beside it.

    Raises:
        TargetError: the state needs more bytes than the `limit`, or `fast` divides nothing.
    """
    program = _plan(network, prefix, pack, limit, fast)
    if limit is not None and program.places[1] > limit:
        program = smallest(network, prefix, pack, fast)
        if program.places[1] > limit:
            way = "fewer timesteps or the dynamics `count`" if network.window.stepping else "a smaller network"
            raise TargetError(
                f"the state needs {program.places[1]:,} bytes, and may take {limit:,} (`state_bytes`): use {way}"
            )
    if fast and not program.fast:
        least = min((b.bytes for b in program.state), default=0)
        raise TargetError(f"no part of the state fits {fast:,} bytes (`fast_bytes`): the smallest takes {least:,}")
    if fast and not program.places[1]:
        raise TargetError(
            f"the whole state, {program.fast_places[1]:,} bytes, fits the faster memory: leave out `fast_bytes` and "
            f"place your {program.p}_state_t there"
        )
    return program


def smallest(network: Network, prefix: str | None = None, pack: bool = False, fast: int = 0) -> Program:
    """The program whose state is the smallest."""
    return _plan(network, prefix, pack, 0, fast)


def _plan(network: Network, prefix: str | None, pack: bool, limit: int | None, fast: int) -> Program:
    program = Program(prefix or network.name, network, pack, limit, fast)
    (gather.count if network.window.counting else scatter.step)(program)
    return program
