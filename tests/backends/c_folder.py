"""What the tests of the C backend share: a compiled folder, a comparison with the simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from snncc import ir, store
from snncc.backends.c.run import Host
from snncc.jobs import Job
from snncc.verification.compare import Tally, compare_all, expectations


def compiled(network: ir.Network, folder: Path, **options: Any) -> Path:
    """A compiled folder with the target `c`."""
    store.write(network, folder, {"c": options}, force=True)
    return folder


def agree(
    folder: Path, network: ir.Network, pixels: np.ndarray, timesteps: int, variant: str, runner: Any = None
) -> Tally:
    """Run one variant on the images; every spike, potential and value must equal the simulator's."""
    tally = Tally()
    with (runner or Host()).run(Job(folder, network, pixels, timesteps), variant) as observed:
        compare_all(tally, expectations(network, pixels, timesteps), observed)
    assert tally.mismatches == 0, str(tally.first)
    return tally
