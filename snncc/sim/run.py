"""Runs a network on integer pixels: whole batches in bounded memory, on all processors.

Workers take a chunk of images through the whole network each, with one BLAS thread: while one copies, the
other multiplies. Exactness does not depend on how the batch is cut.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from snncc.errors import DataError, NetworkError
from snncc.ir import INPUT, NO_MEANING, Array, Dynamics, Network, pixel_range, refuse, replace
from snncc.sim import count, step
from snncc.sim.chunk import Chunk
from snncc.sim.neurons import Neurons, prepare

CHUNK_ELEMENTS = 2**24
MAX_CHUNK = 64

A = TypeVar("A")
B = TypeVar("B")


@dataclass
class Trace:
    """What every population did.

    step: `spikes[name]` (T + spike_ext, N, *shape) uint8, `potentials[name]` the same shape, int64, V after
    reset; of a relay its values, int64, and what they are rounded from. count: `potentials[name]` (N, *shape) int64,
    u before the division, or before a relay's rounding. Float twin: float64. `changes[name]`, where only those were
    asked for: how many potentials a timestep after the first left changed.
    """

    spikes: dict[str, Array] = field(default_factory=dict)
    potentials: dict[str, Array] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """Readout and counts of a batch of N images.

    `classes` (N,): argmax of the readout, ties to the lowest index; one neuron: 1 where its value > 0.
    `values` (N, *shape): potential after the last timestep, in the readout's LSB, or its counts (`spikes`).
    `outputs` (N, *output_shape) float64: what the Keras model's last linear layer would give.
    `counts[name]` `(N, *shape)`: spikes of each firing population and of the input (`current`: `p*T`), and the values
    of each relay, summed over time. `memory`: where the next window of the sequences goes on, where that was asked for.
    """

    timesteps: int
    dynamics: Dynamics
    classes: Array
    values: Array
    outputs: Array
    counts: dict[str, Array]
    trace: Trace | None = None
    memory: step.Memory | None = None


def check(network: Network, pixels: Array, timesteps: int, dynamics: Dynamics, noneloss: bool = False) -> None:
    """Refuse what the contract refuses, by name."""
    window = network.over(timesteps, dynamics)
    if noneloss and (network.is_integer or not window.counting):
        raise NetworkError("noneloss (nothing rounded) exists in the float twin's `count` only: use signed_bit=0")
    check_shape(network, pixels.shape[1:], timesteps)
    if not np.issubdtype(pixels.dtype, np.integer):
        raise DataError(f"pixels must be integers, not {pixels.dtype}: quantise the images first")
    low, high = pixel_range(network.input)
    if pixels.size and (int(pixels.max()) > high or int(pixels.min()) < low):
        raise DataError(f"pixels must lie in {low}..{high}")
    check_timesteps(network, timesteps)
    if dynamics not in ("count", "step"):
        raise DataError(f"no dynamics {dynamics!r}: there are count and step")
    refuse(network, dynamics, NO_MEANING, NetworkError)


def check_shape(network: Network, shape: tuple[int, ...], timesteps: int) -> None:
    """The shape of a sample's pixels: the input's, or of a sequence (frames, *input.shape) of at least T frames."""
    source = network.input
    if not source.coding.sequences:
        if shape != source.shape:
            raise DataError(f"images of shape {shape}; the network reads {source.shape}")
        return
    if shape[1:] != source.shape:
        raise DataError(f"sequences of shape {shape}; the network reads frames of {source.shape}: (frames, *shape)")
    if shape[0] < timesteps:
        raise DataError(f"sequences of {shape[0]} frames; T = {timesteps} timesteps read as many frames")


def check_timesteps(network: Network, timesteps: int) -> None:
    """One rule for everything that runs a network: 1 <= T <= the T that it was compiled for. DataError."""
    fault = network.over(timesteps).fault
    if fault:
        raise DataError(f"T = {timesteps}: {fault}")
    if timesteps > network.timesteps:
        raise DataError(
            f"T = {timesteps}: the network was compiled for at most {network.timesteps} timesteps, and calibrated for "
            f"them: compile it for {timesteps} (or, calibrated as it is, take network.with_(timesteps={timesteps}))"
        )


def lossless(network: Network) -> Network:
    """The float twin without start potentials: what `noneloss` runs."""
    populations = tuple(replace(p, v0=np.zeros_like(p.v0)) for p in network.populations)
    return replace(network, populations=populations)  # type: ignore[no-any-return]


def chunk_size(network: Network, timesteps: int, dynamics: Dynamics) -> int:
    """Images that one worker takes at a time, so that its arrays stay bounded."""
    neurons = sum(p.neurons for p in network.populations) + int(np.prod(network.input.shape))
    per_image = neurons * network.over(timesteps, dynamics).passes
    return int(max(1, min(MAX_CHUNK, CHUNK_ELEMENTS // per_image)))


@dataclass(frozen=True)
class Ready:
    """A network made ready for one T and dynamics. `run` takes up to `size` images (N, *shape) of integer pixels.

    It gives what every population handed on in sum, or the values of a readout, (N, *shape), and a trace.
    `workers`: chunks at the same time; 0: as many as there are processors. `sums`: the same as a chunk and its trace,
    where that costs less.
    """

    size: int
    run: Callable[[Array], tuple[dict[str, Array], Trace]]
    workers: int = 0
    sums: Callable[[Array], tuple[Chunk, Trace]] | None = None

    def chunk(self, pixels: Array) -> tuple[Chunk, Trace]:
        """What images do, in sum."""
        if self.sums:
            return self.sums(pixels)
        outputs, trace = self.run(pixels)
        return Chunk(outputs), trace


def ready(
    network: Network,
    timesteps: int,
    dynamics: Dynamics,
    trace: bool = False,
    noneloss: bool = False,
    changes: bool = False,
) -> Ready:
    """The simulator. `changes`: in `step` the trace holds spikes, and of potentials only how many changed."""
    network = lossless(network) if noneloss else network
    layers = [prepare(network, population, dynamics) for population in network.populations]

    def run(chunk: Array) -> tuple[dict[str, Array], Trace]:
        return _run_chunk(network, layers, chunk, timesteps, dynamics, trace, noneloss, changes)

    return Ready(chunk_size(network, timesteps, dynamics), run)


def batches(made: Ready, pixels: Array, digest: Callable[[dict[str, Array], Trace], B]) -> Iterator[B]:
    """What `digest` makes of one chunk of images after the other, in order.

    `digest(outputs, trace)` runs in the worker that made the chunk, so that large arrays need not outlive it.
    """
    yield from in_chunks(lambda chunk: digest(*made.run(chunk)), pixels, made.size, made.workers)


def in_chunks(work: Callable[[Array], B], samples: Array, size: int, workers: int = 0) -> Iterator[B]:
    """`work` on `size` samples after the other, in order, on all processors or on so many."""
    chunks = [samples[i : i + size] for i in range(0, len(samples), size)]
    yield from in_parallel(work, chunks, workers or worker_count(len(chunks)))


def worker_count(chunks: int) -> int:
    """One worker per processor that this process may use, at most one per chunk."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, max(1, chunks))


def in_parallel(work: Callable[[A], B], chunks: Iterable[A], workers: int) -> Iterator[B]:
    """Results in order, with at most two chunks per worker taken and under way, each on one BLAS thread."""
    if workers < 2:
        yield from map(work, chunks)
        return
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        try:
            waiting: deque[Future[B]] = deque()
            for chunk in chunks:
                waiting.append(pool.submit(work, chunk))
                if len(waiting) == 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupt waits for what is under way, not for what is not


def _keeper(network: Network, kept: Trace) -> step.Observer:
    """What puts spikes and potentials of `step` into a trace."""
    whole = np.int64 if network.is_integer else np.float64

    def keep(name: str, spikes: Array, potentials: Array) -> None:
        if name == INPUT:
            if network.input.coding.spiking:
                kept.spikes[name] = spikes.astype(np.uint8)
            return
        if network[name].hands_on:
            kept.spikes[name] = spikes.astype(whole if network[name].relay else np.uint8)
        kept.potentials[name] = potentials.astype(whole)

    return keep


def _run_chunk(
    network: Network,
    layers: list[Neurons],
    chunk: Array,
    timesteps: int,
    dynamics: Dynamics,
    trace: bool,
    noneloss: bool,
    changes: bool,
) -> tuple[dict[str, Array], Trace]:
    kept = Trace()
    whole = np.int64 if network.is_integer else np.float64

    def keep_potential(name: str, u: Array) -> None:
        kept.potentials[name] = u.astype(whole)

    def keep_changes(name: str, spikes: Array, potentials: Array) -> None:
        if name == INPUT or network[name].hands_on:
            kept.spikes[name] = spikes
        kept.changes[name] = int(np.count_nonzero(potentials[1:] != potentials[:-1]))

    if network.over(timesteps, dynamics).counting:
        observe = keep_potential if trace else None
        return count.run(network, layers, chunk, timesteps, observe, floor=not noneloss), kept
    watch = _keeper(network, kept) if trace else keep_changes if changes else None
    return step.run(network, layers, chunk, timesteps, watch), kept


def run(
    network: Network,
    pixels: Array,
    timesteps: int,
    dynamics: Dynamics = "count",
    trace: bool = False,
    noneloss: bool = False,
    made: Ready | None = None,
) -> Result:
    """Run a network on integer pixels (N, *input.shape) for T timesteps. DataError, NetworkError as `check`.

    `noneloss` (float twin, `count`): no floor and no start potential, counts are the rates times T. `made`: what else
    runs it, without traces.
    """
    check(network, pixels, timesteps, dynamics, noneloss)
    whole = np.int64 if network.is_integer else np.float64

    def digest(outputs: dict[str, Array], kept: Trace) -> tuple[dict[str, Array], Trace]:
        return {name: values.astype(whole) for name, values in outputs.items()}, kept

    parts = list(batches(made or ready(network, timesteps, dynamics, trace, noneloss), pixels, digest))
    outputs = {name: np.concatenate([part[name] for part, _ in parts]) for name in (parts[0][0] if parts else ())}
    if not parts:
        outputs = {p.name: np.zeros((0, *p.shape), whole) for p in network.populations}
    values = outputs[network.output.name] if network.output.fires else outputs.pop(network.output.name)
    return Result(
        timesteps=timesteps,
        dynamics=dynamics,
        classes=classify(values),
        values=values,
        outputs=rescale(network, values, timesteps),
        counts=outputs,
        trace=_join([kept for _, kept in parts], 0 if network.over(timesteps, dynamics).counting else 1)
        if trace
        else None,
    )


def go_on(
    network: Network, pixels: Array, timesteps: int, memory: step.Memory | None = None, trace: bool = False
) -> Result:
    """Run sequences (N, T, *input.shape) in `step` and keep their state: `memory` of the result is the next window's.

    Potentials, currents and what is read late go on; counts and a potential readout's value are the window's own, a
    leaking readout's is its potential. Bit for bit what one longer window does. DataError, NetworkError as `check`.
    """
    check(network, pixels, timesteps, "step")
    if not network.input.coding.sequences:
        raise NetworkError("state is kept between windows of a sequence: the input of this network is an image")
    if network.spike_ext:
        raise NetworkError("with spike_ext timesteps follow a window's end, so that it cannot go on: compile with 0")
    layers = [prepare(network, population, "step") for population in network.populations]
    memory = step.Memory.of(layers, len(pixels)) if memory is None else deepcopy(memory)
    if not network.output.fires and network.output.neuron.counts:
        memory.states[network.output.name].potential[...] = 0
    train = step.input_train(network, pixels, timesteps, timesteps)
    kept = Trace()

    outputs = step.in_time(layers, memory, train, timesteps, network, _keeper(network, kept) if trace else None)
    counts = {name: values.astype(np.int64) for name, values in outputs.items()}
    values = counts[network.output.name] if network.output.fires else counts.pop(network.output.name)
    return Result(
        timesteps=timesteps,
        dynamics="step",
        classes=classify(values),
        values=values,
        outputs=rescale(network, values, timesteps),
        counts=counts,
        trace=kept if trace else None,
        memory=memory,
    )


def classify(values: Array) -> Array:
    """Class of each image from its readout values (N, ...)."""
    flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
    classes: Array = (flat[:, 0] > 0).astype(np.int64) if flat.shape[1] == 1 else flat.argmax(axis=1)
    return classes


def rescale(network: Network, values: Array, timesteps: int) -> Array:
    """The model's output before its head: V/(s*T), or lambda*n/T for a readout that fires."""
    if network.output.fires:
        scaled = values * (network.output.lambda_ / timesteps)
    else:
        scaled = values / (network.output_scale * timesteps)
    return scaled.reshape(len(values), *network.output_shape)


def _join(parts: list[Trace], axis: int) -> Trace:
    """The traces of chunks as one; images are on this axis."""
    joined = Trace()
    for kind in ("spikes", "potentials"):
        for name in getattr(parts[0], kind) if parts else ():
            getattr(joined, kind)[name] = np.concatenate([getattr(p, kind)[name] for p in parts], axis=axis)
    return joined
