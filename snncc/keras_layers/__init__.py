"""The converted network in Keras syntax: layers that fire, and `to_keras`, which builds an ordinary Keras model.

    images -> InputSpikes -> ExactConv2D, ExactDense, ... -> CurrentBias -> SpikeForward -> ... -> head

Import this before `keras.models.load_model` reads such a model: it registers the layers. docs/guide/spkeras.md.
`QCFS` is the activation of a network that is trained for few timesteps, before it is converted: docs/guide/training.md.
"""

from snncc.keras_layers.back import to_network
from snncc.keras_layers.build import to_keras
from snncc.keras_layers.layers import ChannelWeights, CurrentBias, InputSpikes, SpikeForward, SumPooling2D
from snncc.keras_layers.qcfs import QCFS
from snncc.keras_layers.synapses import ExactConv2D, ExactDense, ExactDepthwiseConv2D

__all__ = [
    "QCFS",
    "ChannelWeights",
    "CurrentBias",
    "ExactConv2D",
    "ExactDense",
    "ExactDepthwiseConv2D",
    "InputSpikes",
    "SpikeForward",
    "SumPooling2D",
    "to_keras",
    "to_network",
]
