"""Spikes and synaptic operations of images: every source spike times its fan-out, as the views read it."""

from __future__ import annotations

import numpy as np

from snncc.ir import INPUT, late_sources, population_shapes, sources
from snncc.metrics import Meter, Work
from snncc.sim.chunk import Chunk
from snncc.sim.linear import before, values_of
from snncc.sim.run import Trace


class Cost:
    """Counts the spikes of one network and what they drive, chunk by chunk of images."""

    def __init__(self, meter: Meter) -> None:
        self.meter, network = meter, meter.network
        shapes = population_shapes(network)
        current = not network.input.coding.spiking
        self.spiking = [*([] if current else [INPUT]), *(p.name for p in network.populations if p.fires)]
        self.macs = self.relayed = 0
        self.synapses = []
        silent = {name: np.zeros((1, *shape)) for name, shape in shapes.items()}
        silent |= {before(name): values for name, values in silent.items()}
        inputs = silent | ({INPUT: np.ones((1, *shapes[INPUT]))} if current else {})
        ones = {p.name: np.ones((1, *p.shape)) for p in network.populations if p.relay}
        relays = silent | ones | {before(name): values for name, values in ones.items()}
        for (_, projection), fan in zip(meter.projections, meter.fans, strict=True):
            view = projection.source
            same = meter.window.stepping and meter.spiking(projection)  # then the meter has counted them
            if not meter.sources_of_values.isdisjoint((*sources(view), *late_sources(view))):
                pixels = values_of(view, inputs)[0].reshape(-1)
                values = values_of(view, relays)[0].reshape(-1) * (1 - pixels)
                self.macs += int(pixels @ fan)
                self.relayed += int(values @ fan)
                fan = fan * (1 - pixels - values)
            self.synapses.append((view, fan, same))

        if network.input.coding.sequences:
            self.macs *= meter.window.timesteps

    def digest(self, chunk: Chunk, work: Work, trace: Trace) -> tuple[dict[str, int], int]:
        """(spikes per population, synaptic operations) of one chunk, its work and its trace."""
        operations = 0
        for (view, fan, same), counted in zip(self.synapses, work.operations, strict=True):
            operations += int(counted[0]) if same else int(self.meter.total(view, chunk, trace).reshape(-1) @ fan)
        return {name: int(chunk.total(name).sum()) for name in self.spiking}, operations
