"""Hand-made networks: what they are built from, and those that several tests share."""

from tests.networks.branches import max_pooled, one_output, shortcuts
from tests.networks.build import (
    SIGNED,
    change,
    change_projection,
    input_of,
    network,
    population,
    proved,
    unproved,
    weights,
    with_bytes,
    with_intervals,
)
from tests.networks.maps import every_kind, mixed_conv, residual, vgg
from tests.networks.maxima import signed_maxima, signed_pixels
from tests.networks.relays import relay, separable
from tests.networks.spread import grown
from tests.networks.tangled import TANGLED_FIRST, tangled, tangled_readout, tangled_view
from tests.networks.timed import change_kinds, crossed, late_maximum, recurrent
from tests.networks.vectors import dense_chain, dense_skip, nested, toy

__all__ = [
    "SIGNED",
    "TANGLED_FIRST",
    "change",
    "change_kinds",
    "change_projection",
    "crossed",
    "dense_chain",
    "dense_skip",
    "every_kind",
    "grown",
    "input_of",
    "late_maximum",
    "max_pooled",
    "mixed_conv",
    "nested",
    "network",
    "one_output",
    "population",
    "proved",
    "recurrent",
    "relay",
    "residual",
    "separable",
    "shortcuts",
    "signed_maxima",
    "signed_pixels",
    "tangled",
    "tangled_readout",
    "tangled_view",
    "toy",
    "unproved",
    "vgg",
    "weights",
    "with_bytes",
    "with_intervals",
]
