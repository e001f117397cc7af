"""IR -> Keras model: the same numbers, the same counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from snncc import ir
from snncc.errors import DataError, NetworkError
from snncc.ir import INPUT, Array
from snncc.keras_layers.check import compare
from snncc.keras_layers.layers import (
    ChannelWeights,
    CurrentBias,
    InputSpikes,
    RelayForward,
    SpikeForward,
    SumPooling2D,
)
from snncc.keras_layers.synapses import RADIX, ExactConv2D, ExactDense, ExactDepthwiseConv2D
from snncc.names import unique
from snncc.sim.neurons import widened
from snncc.sim.run import check_timesteps

Tensor = Any


def to_keras(
    network: Any,
    timesteps: int | None = None,
    *,
    noneloss: bool = False,
    pixels: bool = True,
    rescale: bool = True,
    dtype: str | None = None,
    check: int = 4,
    trainable: bool = False,
) -> keras.Model:
    """The network (`snncc.Network` or its IR) in `count` dynamics, T timesteps, as an ordinary Keras model.

    Its input is images as fed to the CNN. The layer named after a population gives that population's counts (a
    potential readout: V), equal to `Network.run`'s for an integer network, whose kernels hold W_int. The output is
    the CNN's: `V / (s*T)` or, where the readout fires, `lambda*n / T` (`rescale=False`: V or n), then its head.
    `noneloss` and `pixels=False` (images unrounded, as SpKeras feeds them) are the float twin's alone. `dtype`:
    float64 also where float32 is exact. `trainable` (an integer network): the model can be fine-tuned by `fit`. Its
    weights and biases are real numbers that act as the nearest integers, gradients straight through, a bias in units of
    its population's weights; `to_network` reads the integers back.

    It is exact by construction: docs/adr/0303-one-form-for-products.md. All the same an integer network's model is
    run once, on `check` images (0: none; some made up, some of its calibration data), and every population is compared
    with the simulator.

    NetworkError: a population needs more than 53 bits, the backend is set up without float64, or the check found a
    difference (it names the first population, the neuron, and both values).
    """
    whole: ir.Network = getattr(network, "ir", network)
    if whole.is_integer and (noneloss or not pixels):
        raise NetworkError("noneloss and pixels=False exist in the float twin only: convert with signed_bit=0")
    if whole.is_integer and dtype not in (None, "float64"):
        raise NetworkError(f"an integer network is exact in the types chosen for it or in float64, not in {dtype!r}")
    if check < 0:
        raise DataError(f"check is a number of images, 0 for none, not {check}")
    timesteps = whole.timesteps if timesteps is None else timesteps
    check_timesteps(whole, timesteps)
    ir.refuse(whole, "count", ir.NO_MEANING, NetworkError)
    model = Builder(whole, timesteps, noneloss, pixels, dtype, trainable and whole.is_integer).model(rescale)
    if whole.is_integer and check:
        compare(whole, model, timesteps, check)
    return model


def _has_float64() -> bool:
    probe = ops.convert_to_tensor(np.ones(1), dtype="float64")
    return bool(keras.backend.standardize_dtype(probe.dtype) == "float64")


class Builder:
    """Makes the model.

    `synapses`: (population, number of the projection) -> its layer; `biases`: population -> the layer of its biases,
    where it has one; `most` > 0: what weights may be trained to.
    """

    def __init__(
        self,
        network: ir.Network,
        timesteps: int,
        noneloss: bool = False,
        pixels: bool = True,
        dtype: str | None = None,
        trainable: bool = False,
    ) -> None:
        self.network, self.timesteps, self.noneloss, self.pixels = network, timesteps, noneloss, pixels
        self.dtype = dtype
        self.most = 2 ** (network.signed_bit - 1) - 1 if trainable else 0
        self.widest = _largest_weights(network, self.most) if trainable else network
        self.names = {INPUT, "images", *(p.name.lower() for p in network.populations)}
        self.synapses = {
            (p.name, number): self._unique(f"{p.name}_synapses")
            for p in network.populations
            for number in range(len(p.projections))
        }
        self.biases = {
            p.name: p.name if not p.hands_on else self._unique(f"{p.name}_bias")
            for p in network.populations
            if not p.hands_on or p.bias.any() or trainable
        }
        self.tensors: dict[str, Tensor] = {}
        self.loads: list[Callable[[], None]] = []  # weights go in when all layers are built

    def model(self, rescale: bool) -> keras.Model:
        """The whole model; its weights are loaded last."""
        whole = "float64" if self.network.is_integer or self.dtype == "float64" else "float32"
        if whole == "float64" and not _has_float64():
            raise NetworkError(
                f"the backend {keras.backend.backend()!r} has no float64 as it is set up, which the input needs to be "
                "exact: for JAX, jax.config.update('jax_enable_x64', True)"
            )
        images = keras.Input(self.network.input.shape, dtype=whole, name="images")
        self.tensors[INPUT] = self._input(whole)(images)
        for population in self.network.populations:
            self.tensors[population.name] = self._population(population)
        model = keras.Model(images, self._head(rescale), name=self.network.name)
        for load in self.loads:
            load()
        return model

    def _input(self, dtype: str) -> InputSpikes:
        source = self.network.input
        return InputSpikes(
            timesteps=self.timesteps,
            levels=source.levels if self.pixels else 0,
            signed=source.signed,
            encoding=source.encoding,
            lambda_0=source.lambda_0,
            gain=source.gain,
            offset=source.offset,
            unit=1.0 if self.pixels else float(source.levels),
            dtype=dtype,
            name=INPUT,
        )

    def _unique(self, base: str) -> str:
        name = unique(base, self.names)
        self.names.add(name.lower())
        return name

    def _add(self, layer: Any, *weights: Array) -> Any:
        if weights:
            self.loads.append(lambda: layer.set_weights([np.asarray(w, np.float64) for w in weights]))
        return layer

    def _exact(self, population: ir.Population) -> str:
        """float32 where it holds the population's interval, one threshold more on either side, and a bit to spare.

        The bit is for tensor cores, which align addends and cut off what sticks out, and for divisions that are two
        units off in the last place.
        """
        if not self.network.is_integer:
            return self.dtype or "float32"
        low, high = widened(self.widest, self.widest[population.name], "count")
        theta = 0 if population.theta is None else int(np.max(population.theta))
        reach = max(theta - low, high + theta)
        if reach > 2**53:
            raise NetworkError(
                f"population {population.name!r}: its potential needs more than the 53 bits of a float64: "
                "run it with snncc's simulator, or with fewer timesteps"
            )
        return self.dtype or ("float32" if reach <= 2**23 else "float64")

    def _population(self, population: ir.Population) -> Tensor:
        dtype = self._exact(population)
        parts = [self._projection(population, number, dtype) for number in range(len(population.projections))]
        u = layers.Add(dtype=dtype, name=self._unique(f"{population.name}_sum"))(parts) if len(parts) > 1 else parts[0]
        name = self.biases.get(population.name)
        if name:
            unit = 2.0 ** max(projection.shift for projection in population.projections) if self.most else 0.0
            bias = CurrentBias(self.timesteps, population.bias.shape, unit, dtype=dtype, name=name)
            u = self._add(bias, population.bias / (unit or 1))(u)
        if population.relay:
            shift = population.relay.shift
            relay = RelayForward(shift.shape, self.network.is_integer, dtype=dtype, name=population.name)
            return self._add(relay, np.ldexp(1.0, shift))(u)
        if population.theta is None:
            return u
        shape = np.broadcast_shapes(population.theta.shape, population.v0.shape)
        fire = SpikeForward(
            self.timesteps,
            spike_ext=self.network.spike_ext,
            noneloss=self.noneloss,
            saturates=population.saturates,
            shape=shape,
            dtype=dtype,
            name=population.name,
        )
        parameters = [np.broadcast_to(values, shape) for values in (population.theta, population.v0)]
        return self._add(fire, *parameters)(u)

    # --- projections ---------------------------------------------------------------------------------------

    def _projection(self, population: ir.Population, number: int, dtype: str) -> Tensor:
        projection = population.projections[number]
        x = self._view(projection.source)
        own: dict[str, Any] = {"dtype": dtype, "name": self.synapses[population.name, number]}
        if not isinstance(projection, ir.SumPool2D):
            own["most"] = self.most
        match projection:
            case ir.Dense(weights=w):
                x = self._add(ExactDense(w.shape[1], pieces=self._pieces(projection, dtype), **own), w)(x)
            case ir.Identity(weights=w):
                x = self._add(ChannelWeights(w.shape, **own), w)(x)
            case ir.SumPool2D(size=size, strides=strides, pads=pads):
                x = SumPooling2D(size, strides, **own)(self.pad(x, pads))
            case ir.Conv2D(weights=w):
                own |= {"strides": projection.strides, "dilation_rate": projection.dilation}
                conv = ExactConv2D(w.shape[3], w.shape[:2], pieces=self._pieces(projection, dtype), **own)
                x = self._add(conv, w)(self.pad(x, projection.pads))
            case ir.DepthwiseConv2D(weights=w):
                own |= {"strides": projection.strides, "dilation_rate": projection.dilation}
                x = self._add(ExactDepthwiseConv2D(w.shape[:2], w.shape[3], **own), w)(self.pad(x, projection.pads))
        if projection.shift:
            x = layers.Rescaling(2.0**projection.shift, dtype=dtype, name=self._unique(own["name"] + "_shift"))(x)
        return x

    def _pieces(self, projection: ir.Dense | ir.Conv2D, dtype: str) -> tuple[int, int]:
        """How many pieces of 8 bits the view's values and the weights need in a float32 product."""
        if not self.network.is_integer or dtype == "float64":
            return 1, 1
        reach = ir.source_range(self.widest, projection.source, "count")
        weights = np.abs(projection.weights.astype(np.int64)).max()
        return pieces(max(-reach[0], reach[1])), pieces(max(int(weights), self.most))

    # --- views ---------------------------------------------------------------------------------------------

    def pad(self, inner: Tensor, pads: ir.Pads) -> Tensor:
        top, bottom, left, right = pads
        padding = layers.ZeroPadding2D(((top, bottom), (left, right)), dtype=inner.dtype, name=self._unique("padding"))
        return padding(inner) if any(pads) else inner

    def _view(self, view: ir.View) -> Tensor:
        return ir.fold(view, self)

    def source(self, name: str) -> Tensor:
        return self.tensors[name]

    def late(self, name: str) -> Tensor:
        raise NetworkError(f"the Keras twin has no timestep before, which a view of {name!r} reads")

    def reshape(self, inner: Tensor, shape: tuple[int, ...]) -> Tensor:
        return layers.Reshape(shape, dtype=inner.dtype, name=self._unique("reshape"))(inner)

    def concat(self, parts: list[Tensor]) -> Tensor:
        dtype = "float64" if any(part.dtype == "float64" for part in parts) else "float32"
        return layers.Concatenate(axis=-1, dtype=dtype, name=self._unique("concatenate"))(parts)

    def max_pool(self, inner: Tensor, pool: ir.MaxPool) -> Tensor:
        """Padding takes no part: 0 is below every count; what may be negative is lifted above 0 and back."""
        lift = -ir.source_range(self.widest, pool.view, "count")[0] if any(pool.pads) else 0
        x = self.pad(self._shifted(inner, lift), pool.pads)
        pooling = layers.MaxPooling2D(pool.size, pool.strides, dtype=x.dtype, name=self._unique("max_pool"))
        return self._shifted(pooling(x), -lift)

    def spread(self, inner: Tensor, spread: ir.Spread) -> Tensor:
        """Zeros are made along one axis after the other, as a frame around each element, and the last ones cut off."""
        own: Any = {"dtype": inner.dtype}
        (height, width, channels), (down, across) = inner.shape[1:], spread.strides
        if spread.repeat:
            return layers.UpSampling2D(spread.strides, name=self._unique("upsampling"), **own)(inner)
        after = (0, down - 1), (0, across - 1)
        columns = layers.ZeroPadding2D(((0, 0), after[1]), name=self._unique("zeros"), **own)
        rows = layers.ZeroPadding2D(((0, 0), after[0]), name=self._unique("zeros"), **own)
        x = columns(self.reshape(inner, (height * width, 1, channels)))
        x = rows(self.reshape(x, (height, 1, width * across * channels)))
        x = self.reshape(x, (height * down, width * across, channels))
        return layers.Cropping2D(after, name=self._unique("cropping"), **own)(x)

    def _shifted(self, x: Tensor, by: int) -> Tensor:
        return layers.Rescaling(1.0, float(by), dtype=x.dtype, name=self._unique("lift"))(x) if by else x

    # --- readout -------------------------------------------------------------------------------------------

    def _head(self, rescale: bool) -> Tensor:
        network, y = self.network, self.tensors[self.network.output.name]
        if rescale:
            readout = network.output
            scale = readout.lambda_ if readout.fires else np.asarray(1 / network.output_scale)
            y = layers.Rescaling((scale / self.timesteps).tolist(), dtype=y.dtype, name=self._unique("output_scale"))(y)
        if network.output_shape != network.output.shape:
            y = layers.Reshape(network.output_shape, dtype=y.dtype, name=self._unique("output"))(y)
        if network.head != "linear":
            y = layers.Activation(network.head, dtype=y.dtype, name=self._unique(network.head))(y)
        return y


def _largest_weights(network: ir.Network, most: int) -> ir.Network:
    """The network with every weight the largest there is: its intervals hold whatever weights are trained."""

    def largest(projection: ir.Projection) -> ir.Projection:
        if isinstance(projection, ir.SumPool2D):
            return projection
        changed: ir.Projection = ir.replace(projection, weights=np.full_like(projection.weights, most))
        return changed

    populations = [ir.replace(p, projections=tuple(map(largest, p.projections))) for p in network.populations]
    return ir.proven(ir.replace(network, populations=tuple(populations)))


def pieces(largest: int) -> int:
    """How many pieces of 8 bits hold integers up to `largest`: the least n >= 1 with largest <= 256^n."""
    n = 1
    while largest > RADIX**n:
        n += 1
    return n
