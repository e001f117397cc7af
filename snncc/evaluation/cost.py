"""Spikes and synaptic operations of images: every source spike times its fan-out, as the views read it."""

from __future__ import annotations

import numpy as np

from snncc.ir import INPUT, Array, Network, has_max_pool, population_shapes, view_shape
from snncc.sim.fanout import fan_out
from snncc.sim.linear import values_of


class Cost:
    """Counts the spikes of one network and what they drive, chunk by chunk of images."""

    def __init__(self, network: Network) -> None:
        shapes = population_shapes(network)
        self.network = network
        self.current = not network.input.coding.spiking
        self.spiking = [p.name for p in network.populations if p.fires]
        if not self.current:
            self.spiking.insert(0, INPUT)
        # a chunk's counts sum exactly in their own type while they are bounded by T + spike_ext
        self.sum_type = np.float64 if network.spike_ext < 0 else None
        self.macs = self.relayed = 0
        self.synapses = []
        silent = {name: np.zeros((1, *shape)) for name, shape in shapes.items()}
        inputs = silent | ({INPUT: np.ones((1, *shapes[INPUT]))} if self.current else {})
        relays = silent | {p.name: np.ones((1, *p.shape)) for p in network.populations if p.relay}
        for population in network.populations:
            for projection in population.projections:
                fan = fan_out(projection, view_shape(projection.source, shapes)).astype(np.float64)
                pixels = values_of(projection.source, inputs)[0]
                values = values_of(projection.source, relays)[0] * (1 - pixels)
                self.macs += int((pixels * fan).sum())
                self.relayed += int((values * fan).sum())
                spikes = fan * (1 - pixels - values)
                self.synapses.append((projection.source, spikes, has_max_pool(projection.source)))

    def digest(self, outputs: dict[str, Array]) -> tuple[dict[str, int], int]:
        """(spikes per population, synaptic operations) of one chunk of outputs (N, *shape)."""
        summed = {
            name: values.sum(axis=0, keepdims=True, dtype=self.sum_type).astype(np.float64)
            for name, values in outputs.items()
        }
        operations = 0
        for view, fan, maximum in self.synapses:
            values = values_of(view, outputs).sum(axis=0, dtype=np.float64) if maximum else values_of(view, summed)[0]
            operations += int((values * fan).sum())
        return {name: int(summed[name].sum()) for name in self.spiking}, operations
