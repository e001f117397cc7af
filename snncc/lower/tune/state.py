"""The float network and the integer network side by side, one population after the other, on the same images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from snncc.ir import DYNAMICS, INPUT, Array, Input, Interval, Network, Population, View, Window, replace, sources
from snncc.ir.intervals import potential_bounds
from snncc.lower.options import Options
from snncc.lower.real import CHUNK, RealNetwork, RealPopulation, real_input, runner
from snncc.sim import count, step
from snncc.sim.encode import to_pixels
from snncc.sim.linear import exact_dtype, values_of
from snncc.sim.neurons import Neurons, prepare
from snncc.sim.run import in_parallel, worker_count


class State:
    """What every population that is still read holds: float `activations`, integer `trains` and `counts`.

    `trains[name]` is (T + e, N, *shape) in `step`, (N, *shape) in `count`; `counts[name]` (N, *shape) in both.
    """

    def __init__(self, real: RealNetwork, source: Input, options: Options, x: Array, window: Window) -> None:
        self.real, self.source, self.options, self.window = real, source, options, window
        self.final: list[Population] = []
        self.intervals: dict[str, dict[str, Interval]] = {"count": {}, "step": {}}
        pixels, levels = to_pixels(source, x), source.levels
        self.images = len(pixels)
        self.activations: dict[str, Array] = {INPUT: real_input(real, x).astype(np.float32)}
        self.counts: dict[str, Array] = {INPUT: source.coding.counts(pixels, levels, window.timesteps)}
        self.trains: dict[str, Array] = {}
        if window.stepping:
            silence = np.zeros((window.length, *pixels.shape), exact_dtype((-levels, levels)))
            self.trains[INPUT] = source.coding.train(pixels, levels, window.timesteps, silence)
            self.counts[INPUT] = self.trains[INPUT].sum(axis=0)
        self.last_use = {n: i for i, p in enumerate(real.populations) for q in p.projections for n in sources(q.source)}

    def linear(self, population: RealPopulation) -> Array:
        """Float pre-activations (N, *shape) of the next population."""
        run = runner(self.real, population, relu=False)
        read = {name: self.activations[name] for p in population.projections for name in sources(p.source)}
        found = np.empty((self.images, *population.shape), np.float32)

        def work(rows: slice) -> None:
            found[rows] = run({name: values[rows] for name, values in read.items()})

        self._each(work, CHUNK)
        return found

    def view(self, view: View) -> Array:
        """Counts per timestep, (N, *shape) float32, that are read through a view in the integer network."""
        return np.asarray(values_of(view, self.counts), np.float32) / np.float32(self.window.timesteps)

    def network(self, candidate: Population) -> Network:
        """The final populations and a candidate for the next; proved but for the candidate."""
        return Network(
            name=self.real.name,
            input=self.source,
            populations=(*self.final, candidate),
            timesteps=self.options.timesteps,
            signed_bit=self.options.signed_bit,
            spike_ext=self.options.spike_ext,
            intervals=self.intervals,
        )

    def proved(self, candidate: Population) -> Network:
        """The same, the candidate proved too."""
        network, proved = self.network(candidate), self.intervals["count"]
        intervals = {
            d: self.intervals[d] | {candidate.name: potential_bounds(network, candidate, d, proved)} for d in DYNAMICS
        }
        return replace(network, intervals=intervals)  # type: ignore[no-any-return]

    def neurons(self, candidate: Population) -> Neurons:
        """A candidate made ready to run on the final populations."""
        return self._ready(self.proved(candidate), candidate)

    def _ready(self, network: Network, population: Population) -> Neurons:
        return prepare(network, population, "step" if self._steps(population) else "count")

    def _steps(self, population: Population) -> bool:
        return not population.neuron.counts_at_once(self.window.counting)

    def drive(self, neurons: Neurons) -> Array:
        """What the projections add: per timestep (T + e, N, *shape) in `step`, else of the whole window."""
        population, window = neurons.population, self.window
        if self._steps(population):
            network = self.network(population)
            read = {INPUT, *(name for s in neurons.synapses for name in sources(s.view))}
            train = np.empty((window.length, self.images, *population.shape), neurons.dtype)

            def charge(rows: slice) -> None:
                trains = {name: self.trains[name][:, rows] for name in read}
                train[:, rows] = step.charge(network, neurons, trains, window.timesteps, window.length)

            self._each(charge, max(1, CHUNK // window.length))
            return train
        whole = np.empty((self.images, *population.shape), neurons.dtype)
        self._each(lambda rows: neurons.drive(self.counts, rows, whole[rows]), neurons.block)
        return whole

    def _each(self, work: Callable[[slice], object], size: int) -> None:
        """`work` on so many images after the other, on all processors."""
        rows = [slice(start, start + size) for start in range(0, self.images, size)]
        for _ in in_parallel(work, rows, worker_count(len(rows))):
            pass

    def advance(self, population: Population, drive: Array | None, linear: Array) -> Array:
        """Take a population as final and run it; its counts, or its potential where it does not fire."""
        network = self.proved(population)
        neurons = self._ready(network, population)
        drive = self.drive(neurons) if drive is None else drive.astype(neurons.dtype, copy=False)
        if self._steps(population):
            train = step.scan(neurons, drive, self.window.timesteps, None)
            self.trains[population.name] = train if population.relay else train.astype(np.uint8)
            out: Any = train.sum(axis=0, dtype=np.float64 if population.relay else np.float32)
        else:
            out = drive + neurons.parameter(population.bias, self.window.timesteps) + neurons.parameter(population.v0)
            if population.fires:
                out = count.fire(neurons, out, self.window.limit(population.saturates))
            elif population.relay:
                out = neurons.hand_on(population.relay, out)
        self.counts[population.name] = out
        self.activations[population.name] = linear
        done = len(self.final)
        self.final, self.intervals = [*self.final, population], network.intervals
        for held in (self.activations, self.counts, self.trains):
            for name in [n for n in held if n != INPUT and self.last_use.get(n, len(self.real.populations)) <= done]:
                del held[name]
        return np.asarray(out)
