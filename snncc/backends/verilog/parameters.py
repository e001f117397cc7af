"""The parameters of a node's neurons as the firing pass reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from snncc.backends.verilog.drafts import Draft
from snncc.ir import Array


@dataclass(frozen=True)
class Parameters:
    """v0, bias and theta of each neuron in firing order, (depth, fire_lanes) int64; the pass repeats them.

    Of a relay theta is the shift, and v0 what rounding adds. `further`: what else leaky neurons have, by the parameter
    that says its width.
    """

    v0: Array
    bias: Array
    theta: Array
    further: Mapping[str, Array] = field(default_factory=dict)

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
    fields = {"V0W": (v0, 0), "BIASW": (bias, 0), "THW": (theta, 1)}
    if draft.leaky is not None:
        fields |= {"V0W": (draft.leaky.v0, 0), "THW": (draft.leaky.theta, 1)} | draft.leaky.fields()
    channels, values = draft.shape[-1], [value for value, _ in fields.values()]
    if all(v.ndim == 0 for v in values) and (padded == channels or all(int(v) == i for v, i in fields.values())):
        return _made({name: np.full((1, fire_lanes), value, np.int64) for name, (value, _) in fields.items()})
    whole = draft.shape if any(v.ndim == 3 for v in values) else (channels,)

    def in_words(value: Array, idle: int) -> Array:
        rows = np.broadcast_to(value, whole).reshape(-1, channels)
        table = np.full((len(rows), padded), idle, np.int64)
        table[:, :channels] = rows
        return table.reshape(-1, fire_lanes)

    return _made({name: in_words(value, idle) for name, (value, idle) in fields.items()})


def _made(fields: dict[str, Array]) -> Parameters:
    return Parameters(fields.pop("V0W"), fields.pop("BIASW"), fields.pop("THW"), fields)
