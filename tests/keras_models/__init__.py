"""Tiny Keras models, one per layer kind and combination that converts; every weight is random and not dead.

`build(name)` makes one; each builder says its input shape and what it does to a tensor.
"""

from tests.keras_models import convolutions, folded, joined, sequences, slopes, upsampled, whole  # noqa: F401 (they fill CASES)
from tests.keras_models.blocks import BLOCKS
from tests.keras_models.make import CASES, L, build, keras, positive_gains, randomised, samples

RELAYED = frozenset(
    {
        "separable_stack",
        "resnet_v2",
        "xception_block",
        "leaky_relu_after_max_pool",
        "transposed_after_linear",
        "upsampling_of_linear_into_convolution",
    }
)
"""Cases that `linear` compose refuses."""

__all__ = ["BLOCKS", "CASES", "RELAYED", "L", "build", "keras", "positive_gains", "randomised", "samples"]
