"""What a population keeps from one timestep to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


@dataclass
class State:
    """`potential` V and, where the kind has one, the synaptic `current` I; (N, *shape), changed in place."""

    potential: Array
    current: Array

    @classmethod
    def start(cls, v0: Array, images: int, shape: tuple[int, ...], dtype: Any) -> State:
        """V = v0 and I = 0, for so many images."""
        potential = np.empty((images, *shape), dtype)
        potential[...] = v0
        return cls(potential, np.zeros((), dtype))
