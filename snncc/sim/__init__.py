"""The bit-accurate simulator of the numeric contract, in NumPy."""

from snncc.sim.run import Result, Trace, check, check_timesteps, go_on, run
from snncc.sim.step import Memory

__all__ = ["Memory", "Result", "Trace", "check", "check_timesteps", "go_on", "run"]
