"""The timesteps of one run, and what they allow: the one place that knows T, spike_ext and the upper clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Dynamics: TypeAlias = Literal["count", "step"]
DYNAMICS: tuple[Dynamics, ...] = ("count", "step")
MAX_TIMESTEPS = 65_535
"""Of T + spike_ext: what 16 bits hold."""


@dataclass(frozen=True)
class Window:
    """T timesteps with input and bias, then `spike_ext` without; -1, in `count` only: counts have no upper end.

    Source: docs/contract.md, 4.
    """

    dynamics: Dynamics
    timesteps: int
    spike_ext: int = 0

    @property
    def counting(self) -> bool:
        """`count`: a neuron takes the whole window at once, and a spike train travels as its count."""
        return self.dynamics == "count"

    @property
    def stepping(self) -> bool:
        """`step`: one timestep after the other, with binary spikes."""
        return self.dynamics == "step"

    @property
    def extra(self) -> int:
        """Timesteps after T."""
        return max(0, self.spike_ext)

    @property
    def length(self) -> int:
        """T + spike_ext, the timesteps of `step`."""
        return self.timesteps + self.extra

    @property
    def passes(self) -> int:
        """How often a projection is applied: once, or at every timestep."""
        return 1 if self.counting else self.length

    @property
    def held(self) -> int:
        """How many timesteps of a constant one pass brings: T at once, or one."""
        return self.timesteps if self.counting else 1

    @property
    def lasting(self) -> float:
        """What 1 of bias adds to a potential: in `count` all of it by T, in `step` on average over the window."""
        return self.timesteps if self.counting else (self.timesteps + 1) / 2

    def limit(self, saturates: bool = False) -> int | None:
        """The most spikes of a neuron; T under a relu with a max_value in `count`. None: there is no upper end."""
        if saturates and self.counting:
            return self.timesteps
        return None if self.spike_ext < 0 else self.length

    @property
    def fault(self) -> str:
        """Why there is no such window, or nothing."""
        if self.dynamics not in DYNAMICS:
            return f"dynamics must be count or step, not {self.dynamics!r}"
        if self.timesteps < 1:
            return f"timesteps must be at least 1, not {self.timesteps}"
        if self.spike_ext < -1:
            return f"spike_ext must be -1 or more, not {self.spike_ext}"
        if self.length > MAX_TIMESTEPS:
            return (
                f"timesteps + spike_ext must be at most {MAX_TIMESTEPS:,}, not {self.timesteps:,} + {self.extra:,} = "
                f"{self.length:,}"
            )
        return ""
