"""What runs a network bit-exactly over many images: NumPy, the exported C on this machine, Keras on its device.

    numpy    the simulator: exact matrix products in floating point
    native   the exported C as a shared library, on all processors
    keras    the Keras twin on the device of Keras's backend, in `count`
    auto     native where that is sooner with its compilation and can be had, else numpy

All give the same integers. Source: docs/guide/engines.md.
"""

from __future__ import annotations

from typing import Protocol

from snncc.engines.keras import Keras
from snncc.engines.native import Native
from snncc.engines.work import seconds
from snncc.errors import DataError, SnnccError, ToolMissingError, warn_once
from snncc.ir import Dynamics, Network
from snncc.sim.run import Ready, ready

AUTO = "auto"
WORTH = 3.0
"""Seconds of NumPy from which on `auto` compiles."""


class Engine(Protocol):
    """One way to run networks."""

    name: str

    def ready(self, network: Network, timesteps: int, dynamics: Dynamics, changes: bool = False) -> Ready:
        """A network made ready; `changes` as in the simulator. SnnccError where this engine cannot run it."""


class Numpy:
    """The engine `numpy`: snncc/sim."""

    name = "numpy"

    def ready(self, network: Network, timesteps: int, dynamics: Dynamics, changes: bool = False) -> Ready:
        return ready(network, timesteps, dynamics, changes=changes)


ENGINES: dict[str, Engine] = {engine.name: engine for engine in (Numpy(), Native(), Keras())}
NAMES = (AUTO, *ENGINES)


def check(name: str) -> None:
    """DataError where there is no engine of this name."""
    if name not in NAMES:
        raise DataError(f"no engine {name!r}: there are {', '.join(NAMES)}")


def choose(
    name: str, network: Network, timesteps: int, dynamics: Dynamics, images: float, changes: bool = False
) -> tuple[str, Ready]:
    """(the engine that runs, the network made ready on it). DataError: there is none of this name."""
    check(name)
    if name != AUTO:
        return name, ENGINES[name].ready(network, timesteps, dynamics, changes)
    if seconds(network, timesteps, dynamics) * images >= WORTH:
        try:
            return "native", ENGINES["native"].ready(network, timesteps, dynamics, changes)
        except ToolMissingError as error:
            warn_once(str(error))
        except SnnccError:  # what C refuses, or this machine cannot build, NumPy runs
            pass
    return "numpy", ENGINES["numpy"].ready(network, timesteps, dynamics, changes)
