"""The intermediate representation: populations, views, projections, network. Data only.

A network is a directed acyclic graph of integrate-and-fire populations. A projection reads a
view of earlier populations and adds a linear map of it to its own population's membrane
potential. Several projections into one population are an `Add`. docs/contract.md is the meaning.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from msgspec import UNSET, Struct, UnsetType, structs
from numpy.typing import NDArray

from snncc.encodings import ENCODINGS, Coding
from snncc.errors import NetworkError
from snncc.ir.window import DYNAMICS, Dynamics, Window
from snncc.neurons import INTEGRATE_AND_FIRE, SILENT, Firing, LeakyIntegrator, Neuron, Relay, Silent

Array: TypeAlias = NDArray[Any]
Pair: TypeAlias = tuple[int, int]
Pads: TypeAlias = tuple[int, int, int, int]
Encoding: TypeAlias = Literal["rate", "current", "frames"]
Readout: TypeAlias = Literal["potential", "spikes"]
Head: TypeAlias = Literal["linear", "softmax", "sigmoid", "relu"]

INPUT = "input"
"""The name under which a view reads the network's input."""


class Source(Struct, frozen=True, forbid_unknown_fields=True, tag="source", eq=False):
    """Leaf of a view: the output of one population (or of the input), in its own shape."""

    population: str


class Late(Struct, frozen=True, forbid_unknown_fields=True, tag="late", eq=False):
    """Leaf of a view: what a population, wherever it stands, handed on at the timestep before; 0 at the first.

    A recurrent projection reads its own population, or a later one, through it; of an earlier one it is a delay.
    In `step` only.
    """

    population: str


class Reshape(Struct, frozen=True, forbid_unknown_fields=True, tag="reshape", eq=False):
    """The same elements in row-major (channels last) order under another shape: `(N,)` or `(H, W, C)`."""

    view: View
    shape: tuple[int, ...]


class Pad(Struct, frozen=True, forbid_unknown_fields=True, tag="pad", eq=False):
    """`(H, W, C) -> (top+H+bottom, left+W+right, C)` with zeros around; `pads` = top, bottom, left, right."""

    view: View
    pads: Pads


class Concat(Struct, frozen=True, forbid_unknown_fields=True, tag="concat", eq=False):
    """Views of equal height and width one after the other on the channel (last) axis."""

    views: tuple[View, ...]


class MaxPool(Struct, frozen=True, forbid_unknown_fields=True, tag="max_pool", eq=False):
    """`y[i, j, c] = max over the window's real elements`; padded positions do not take part."""

    view: View
    size: Pair
    strides: Pair
    pads: Pads = (0, 0, 0, 0)


class Spread(Struct, frozen=True, forbid_unknown_fields=True, tag="spread", eq=False):
    """`(H, W, C) -> ((H-1)*s0 + 1, (W-1)*s1 + 1, C)`: element (i, j) at `(i*s0, j*s1)`, zeros between.

    Where it repeats, `(H*s0, W*s1, C)`: `y[i, j, c] = x[i // s0, j // s1, c]`.
    """

    view: View
    strides: Pair
    repeat: bool = False

    @property
    def copies(self) -> Pair:
        """How often an element is there, along each axis."""
        return self.strides if self.repeat else (1, 1)

    def extent(self, height: int, width: int) -> Pair:
        """Height and width of the spread map."""
        (down, across), (rows, columns) = self.strides, self.copies
        return (height - 1) * down + rows, (width - 1) * across + columns


View: TypeAlias = Source | Late | Reshape | Pad | Concat | MaxPool | Spread


class Conv2D(Struct, frozen=True, forbid_unknown_fields=True, tag="conv2d", eq=False, kw_only=True):
    """`y[i, j, o] = 2^shift * sum_{k, l, c} W[k, l, c, o] * x[i*s0 + k*d0 - top, j*s1 + l*d1 - left, c]`.

    Cross-correlation; x outside its borders is 0. `weights`: (KH, KW, C_in, C_out).
    """

    name: str
    source: View
    weights: Array
    shift: int = 0
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    pads: Pads = (0, 0, 0, 0)


class DepthwiseConv2D(Struct, frozen=True, forbid_unknown_fields=True, tag="depthwise_conv2d", eq=False, kw_only=True):
    """As `Conv2D`, each input channel alone: output channel `c*M + m` reads input channel c only.

    `weights`: (KH, KW, C_in, M).
    """

    name: str
    source: View
    weights: Array
    shift: int = 0
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    pads: Pads = (0, 0, 0, 0)


class Dense(Struct, frozen=True, forbid_unknown_fields=True, tag="dense", eq=False, kw_only=True):
    """`y[o] = 2^shift * sum_i W[i, o] * x[i]`; `weights`: (N_in, N_out), the view's shape is (N_in,)."""

    name: str
    source: View
    weights: Array
    shift: int = 0


class SumPool2D(Struct, frozen=True, forbid_unknown_fields=True, tag="sum_pool2d", eq=False, kw_only=True):
    """`y[i, j, c] = 2^shift * (sum of the window's elements of channel c)`: average pooling, its 1/k in theta."""

    name: str
    source: View
    size: Pair
    strides: Pair
    shift: int = 0
    pads: Pads = (0, 0, 0, 0)


class Identity(Struct, frozen=True, forbid_unknown_fields=True, tag="identity", eq=False, kw_only=True):
    """`y[..., c] = 2^shift * W[c] * x[..., c]`; `weights`: (C,) or () for all channels. A depthwise 1x1."""

    name: str
    source: View
    weights: Array
    shift: int = 0


Projection: TypeAlias = Conv2D | DepthwiseConv2D | Dense | SumPool2D | Identity


class Population(Struct, frozen=True, forbid_unknown_fields=True, eq=False, kw_only=True):
    """Neurons of one kind: what becomes of one layer. snncc/neurons/ has the equations.

    `shape` is (H, W, C) or (N,). `theta` (> 0), `bias` (added once per timestep) and `v0` are integers in the
    LSB of this population's potential, each broadcastable to `shape`: (), (C,), (H, W, 1) or (H, W, C).
    `theta` is None in a potential readout and in a relay, which never fire. `kind`: the neurons; where it is not set,
    integrate-and-fire with a theta and silent without. `saturates`: a relu with a max_value, which in
    `count` is clipped at T instead of T + spike_ext. `lambda_` (float, () or (C,)): n spikes in T timesteps
    stand for the activation `lambda_ * n / T`, and so does a relay's value n. `layers`: the Keras layers it came from.
    """

    name: str
    shape: tuple[int, ...]
    projections: tuple[Projection, ...]
    theta: Array | None
    bias: Array
    v0: Array
    lambda_: Array
    saturates: bool = False
    layers: tuple[str, ...] = ()
    kind: Neuron | UnsetType = UNSET

    @property
    def neuron(self) -> Neuron:
        """The kind of its neurons."""
        return self.kind or self.usual

    @property
    def usual(self) -> Neuron:
        """The kind that its threshold tells, which `kind` never repeats."""
        return SILENT if self.theta is None else INTEGRATE_AND_FIRE

    @property
    def threshold(self) -> Array:
        """theta; 0 where it has none."""
        return np.zeros((), np.int64) if self.theta is None else self.theta

    @property
    def firing(self) -> Firing:
        """The kind of its neurons, where they fire; NetworkError where they are silent."""
        neuron = self.neuron
        if isinstance(neuron, Silent | Relay | LeakyIntegrator):
            raise NetworkError(f"population {self.name!r} never fires")
        return neuron

    @property
    def relay(self) -> Relay | None:
        """The kind of its neurons, where it is a relay."""
        return self.neuron if isinstance(self.neuron, Relay) else None

    @property
    def neurons(self) -> int:
        """How many neurons it has, the product of its shape."""
        return int(np.prod(self.shape))

    @property
    def fires(self) -> bool:
        """Whether it has a threshold; a relay and a potential readout have none."""
        return self.neuron.fires

    @property
    def hands_on(self) -> bool:
        """Whether other populations can read it: spikes or, from a relay, values."""
        return self.neuron.fires or self.neuron.relays


class RawBytes(Struct, frozen=True, forbid_unknown_fields=True, eq=False, kw_only=True):
    """What a raw byte of the user's own data is: the model input `x = byte*scale[c] + offset[c]`, and its pixel.

    `scale`, `offset`: float64, () or (C,). `pixels` (256,) or (C, 256), int64: the pixel of every byte, as the
    quantiser of `Input` makes it of the model input that stands for that byte. Devices look it up; nothing is rounded
    there. Where scale and offset round differently in the data's own precision, the pixels are the data's.
    """

    scale: Array
    offset: Array
    pixels: Array


class Input(Struct, frozen=True, forbid_unknown_fields=True, eq=False, kw_only=True):
    """What the network reads: integer pixels, made once per image by the host's quantiser.

    `p = clip(rint((float64(x)*gain[c] + offset[c]) * L / lambda_0), -L if signed else 0, L)`, half to even.
    `gain`, `offset` ((C,) or ()) hold leading Rescaling/Normalization layers. encoding `rate`: a population with
    theta = L, v0 = 0, drive p (unsigned only). `current`: the value p at every timestep. `frames`: a sample is a
    sequence (T, *shape), of which every timestep reads its own. `raw`: how bytes become
    pixels, where that is known.
    """

    shape: tuple[int, ...]
    bits: int
    signed: bool
    encoding: Encoding
    lambda_0: float
    gain: Array
    offset: Array
    raw: RawBytes | UnsetType = UNSET

    @property
    def raw_bytes(self) -> RawBytes | None:
        """How a raw byte becomes a pixel; None where it is not known."""
        return self.raw or None

    @property
    def levels(self) -> int:
        """L, the largest pixel."""
        return int(2 ** (self.bits - 1) - 1 if self.signed else 2**self.bits - 1)

    @property
    def coding(self) -> Coding:
        """The encoding's equations."""
        return ENCODINGS[self.encoding]

    @property
    def lambda_(self) -> Array:
        """What one spike per timestep (`rate`) or one unit of current (`current`) stands for."""
        return np.float64(self.coding.unit(self.lambda_0, self.levels)) * np.ones(())


Interval: TypeAlias = tuple[int, int]


class Record(Struct, frozen=True, forbid_unknown_fields=True, eq=False, kw_only=True):
    """What a network was compiled from. Kept with the integers, not part of their hash.

    `options`: every compile-time option by name. `data`: sha256, dtype, shape of the calibration array. `versions`:
    of the packages that took part. `golden` (N, *input.shape), int64: pixels of some calibration samples, the images
    with which every later export chooses, tests and measures.
    """

    options: dict[str, str | int | float | bool | tuple[float, ...] | None]
    data: dict[str, str]
    versions: dict[str, str]
    golden: Array


class Network(Struct, frozen=True, forbid_unknown_fields=True, eq=False, kw_only=True):
    """A whole spiking network. `populations` are in topological order and the last one is the readout.

    `timesteps` is T_max, the largest T it may run with. `signed_bit` >= 2: integers of that many bits;
    0: the float twin. `output_scale` s: the model's output is `V / (s*T)` (`potential`) or `n * lambda / T`.
    `intervals[dynamics][population]` holds every value its potential can take (docs/contract.md, 5). `record`: what
    it was compiled from, if that is known.
    """

    name: str
    input: Input
    populations: tuple[Population, ...]
    timesteps: int
    signed_bit: int
    dynamics: Dynamics = "count"
    readout: Readout = "potential"
    head: Head = "linear"
    output_scale: float = 1.0
    output_shape: tuple[int, ...] = ()
    spike_ext: int = 0
    thresholding: str = "0.5"
    intervals: dict[str, dict[str, Interval]] = {}
    tool_version: str = ""
    record: Record | UnsetType = UNSET

    def __getitem__(self, name: str) -> Population:
        for population in self.populations:
            if population.name == name:
                return population
        raise KeyError(name)

    @property
    def window(self) -> Window:
        """The window that it was compiled for."""
        return Window(self.dynamics, self.timesteps, self.spike_ext)

    def over(self, timesteps: int | None = None, dynamics: Dynamics | None = None) -> Window:
        """A window of another T or in other dynamics."""
        return Window(
            self.dynamics if dynamics is None else dynamics,
            self.timesteps if timesteps is None else timesteps,
            self.spike_ext,
        )

    @property
    def output(self) -> Population:
        """The readout population."""
        return self.populations[-1]

    @property
    def is_integer(self) -> bool:
        """Whether it has integer weights; a float twin (`signed_bit` 0) has none."""
        return self.signed_bit >= 2

    @property
    def runs_in(self) -> tuple[Dynamics, ...]:
        """The dynamics that it has: without `count` where something depends on when a charge arrives."""
        timed = self.input.encoding == "frames" or not all(p.neuron.counts for p in self.populations)
        return ("step",) if timed or self.has_late else DYNAMICS

    @property
    def has_late(self) -> bool:
        """Whether some view reads what a population handed on a timestep before."""
        return any(_reads_late(q.source) for p in self.populations for q in p.projections)

    @property
    def has_relays(self) -> bool:
        """Whether some population hands on values."""
        return any(population.relay for population in self.populations)

    @property
    def golden(self) -> Array | None:
        """Pixels of calibration samples (N, *input.shape), from when it was compiled."""
        return self.record.golden if self.record else None


def _reads_late(view: View) -> bool:
    match view:
        case Late():
            return True
        case Concat(views=views):
            return any(map(_reads_late, views))
        case Reshape(view=inner) | Pad(view=inner) | MaxPool(view=inner) | Spread(view=inner):
            return _reads_late(inner)
        case Source():
            return False


def replace(struct: Any, **changes: Any) -> Any:
    """A copy of a population, projection or network with some fields changed."""
    return structs.replace(struct, **changes)
