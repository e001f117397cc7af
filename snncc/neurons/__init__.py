"""Kinds of neurons: one module each, with its equation, its NumPy form in both dynamics, and its interval rule.

Only numbers come in: arrays of theta, bias and v0 in the LSB of the population's potential, and the window's T and
length. What a population is made of is snncc.ir; what a target needs of a kind is the target's.
To add one: docs/adding.md, which does it with a toy.
"""

from typing import TypeAlias

from snncc.neurons.integrate_and_fire import IntegrateAndFire
from snncc.neurons.leaky import LeakyIntegrateAndFire, LeakyIntegrator
from snncc.neurons.relay import Relay
from snncc.neurons.silent import Silent
from snncc.neurons.state import State

Firing: TypeAlias = IntegrateAndFire | LeakyIntegrateAndFire
"""Kinds that hand on spikes."""
Neuron: TypeAlias = Firing | Silent | Relay | LeakyIntegrator
"""What a population is made of."""

INTEGRATE_AND_FIRE, SILENT = IntegrateAndFire(), Silent()

__all__ = [
    "INTEGRATE_AND_FIRE",
    "SILENT",
    "Firing",
    "IntegrateAndFire",
    "LeakyIntegrateAndFire",
    "LeakyIntegrator",
    "Neuron",
    "Relay",
    "Silent",
    "State",
]
