"""The order of a sample's axes: a network reads channels last, its model's users may have theirs first."""

from __future__ import annotations

import math

import numpy as np

from snncc.errors import NetworkError
from snncc.ir.network import Array, Network

AXES = "axes"
"""Where a record's data say which of a sample's own axes is read first, second, ...; not there if they are as read."""


def own_shape(network: Network) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """(a sample's shape in the layout of the model, the order in which its axes are read); None where it is as read.

    NetworkError where the record contradicts itself.
    """
    said = network.record.data if network.record else {}
    if AXES not in said:
        return None
    try:
        axes = tuple(int(axis) for axis in said[AXES].split(","))
        read = tuple(int(size) for size in said.get("shape", "").split("x"))[1:]
    except ValueError:
        axes, read = (), (0,)
    if sorted(axes) != list(range(len(read))):
        raise NetworkError(f"the record's {AXES} {said[AXES]!r:.80} are no order of its data's shape")
    return tuple(read[axes.index(axis)] for axis in range(len(read))), axes


def as_read(network: Network, x: Array) -> Array:
    """A batch in the layout of the model as the network reads it; any other is left as it is."""
    own = own_shape(network)
    x = np.asarray(x)
    if own is None or x.shape[1:] != own[0]:
        return x
    return x.transpose(0, *(axis + 1 for axis in own[1]))


def way_out(x: Array, wanted: tuple[int, ...]) -> str:
    """What makes a batch of another shape one of samples of the wanted shape: `; x[..., None] ...`, or nothing."""
    given = np.shape(x)[1:]
    if np.shape(x) == wanted:
        return "; this is one sample: x[None] is a batch of it"
    if (*given, 1) == wanted:
        return "; x[..., None] has the axis of the channels"
    if len(given) > 1 and (*given[1:], given[0]) == wanted:
        return "; numpy.moveaxis(x, 1, -1) has the channels last"
    if np.shape(x)[:-1] == wanted:
        return "; numpy.moveaxis(x, -1, 0) has the samples first"
    if given and math.prod(given) == math.prod(wanted):
        return f"; x.reshape({', '.join(map(str, (-1, *wanted)))}) where the elements are in this order"
    return ""
