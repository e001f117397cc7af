"""The parameters of a node's neurons as the firing pass reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snncc.backends.verilog.drafts import Draft
from snncc.ir import Array


@dataclass(frozen=True)
class Parameters:
    """v0, bias and theta of each neuron in firing order, (depth, fire_lanes) int64; the pass repeats them.

    Of a relay theta is the shift, and v0 what rounding adds.
    """

    v0: Array
    bias: Array
    theta: Array

    @property
    def depth(self) -> int:
        return len(self.theta)


def parameters(draft: Draft, padded: int, fire_lanes: int) -> Parameters:
    """Those of a draft with so many channels in its words; one for all neurons has depth 1.

    Padded channels have theta 1 and nothing else: their potential stays 0 and they never fire.
    """
    population = draft.population
    v0, bias, theta = draft.least, np.zeros((), np.int64), np.ones((), np.int64)
    if population is not None:
        v0, bias = population.v0, population.bias
        theta = theta if population.theta is None else population.theta
        if population.relay is not None:
            v0, theta = population.relay.half, population.relay.shift
    values = (v0, bias, theta)
    channels = draft.shape[-1]
    if all(v.ndim == 0 for v in values) and (padded == channels or [int(v) for v in values] == [0, 0, 1]):
        return Parameters(*(np.full((1, fire_lanes), v, np.int64) for v in values))
    whole = draft.shape if any(v.ndim == 3 for v in values) else (channels,)

    def in_words(value: Array, idle: int) -> Array:
        rows = np.broadcast_to(value, whole).reshape(-1, channels)
        table = np.full((len(rows), padded), idle, np.int64)
        table[:, :channels] = rows
        return table.reshape(-1, fire_lanes)

    return Parameters(in_words(v0, 0), in_words(bias, 0), in_words(theta, 1))
