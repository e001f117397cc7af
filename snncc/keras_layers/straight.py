"""Rounding that gradients pass straight through, and what every module of layers shares."""

from __future__ import annotations

from typing import Any

from keras import ops

PACKAGE = "snncc"
"""Under which Keras registers the layers."""


def floor(x: Any) -> Any:
    """The largest whole number up to x, in x's own type."""
    return x // 1


@ops.custom_gradient  # type: ignore[untyped-decorator]
def floor_divide(u: Any, theta: Any) -> Any:
    """`floor(u / theta)`, exact for integers that the type holds; its gradient is that of `u / theta`.

    The remainder corrects what a compiler may make of a division (a product with 1/theta is wrong near whole numbers).
    """

    def straight_through(*arguments: Any, upstream: Any = None) -> Any:
        upstream = arguments[-1] if upstream is None else upstream
        return upstream / theta, ops.zeros_like(theta)

    n = floor(u / theta)
    rest = u - n * theta
    n = n + ops.cast(rest >= theta, n.dtype) - ops.cast(rest < 0, n.dtype)
    return n, straight_through


@ops.custom_gradient  # type: ignore[untyped-decorator]
def floor_through(u: Any) -> Any:
    """`floor(u)`; its gradient is that of u."""

    def straight_through(*arguments: Any, upstream: Any = None) -> Any:
        return arguments[-1] if upstream is None else upstream

    return floor(u), straight_through


def whole(x: Any, most: float) -> Any:
    """The whole number nearest to x, halves upwards, no further than `most` from 0; gradients pass where x is not."""
    return ops.clip(floor_through(x + 0.5), -most, most)
