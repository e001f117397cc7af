"""The bit-accurate simulator of the numeric contract, in NumPy."""

from snncc.sim.run import Result, Trace, check, check_timesteps, run

__all__ = ["Result", "Trace", "check", "check_timesteps", "run"]
