"""What the readers of layers share: a layer's weights and numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from snncc.frontend.builder import Refusal, Shape, Step
from snncc.graph import Array, Pair

Reader = Callable[[Any, Sequence[Shape], Shape], list[Step]]


def weights(layer: Any, name: str) -> Array | None:
    """A layer's variable in float64; None where it has none of this name."""
    variable = getattr(layer, name, None)
    return None if variable is None else np.asarray(variable, np.float64)


def needed(layer: Any, name: str) -> Array:
    """A variable that the layer must have."""
    kernel = weights(layer, name)
    if kernel is None:
        raise Refusal("it has no weights yet; build and train the model first")
    return kernel


def bias(layer: Any) -> Array | None:
    """A layer's bias, where it uses one."""
    return weights(layer, "bias") if layer.use_bias else None


def pair(value: Any) -> Pair:
    """A number per axis of a map. A layer over steps has one number: a sequence is a map of one row."""
    numbers = (value, value) if isinstance(value, int) else tuple(value)
    height, width = (1, *numbers)[-2:]
    return int(height), int(width)
