"""The float twin (signed_bit = 0) on real-valued data, in `count`: the spiking network before any integer.

    rate:     n = clip(floor(x*T / lambda_0), 0, T)         fix > 0: n = x*fix / lambda_0, unrounded
    current:  n = x*T * L / lambda_0, unrounded             fix > 0: with fix instead of T

and then as `count`. `noneloss` leaves out every floor and start potential: what the rates would be if spikes could
be split, which shows how much of an error is rounding. Source: docs/contract.md, 4 and 6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np

from snncc.errors import DataError, NetworkError
from snncc.ir import Array, Network
from snncc.sim.count import propagate
from snncc.sim.neurons import prepare
from snncc.sim.run import chunk_size, in_chunks, lossless

B = TypeVar("B")


def input_counts(network: Network, x: Array, timesteps: int, fix: float = 0) -> Array:
    """What the input hands on for images (N, *shape) as fed to `model.predict`, float32."""
    source = network.input
    x = np.asarray(x)
    if x.dtype.kind not in "buif" or x.shape[1:] != source.shape:
        raise DataError(f"images of {x.dtype} and shape {x.shape[1:]}; the network reads numbers of {source.shape}")
    if not np.isfinite(x).all():
        raise DataError("the images hold NaN or infinity")
    raw = source.gain.ndim == source.offset.ndim == 0 and source.gain == 1 and source.offset == 0
    # data in 0..1 are multiplied in their own type, so that float32(byte/255)*T rounds to the whole numbers it means
    values = x if raw and x.dtype.kind == "f" else x.astype(np.float64) * source.gain + source.offset
    values = values * (fix or timesteps)
    values = source.coding.real(values, source.levels, source.lambda_0, timesteps, fix)
    return values.astype(np.float32)


def batches(
    network: Network,
    x: Array,
    timesteps: int,
    digest: Callable[[dict[str, Array]], B],
    noneloss: bool = False,
    fix: float = 0,
) -> Iterator[B]:
    """What `digest` makes of the counts of one chunk of images after the other, in order.

    `digest(outputs)` gets the input's and every population's (N, *shape), in the worker that made them.
    """
    if network.is_integer:
        raise NetworkError("noneloss, fix and unquantised data exist in the float twin only: convert with signed_bit=0")
    if timesteps < 1:
        raise DataError(f"timesteps must be at least 1, not {timesteps}")
    if noneloss:
        network = lossless(network)
    layers = [prepare(network, population, "count") for population in network.populations]
    size = chunk_size(network, timesteps, "count")

    def work(chunk: Array) -> B:
        counts = input_counts(network, chunk, timesteps, fix)
        return digest(propagate(network, layers, counts, timesteps, floor=not noneloss))

    yield from in_chunks(work, x, size)
