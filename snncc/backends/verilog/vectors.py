"""Golden vectors: every word that every layer emits, and every result beat, from the simulator's trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snncc import sim
from snncc.backends.verilog.instances import input_width, output_width
from snncc.backends.verilog.layout import Layout
from snncc.backends.verilog.memory import Fields
from snncc.backends.verilog.plan import Plan
from snncc.backends.verilog.ports import pixel_width
from snncc.ir import INPUT, Array
from snncc.sim.linear import before, values_of
from snncc.sim.run import go_on
from snncc.sim.step import growth, input_train


@dataclass(frozen=True)
class Vectors:
    """What the hardware must do with a sequence of images, image i at `timesteps[i]`.

    `frames[name]`: per image an array (frames, *shape) of what a node emits (the input included): spikes per timestep,
    or one frame of counts. `values` (N, neurons): the readout. `classes` (N,).
    """

    pixels: Array
    timesteps: tuple[int, ...]
    frames: dict[str, list[Array]]
    values: Array
    classes: Array
    kept: tuple[bool, ...] = ()

    def goes_on(self, image: int) -> bool:
        """Whether the next image, then a sequence, begins with the state in which this one ends."""
        return bool(self.kept) and self.kept[image]


def make(plan: Plan, pixels: Array, timesteps: Sequence[int], kept: Sequence[bool] = ()) -> Vectors:
    """Run the simulator once per distinct T and lay its trace out by hardware node.

    `kept`: of each sequence whether the next one goes on with its state; without, none does.
    """
    network, wanted = plan.network, np.asarray(timesteps)
    images = len(pixels)
    frames: dict[str, list[Array]] = {INPUT: [np.zeros(0)] * images}
    frames |= {node.name: [np.zeros(0)] * images for node in plan.nodes}
    values = np.zeros((images, network.output.neurons), np.int64)
    classes = np.zeros(images, np.int64)
    made = Vectors(pixels, tuple(map(int, timesteps)), frames, values, classes, tuple(kept))
    if kept:
        _go_on(plan, made)
        return made
    for steps in sorted(set(map(int, timesteps))):
        index = np.flatnonzero(wanted == steps)
        result = sim.run(network, pixels[index], steps, network.dynamics, trace=True)
        values[index], classes[index] = result.values.reshape(len(index), -1), result.classes
        for position, image in enumerate(index):
            _lay_out(plan, result, position, int(image), pixels, frames)
    return made


def _go_on(plan: Plan, made: Vectors) -> None:
    """One sequence after the other; what a view has grown by depends on all since the state began."""
    memory, past = None, dict[str, Array]()
    for number, steps in enumerate(made.timesteps):
        result = go_on(plan.network, made.pixels[number : number + 1], steps, memory, trace=True)
        made.values[number], made.classes[number] = result.values.reshape(-1), result.classes[0]
        past = _lay_out(plan, result, 0, number, made.pixels, made.frames, past)
        memory, past = (result.memory, past) if made.goes_on(number) else (None, {})


def _lay_out(
    plan: Plan,
    result: sim.Result,
    position: int,
    image: int,
    pixels: Array,
    frames: dict[str, list[Array]],
    past: dict[str, Array] | None = None,
) -> dict[str, Array]:
    """Write the frames of one image; what every source has handed on since the state began, the `past` included."""
    counts = {name: c[position : position + 1] for name, c in result.counts.items()}
    for name in (INPUT, *(p.name for p in plan.network.populations)):
        node = name if name == INPUT else f"pop_{name}"
        if name == INPUT and plan.network.input.coding.sequences:
            frames[node][image] = pixels[image][: result.timesteps]
        elif name == INPUT and not plan.count and not plan.network.input.coding.spiking:
            frames[node][image] = pixels[image][None]
        elif plan.count:
            if name in counts:
                frames[node][image] = counts[name]
        else:
            known = {} if result.trace is None else result.trace.spikes
            if name in known:
                spikes = known[name][:, position]
                frames[node][image] = spikes[: result.timesteps] if name == INPUT else spikes
    frames[plan.nodes[-1].name][image] = result.values[position][None]
    if plan.count:
        for node, view in plan.pools.items():
            frames[node][image] = values_of(view, counts)
        return {}
    trains = _trains(plan, result, position, pixels[image])
    trains = {name: np.concatenate([past[name], train]) if past else train for name, train in trains.items()}
    shown = trains | {before(name): np.concatenate([t[:1] * 0, t[:-1]]) for name, t in trains.items()}
    total = plan.network.over(result.timesteps).length
    for node, view in plan.pools.items():
        frames[node][image] = growth(view, shown, np.int64)[-total:, 0]
    return trains


def _trains(plan: Plan, result: sim.Result, position: int, pixels: Array) -> dict[str, Array]:
    """What every source of one image hands on, (timesteps, 1, *shape), the input current included."""
    network, spikes = plan.network, {} if result.trace is None else result.trace.spikes
    total = network.over(result.timesteps).length
    trains = {INPUT: input_train(network, pixels[None], result.timesteps, total)}
    return trains | {name: train[:, position : position + 1] for name, train in spikes.items()}


def emitted(name: str, layout: Layout, vectors: Vectors) -> Array:
    """(words, lanes) in the order in which a node (or the encoder) emits them."""
    return np.concatenate([words(layout, frame) for frames in vectors.frames[name] for frame in frames])


def words(layout: Layout, frame: Array) -> Array:
    """(words, lanes) of one frame; empty lanes hold 0."""
    elements = layout.elements()
    flat = np.where(elements >= 0, frame.reshape(-1)[elements], 0)
    return flat.reshape(layout.words, layout.lanes)


def memories(plan: Plan, vectors: Vectors) -> dict[str, Fields]:
    """The golden files of the plain bench."""
    files: dict[str, Fields] = {
        golden_file(plan, plan.stems[node.name]): [(emitted(node.name, node.layout, vectors), node.cw)]
        for node in plan.nodes
    }
    files[golden_file(plan, "input")] = [(emitted(INPUT, plan.input_layout, vectors), plan.input_cw)]
    files |= stimuli(plan, vectors)
    beats = np.concatenate([vectors.values, vectors.classes[:, None]], axis=1).reshape(-1, 1)
    files[golden_file(plan, "results")] = [(beats, output_width(plan))]
    return files


def stimuli(plan: Plan, vectors: Vectors) -> dict[str, Fields]:
    """What the bench feeds: beats of pixels, the first one lowest, and T of each image. A frame begins with a beat."""
    bits, pixels = pixel_width(plan.network), vectors.pixels
    slots = input_width(plan) // bits
    if plan.network.input.coding.sequences:
        pixels = np.concatenate([image[:steps] for image, steps in zip(pixels, vectors.timesteps, strict=True)])
    flat = pixels.reshape(len(pixels), -1)
    padded = np.pad(flat, ((0, 0), (0, -flat.shape[1] % slots)))
    steps = [(np.asarray(vectors.timesteps)[:, None], 16)]
    if plan.keeps:
        steps.append((np.array([[vectors.goes_on(n)] for n in range(len(vectors.timesteps))], np.int64), 1))
    return {
        golden_file(plan, "pixels"): [(padded.reshape(-1, slots), bits)],
        golden_file(plan, "timesteps"): steps,
    }


def golden_file(plan: Plan, what: str) -> str:
    """The name of a golden memory."""
    return f"{plan.ports.memory('golden')}_{what}.mem"
