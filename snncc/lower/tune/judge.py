"""What a network is judged by: its outputs beside the float network's, on samples that nothing was fitted to.

    E = mean over N of KL(softmax(wanted) || softmax(outputs)) + mean of (outputs - wanted)^2 / (2*power)

What the difference does to the classes, and its square in parts of the outputs' variance `power`. No labels are read.
"""

from __future__ import annotations

import numpy as np

from snncc.ir import Array, Network, Window
from snncc.lower.real import RealNetwork, activations
from snncc.sim import run
from snncc.sim.encode import to_pixels


def output_error(outputs: Array, wanted: Array, power: float) -> float:
    """E of outputs (N, O)."""
    logarithm, own = _log_softmax(wanted), _log_softmax(outputs)
    divergence = (np.exp(logarithm) * (logarithm - own)).sum(axis=-1)
    return float(divergence.mean() + np.square(outputs - wanted).mean() / (2 * power))


def _log_softmax(outputs: Array) -> Array:
    shifted = outputs - outputs.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def power_of(outputs: Array) -> float:
    """The variance of the float network's outputs; 1 where they do not vary."""
    return float(outputs.var()) or 1.0


def float_outputs(real: RealNetwork, x: Array) -> Array:
    """The float network's outputs before the head, (N, O)."""
    name = real.populations[-1].name
    found = np.concatenate([values[name] for values in activations(real, x, lambda *_: None)])
    return found.reshape(len(x), -1).astype(np.float64)


class Judge:
    """E of networks of one float network on the same unseen samples, in the simulator."""

    def __init__(self, real: RealNetwork, window: Window, unseen: Array, power: float | None = None) -> None:
        self.window, self.unseen = window, unseen
        self.wanted = float_outputs(real, unseen)
        self.power = power_of(self.wanted) if power is None else power

    def __call__(self, network: Network) -> float:
        pixels = to_pixels(network.input, self.unseen)
        found = run(network, pixels, self.window.timesteps, self.window.dynamics).outputs
        return output_error(found.reshape(self.wanted.shape).astype(np.float64), self.wanted, self.power)
