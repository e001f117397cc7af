"""Golden vectors: the images that every target ships, and what the simulator makes of them."""

from __future__ import annotations

import numpy as np

from snncc import sim
from snncc.errors import DataError
from snncc.ir import BYTES, Array, Network, pixel_range, pixels_of_bytes

VECTORS = "vectors.npz"
IMAGES = 4
SEED = 20221


def golden_pixels(network: Network, pixels: Array | None) -> Array:
    """Pixels (N, *sample_shape) int64: those given, else the network's own golden images, else seeded random ones."""
    if pixels is None:
        pixels = network.golden
    chosen = random_pixels(network, IMAGES) if pixels is None else np.asarray(pixels, np.int64)
    if network.input.coding.sequences and chosen.ndim > 1:  # of T_max frames; after the last one nothing comes
        chosen = chosen[:, : network.timesteps]
        short = network.timesteps - chosen.shape[1]
        chosen = np.pad(chosen, ((0, 0), (0, short), *((0, 0) for _ in chosen.shape[2:])))
    if chosen.shape[1:] != sample_shape(network) or not len(chosen):
        raise DataError(f"golden vectors of shape {chosen.shape}; the network reads {sample_shape(network)}")
    return chosen


def sample_shape(network: Network, timesteps: int | None = None) -> tuple[int, ...]:
    """The shape of a sample: an image's, or of a sequence with the frames that a run at T, by default T_max, reads."""
    frames = (timesteps or network.timesteps,) if network.input.coding.sequences else ()
    return (*frames, *network.input.shape)


def longest(network: Network, pixels: Array) -> int:
    """The largest T that these pixels can be run with: T_max, or as many frames as there are."""
    frames = pixels.shape[1] if network.input.coding.sequences else network.timesteps
    return min(network.timesteps, frames)


def golden(network: Network, pixels: Array | None) -> tuple[Array, sim.Result]:
    """The golden pixels and the simulator's result at T_max."""
    chosen = golden_pixels(network, pixels)
    return chosen, sim.run(network, chosen, longest(network, chosen), network.dynamics)


def random_pixels(network: Network, images: int, seed: int = SEED) -> Array:
    """Seeded images, or sequences of T_max: uniform, all largest, all smallest, then sparse and uniform in turn.

    Where raw bytes are known, each is what some bytes become, so that a quantiser of bytes can be run on them.
    """
    source, raw = network.input, network.input.raw_bytes
    low, high = pixel_range(source) if raw is None else (0, BYTES - 1)
    rng = np.random.default_rng(seed)
    made = rng.integers(low, high, (images, *sample_shape(network)), endpoint=True)
    made[1:2], made[2:3] = high, low
    made[3::2] *= rng.random(made[3::2].shape) < 0.2
    return made if raw is None else pixels_of_bytes(raw, made)
