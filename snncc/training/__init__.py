"""Training for few timesteps, with Keras's own `fit`: docs/guide/training.md.

Before conversion, a CNN whose relus are `QCFS`, as `with_qcfs` and `fine_tune` make it; after it, the integers of a
network themselves, by `fine_tune_network`. Import this before `keras.models.load_model` reads a model with QCFS.
"""

from snncc.keras_layers import QCFS
from snncc.training.recipe import fine_tune, fine_tune_network
from snncc.training.replace import with_qcfs

__all__ = ["QCFS", "fine_tune", "fine_tune_network", "with_qcfs"]
