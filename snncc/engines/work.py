"""How long the simulator takes for an image, roughly: what `auto` decides by. It changes no result."""

from __future__ import annotations

import math

from snncc.ir import Dynamics, Network, Population, Projection

PRODUCTS_PER_SECOND = 1e11
NEURONS_PER_SECOND = 2e8
"""Of one pass, on two processors of 2023."""


def multiplications(population: Population, projection: Projection) -> int:
    """Products of one pass through a projection, borders included; 0 where it has no kernel."""
    weights = getattr(projection, "weights", None)
    if weights is None or weights.ndim < 2:
        return 0
    windows = math.prod(population.shape[:-1]) if weights.ndim > 2 else 1
    return int(weights.size) * windows


def seconds(network: Network, timesteps: int, dynamics: Dynamics) -> float:
    """Of one image."""
    products = sum(multiplications(p, q) for p in network.populations for q in p.projections)
    neurons = sum(p.neurons for p in network.populations)
    return network.over(timesteps, dynamics).passes * (products / PRODUCTS_PER_SECOND + neurons / NEURONS_PER_SECOND)
