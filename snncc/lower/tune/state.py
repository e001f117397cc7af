"""The float network and the integer network side by side, one population after the other, on the same images."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc.ir import INPUT, Array, Input, Network, Population, View, replace, sources
from snncc.ir.intervals import potential_bounds
from snncc.lower.options import Options
from snncc.lower.real import RealNetwork, RealPopulation, prepared_input, runner
from snncc.lower.tune.firing import Window
from snncc.sim import count, step
from snncc.sim.encode import quantise
from snncc.sim.linear import read
from snncc.sim.neurons import Neurons, prepare


class State:
    """What every population that is still read holds: float `activations`, integer `trains` and `counts`.

    `trains[name]` is (T + e, N, *shape) in `step`, (N, *shape) in `count`; `counts[name]` (N, *shape) in both.
    """

    def __init__(self, real: RealNetwork, source: Input, options: Options, x: Array, window: Window) -> None:
        self.real, self.dynamics, self.timesteps, self.extra = real, window.dynamics, window.timesteps, window.extra
        self.network = Network(
            name=real.name,
            input=source,
            populations=(),
            timesteps=options.timesteps,
            signed_bit=options.signed_bit,
            spike_ext=options.spike_ext,
            intervals={"count": {}, "step": {}},
        )
        pixels = quantise(source, x)
        self.images = len(pixels)
        self.activations: dict[str, Array] = {INPUT: prepared_input(real, x).astype(np.float32)}
        self.counts: dict[str, Array] = {INPUT: count.input_counts(self.network, pixels, self.timesteps)}
        self.trains: dict[str, Array] = {}
        if self.dynamics == "step":
            self.trains[INPUT] = step.input_train(self.network, pixels, self.timesteps, window.length)
            self.counts[INPUT] = self.trains[INPUT].sum(axis=0)
        self.last_use = {n: i for i, p in enumerate(real.populations) for q in p.projections for n in sources(q.source)}

    def linear(self, population: RealPopulation) -> Array:
        """Float pre-activations (N, *shape) of the next population."""
        return runner(self.real, population, relu=False)(self.activations)

    def view(self, view: View) -> Array:
        """Counts per timestep, (N, *shape) float32, that are read through a view in the integer network."""
        return np.asarray(read(view, self.counts), np.float32) / np.float32(self.timesteps)

    def neurons(self, population: Population) -> tuple[Network, Neurons]:
        """A candidate made ready to run on the populations so far."""
        proved = self.network.intervals["count"]
        intervals = {
            d: self.network.intervals[d] | {population.name: potential_bounds(self.network, population, d, proved)}
            for d in ("count", "step")
        }
        network = replace(self.network, populations=(*self.network.populations, population), intervals=intervals)
        return network, prepare(network, population, "step" if self._steps(population) else "count")

    def _steps(self, population: Population) -> bool:
        return self.dynamics == "step" and population.fires

    def drive(self, neurons: Neurons) -> Array:
        """What the projections add: per timestep (T + e, N, *shape) in `step`, else of the whole window."""
        if self._steps(neurons.population):
            total = self.timesteps + self.extra
            return step.charge(self.network, neurons, self.trains, self.timesteps, total)
        whole = np.empty((self.images, *neurons.population.shape), neurons.dtype)
        for start in range(0, self.images, neurons.block):
            rows = slice(start, start + neurons.block)
            neurons.drive(self.counts, rows, whole[rows])
        return whole

    def advance(self, population: Population, drive: Array | None, linear: Array) -> Array:
        """Take a population as final and run it; its counts, or its potential where it does not fire."""
        self.network, neurons = self.neurons(population)
        drive = self.drive(neurons) if drive is None else drive.astype(neurons.dtype, copy=False)
        if self._steps(population):
            self.trains[population.name] = step.scan(neurons, drive, self.timesteps, None).astype(np.uint8)
            out: Any = self.trains[population.name].sum(axis=0, dtype=np.float32)
        else:
            out = drive + neurons.parameter(population.bias, self.timesteps) + neurons.parameter(population.v0)
            if population.fires:
                out = count.fire(neurons, out, self.most(population.saturates))
        self.counts[population.name] = out
        self.activations[population.name] = linear
        done = len(self.network.populations) - 1
        for held in (self.activations, self.counts, self.trains):
            for name in [n for n in held if n != INPUT and self.last_use.get(n, len(self.real.populations)) <= done]:
                del held[name]
        return np.asarray(out)

    def most(self, saturates: bool) -> float:
        """The largest count in `count`."""
        if self.network.spike_ext < 0 and not saturates:
            return float("inf")
        return self.timesteps + (0 if saturates else self.extra)
