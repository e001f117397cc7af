"""SpKeras's own interface on snncc's engine: change `from spkeras.models import cnn_to_snn` to this module's.

`signed_bit=0` runs the float twin, which SpKeras also runs; `signed_bit >= 2` the integer network that snncc compiles
to C and Verilog. docs/reference/spkeras.md lists where the results differ from SpKeras's and by how much;
docs/guide/migrating-from-spkeras.md has old and new side by side. Source: Wu, Yi, Huang 2022,
doi 10.3389/fnins.2022.759900.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from snncc import api
from snncc.errors import CalibrationError, DataError, NetworkError, warn_once
from snncc.evaluation import labels
from snncc.frontend.keras import load_model
from snncc.ir import Array, Identity, SumPool2D
from snncc.lower import Options
from snncc.lower.quantise import check_thresholding
from snncc.sim import twin
from snncc.sim.encode import to_pixels
from snncc.sim.run import batches, check, classify, ready

B = TypeVar("B")


class _Unset(float):
    """A default that can be told from the same number passed by the user."""


EPSILON = _Unset(0.001)


@dataclass(frozen=True)
class Parameters:
    """One spiking layer: `n = clip(floor((sum weights*n_source + bias*T + start) / threshold), 0, T + spike_ext)`.

    Integers where signed_bit >= 2 (a weight is W_int * 2^F). n spikes stand for `lambda_ * n / T`. `weights` by the
    name of each projection: HWIO kernels, (N_in, N_out) matrices, one number for a sum pool.
    """

    name: str
    weights: dict[str, Array]
    bias: Array
    threshold: Array
    start: Array
    lambda_: Array


class cnn_to_snn:  # noqa: N801 (SpKeras's name)
    """`cnn_to_snn(signed_bit=0)(cnn_model, x_train)` converts a trained Keras CNN; then evaluate, SpikeCounter, ...

    signed_bit: 0 (float weights) or 2..16. user_define > 0: one lambda for all layers but the readout, which keeps its
    largest logit. epsilon: instead of each batch normalisation's own, where passed. timesteps, thresholding,
    scaling_factor, spike_ext (-1: no upper clip) and noneloss are those of `.network` and `.model`; `evaluate` and
    `SpikeCounter` have their own. method and amp_factor change nothing. CalibrationError: what cannot be used.
    """

    def __init__(
        self,
        timesteps: int = 256,
        thresholding: float = 0.5,
        signed_bit: int = 0,
        scaling_factor: float = 1,
        method: int = 1,
        amp_factor: float = 100,
        epsilon: float = EPSILON,
        spike_ext: int = 0,
        noneloss: bool = False,
        user_define: float = 0,
    ) -> None:
        Options(signed_bit=signed_bit, timesteps=timesteps, spike_ext=spike_ext, thresholding=str(thresholding))
        check_thresholding(thresholding)
        for name, value in (("scaling_factor", scaling_factor), ("amp_factor", amp_factor), ("epsilon", epsilon)):
            if not (math.isfinite(value) and value > 0):
                raise CalibrationError(f"{name} must be positive and finite, not {value}")
        if user_define and not (math.isfinite(user_define) and user_define > 0):
            raise CalibrationError(f"user_define must be 0 or a positive lambda, not {user_define}")
        if noneloss and signed_bit:
            raise CalibrationError("noneloss exists in the float twin only: use signed_bit=0")
        if method != 1:
            warn_once("method changes nothing, as in SpKeras")
        self.timesteps, self.thresholding, self.scaling_factor = timesteps, thresholding, scaling_factor
        self.signed_bit, self.method, self.amp_factor = signed_bit, method, amp_factor
        self.epsilon, self.spike_ext, self.noneloss = epsilon, spike_ext, noneloss
        self.user_define = user_define
        self.use_bias: bool | None = None
        self._base: api.Network | None = None

    def __call__(self, mdl: Any, x_train: Any) -> cnn_to_snn:
        """Convert a trained model (or the path of one); the lambdas come from every sample of x_train."""
        if isinstance(mdl, str | Path):
            mdl = load_model(mdl)
        override = None if isinstance(self.epsilon, _Unset) else float(self.epsilon)
        with _epsilon(mdl, override):
            self._base = api.convert(
                mdl,
                x_train,
                signed_bit=self.signed_bit,
                timesteps=self.timesteps,
                readout="spikes",
                calibrate="none",
                linear="compose",
                fixed_lambda=float(self.user_define) or None,
            )
        self.use_bias = next((bool(layer.use_bias) for layer in mdl.layers if hasattr(layer, "use_bias")), None)
        for name in ("network", "model"):
            self.__dict__.pop(name, None)
        return self

    @cached_property
    def network(self) -> api.Network:
        """The network under the constructor's choices: run, save, and for signed_bit >= 2 export it; `.ir` is data."""
        return self._with(self.timesteps, self.thresholding, self.scaling_factor, self.spike_ext)

    @cached_property
    def model(self) -> Any:
        """The spiking network as a compiled Keras model from images to softmax(counts): evaluate, save, fine-tune."""
        from snncc.keras_layers import to_keras

        model = to_keras(self.network, noneloss=self.noneloss, pixels=self.signed_bit > 0, rescale=False)
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return model

    def evaluate(
        self,
        x_test: Any,
        y_test: Any,
        timesteps: int = 256,
        thresholding: float = 0.5,
        scaling_factor: float = 1,
        spike_ext: int = 0,
        noneloss: bool = False,
        sf: Any = None,
        fix: float = 0,
    ) -> tuple[float, float]:
        """(loss, accuracy): the mean cross-entropy of softmax(counts), and the share of images classed right.

        y_test is one-hot or class numbers. fix > 0 (float twin): the input is `x*fix` instead of `floor(x*T)`.
        DataError, NetworkError: what cannot be run.
        """
        if sf is not None:
            warn_once("sf changes nothing, as in SpKeras")
        network = self._with(timesteps, thresholding, scaling_factor, spike_ext)
        x, y = np.asarray(x_test), np.asarray(y_test)
        if not len(x):
            raise DataError("there are no images to evaluate")
        truth = labels(y, len(x), network.ir.output.neurons)
        readout = network.ir.output.name
        parts = list(_run(network, x, timesteps, lambda outputs: outputs[readout].astype(np.float64), noneloss, fix))
        counts = np.concatenate(parts).reshape(len(x), -1)
        target = y if y.ndim == 2 and y.shape[1] == counts.shape[1] > 1 else truth
        return _cross_entropy(counts, target), float((classify(counts) == truth).mean())

    def SpikeCounter(  # noqa: N802 (SpKeras's name)
        self,
        x_train: Any,
        timesteps: int = 256,
        thresholding: float = 0.5,
        scaling_factor: float = 1,
        spike_ext: int = 0,
        batch_size: int = 100,
        noneloss: bool = False,
        mode: int = 0,
    ) -> tuple[list[float], list[Any]]:
        """(s_max, s) per spiking layer in order: the most spikes of one neuron, and the spikes per image, rounded up.

        mode=1: s holds, per layer, how many neurons of all images fired 0, 1, 2, ... times. batch_size changes nothing.
        """
        network = self._with(timesteps, thresholding, scaling_factor, spike_ext)
        x = np.asarray(x_train)
        if not len(x):
            raise DataError("there are no images to count")
        names = [p.name for p in network.ir.populations]

        def digest(outputs: dict[str, Array]) -> list[tuple[float, Array]]:
            return [(float(outputs[n].max()), _tally(outputs[n], mode)) for n in names]

        layers = list(zip(*_run(network, x, timesteps, digest, noneloss), strict=True))  # per layer, chunk by chunk
        most = [max(peak for peak, _ in chunks) for chunks in layers]
        tallies = [_sum([tally for _, tally in chunks]) for chunks in layers]
        return most, [t.tolist() if mode else float(np.ceil(t[0] / len(x))) for t in tallies]

    def NeuronNumbers(self, mode: int = 0) -> tuple[list[tuple[int, ...]], list[int]]:  # noqa: N802
        """(shapes of the weights, neurons per spiking layer); mode=1 leaves out average pooling layers."""
        populations = self._converted.ir.populations
        shapes = [
            tuple(int(n) for n in projection.weights.shape)
            for population in populations
            for projection in population.projections
            if not isinstance(projection, SumPool2D | Identity)
        ]
        pools = [any(isinstance(p, SumPool2D) for p in population.projections) for population in populations]
        return shapes, [p.neurons for p, pool in zip(populations, pools, strict=True) if not (pool and mode == 1)]

    def parameters(self) -> list[Parameters]:
        """Weights, bias and threshold of every spiking layer of `.network`, in order."""
        found = []
        for p in self.network.ir.populations:
            weights = {}
            for q in p.projections:
                own = np.ones(()) if isinstance(q, SumPool2D) else q.weights
                weights[q.name] = own.astype(np.int64) * 2**q.shift if self.signed_bit else own
            found.append(Parameters(p.name, weights, p.bias, np.asarray(p.theta), p.v0, p.lambda_))
        return found

    def get_config(self) -> dict[str, Any]:
        """The constructor's choices, and `use_bias` of the first layer that has one."""
        return {
            "timesteps": int(self.timesteps),
            "thresholding": self.thresholding,
            "amp_factor": self.amp_factor,
            "signed_bit": self.signed_bit,
            "spike_ext": self.spike_ext,
            "epsilon": float(self.epsilon),
            "use_bias": self.use_bias,
            "scaling_factor": self.scaling_factor,
            "noneloss": self.noneloss,
            "method": self.method,
            "user_define": self.user_define,
        }

    @property
    def _converted(self) -> api.Network:
        if self._base is None:
            raise NetworkError("nothing is converted yet: cnn_to_snn(...)(cnn_model, x_train)")
        return self._base

    def _with(self, timesteps: int, thresholding: float, scaling_factor: float, spike_ext: int) -> api.Network:
        return self._converted.with_(
            timesteps=timesteps, thresholding=thresholding, scaling_factor=scaling_factor, spike_ext=spike_ext
        )


def _run(
    network: api.Network,
    x: Array,
    timesteps: int,
    digest: Callable[[dict[str, Array]], B],
    noneloss: bool = False,
    fix: float = 0,
) -> Iterator[B]:
    """What `digest` makes of the counts of every population, one chunk of images after the other."""
    if not network.ir.is_integer:
        return twin.batches(network.ir, x, timesteps, digest, noneloss, fix)
    if noneloss or fix:
        raise NetworkError("noneloss and fix exist in the float twin only: use signed_bit=0")
    pixels = to_pixels(network.ir.input, x)
    check(network.ir, pixels, timesteps, "count")
    return batches(ready(network.ir, timesteps, "count"), pixels, lambda outputs, _: digest(outputs))


def _tally(counts: Array, mode: int) -> Array:
    """The sum of all counts, or (mode=1) how many are 0, 1, 2, ..."""
    if mode:
        return np.asarray(np.bincount(counts.astype(np.int64).ravel()))
    return np.asarray(counts.sum(dtype=np.float64)).reshape(1)


def _sum(tallies: list[Array]) -> Array:
    total = np.zeros(max(map(len, tallies)), tallies[0].dtype)
    for tally in tallies:
        total[: len(tally)] += tally
    return total


def _cross_entropy(counts: Array, y: Array) -> float:
    """Mean cross-entropy of softmax(counts) (N, K) against one-hot (N, K) or classes (N,); one neuron: of sigmoid."""
    if counts.shape[1] == 1:
        return float(np.mean(np.logaddexp(0, counts[:, 0]) - y * counts[:, 0]))
    shifted = counts - counts.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    one_hot = y if y.ndim == 2 else np.eye(counts.shape[1])[y]
    return float(-(one_hot * logs).sum(axis=1).mean())


@contextmanager
def _epsilon(model: Any, value: float | None) -> Iterator[None]:
    """Every batch normalisation of the model with this epsilon, for the time of the conversion."""
    found = [] if value is None else list(_batch_norms(model))
    own = [layer.epsilon for layer in found]
    try:
        for layer in found:
            layer.epsilon = value
        yield
    finally:
        for layer, epsilon in zip(found, own, strict=True):
            layer.epsilon = epsilon


def _batch_norms(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _batch_norms(layer)
        elif type(layer).__name__ == "BatchNormalization":
            yield layer
