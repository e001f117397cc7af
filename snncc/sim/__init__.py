"""The bit-accurate simulator of the numeric contract, in NumPy."""

from snncc.sim.run import Result, Trace, run

__all__ = ["Result", "Trace", "run"]
