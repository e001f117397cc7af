"""Weights that are integers in the model already: how a population keeps them.

Of a layer with `W' = w * step[c]`, w integers of `signed_bit` bits, that reads a source of scale lambda_p, 1 in the
rates `sum w r` is worth `unit[c] = step[c] * lambda_p`. With the common scale `s[c] = 2^e / unit[c]` the integer
weights are w and F = e. A second such projection keeps its own where its unit is the first one's times one power of
two, by which its F differs. Source: docs/contract.md, 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from snncc.ir import Array, Network, Population, weight_limit
from snncc.lower.projections import RealPool, RealProjection
from snncc.lower.real import RealNetwork, RealPopulation

SAME = 1e-6
"""Relative difference of scales, which are float32 in a model, that are the same."""


@dataclass(frozen=True)
class Kept:
    """Which projections of a population keep their integers, by their place.

    `unit` of the first of them, (C,), or () where the channels share one scale; `more` its F above e by place; `lost`:
    the layers that do not, and why.
    """

    unit: Array | None = None
    more: Mapping[int, int] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)


def keep(
    projections: Sequence[RealProjection | RealPool], scales: Sequence[Array], signed_bit: int, shared: bool
) -> Kept:
    """How projections keep their grids; `scales`: lambda of each one's source channels; `shared`: one s for all."""
    unit: Array | None = None
    more: dict[int, int] = {}
    lost: dict[str, str] = {}
    heaviest = sorted(enumerate(projections), key=lambda p: 0 if isinstance(p[1], RealPool) else -p[1].weights.size)
    for place, projection in heaviest:
        grid = None if isinstance(projection, RealPool) else projection.grid
        if isinstance(projection, RealPool) or grid is None or not signed_bit:
            continue
        found = _unit(projection, grid.step, scales[place], signed_bit, shared)
        if not isinstance(found, str):
            exponent = 0 if unit is None else _power(found, unit)
            if exponent is not None:
                unit, more[place] = found if unit is None else unit, exponent
                continue
            found = "another layer that adds to the same neurons has a scale that is no power of two of its own"
        lost[grid.layer] = found
    return Kept(unit, more, lost)


def _unit(projection: RealProjection, step: Array, scale: Array, signed_bit: int, shared: bool) -> Array | str:
    """`step * lambda` per output channel; or why there is none."""
    limit = weight_limit(signed_bit)
    largest = round(float(np.abs(projection.weights / projection.per_output(step)).max(initial=0)))
    if largest > limit:
        return f"its integers reach {largest}, and {signed_bit} bits hold those up to {limit}: use a larger signed_bit"
    if not projection.sums_channels:
        unit = step * np.repeat(scale, len(step) // len(scale))
    elif np.ptp(scale) > SAME * scale.max():
        return "the channels that it reads have scales of their own: use one scale per layer"
    else:
        unit = step * scale[0]
    silent = ~np.abs(projection.columns(len(step))).any(axis=0)
    unit = np.where(silent, unit[~silent].max() if not silent.all() else 1.0, unit)
    if not shared:
        return np.asarray(unit)
    if np.ptp(unit) > SAME * unit.max():
        return "its channels have grids of their own, and they must share one scale here (a readout; `per_channel`)"
    return np.asarray(unit[0])


def _power(unit: Array, base: Array) -> int | None:
    """log2(unit / base), where that is one integer for all channels."""
    ratio = np.log2(unit / base)
    whole = np.rint(ratio)
    return int(whole.flat[0]) if (np.abs(ratio - whole) < SAME).all() and np.ptp(whole) == 0 else None


def kept(real: RealPopulation, population: Population) -> list[bool]:
    """Of each projection of an integer population, whether its weights are the model's own integers."""
    found = []
    for own, made in zip(real.projections, population.projections, strict=True):
        integers = None if isinstance(own, RealPool) else own.integers()
        found.append(integers is not None and bool(np.array_equal(integers, getattr(made, "weights", np.nan))))
    return found


def report(real: RealNetwork, network: Network, lost: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """(layers whose integers are all kept, those whose are not and why); `lost`: what `keep` said of them."""
    seen: dict[str, bool] = {}
    for own, made in zip(real.populations, network.populations, strict=True):
        for projection, same in zip(own.projections, kept(own, made), strict=True):
            grid = getattr(projection, "grid", None)
            if grid is not None:
                seen[grid.layer] = same and seen.get(grid.layer, True)
    composed = "it is composed with another linear layer: use `linear` relay, or put an activation between them"
    why = {layer: lost.get(layer, composed) for layer in real.grids if not seen.get(layer)}
    return [layer for layer in real.grids if layer not in why], why
