"""What the plain-Python reference gives for a case, what the simulator gives, and where they differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc import ir, sim
from tests import reference


def expected(network: ir.Network, pixels: np.ndarray, timesteps: int, dynamics: str) -> dict[str, Any]:
    """What the reference gives for a batch, by the name of the comparison and of the population."""
    return _stack([_expected(network, image, timesteps, dynamics) for image in pixels])


def _expected(network: ir.Network, image: np.ndarray, timesteps: int, dynamics: str) -> dict[str, Any]:
    if dynamics == "count":
        result = reference.count(network, image, timesteps)
        found: dict[str, Any] = {f"counts {name}": n for name, n in result.n.items()}
        found |= {f"potentials {name}": u for name, u in result.u.items()}
        return found | {"values": result.values, "classes": result.label}
    stepped = reference.step(network, image, timesteps)
    fires = [p.name for p in network.populations if p.hands_on]
    rate = ["input"] if network.input.encoding == "rate" else []
    counts = reference.spike_counts(stepped)
    found = {f"counts {name}": counts[name] for name in rate + fires}
    if not rate:
        summed = image[:timesteps].sum(0) if network.input.encoding == "frames" else image * timesteps
        found["counts input"] = [int(p) for p in summed.reshape(-1)]
    found |= {f"spikes {name}": stepped.spikes[name] for name in rate + fires}
    held = [p.name for p in network.populations if not p.neuron.counts_at_once(False)]
    found |= {f"potentials {name}": stepped.potentials[name] for name in held}
    return found | {"values": stepped.values, "classes": stepped.label}


def _stack(images: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: [image[name] for image in images] for name in images[0]}


def simulated(network: ir.Network, pixels: np.ndarray, timesteps: int, dynamics: str) -> dict[str, Any]:
    """The same from the simulator: nested lists of ints, the image first."""
    result = sim.run(network, pixels, timesteps, dynamics, trace=True)
    assert result.classes.dtype == result.values.dtype == np.int64
    found: dict[str, Any] = {"classes": result.classes.tolist(), "values": _flat(result.values, 1)}
    found |= {f"counts {name}": _flat(n, 1) for name, n in result.counts.items()}
    assert all(n.dtype == np.int64 for n in result.counts.values())
    assert result.trace is not None
    assert all(v.dtype == np.int64 for v in result.trace.potentials.values())
    if dynamics == "count":
        return found | {f"potentials {name}": _flat(u, 1) for name, u in result.trace.potentials.items()}
    relays = {p.name for p in network.populations if p.relay}
    assert all(s.dtype == (np.int64 if n in relays else np.uint8) for n, s in result.trace.spikes.items())
    for kind, arrays in (("spikes", result.trace.spikes), ("potentials", result.trace.potentials)):
        found |= {f"{kind} {name}": _flat(np.moveaxis(a, 1, 0), 2) for name, a in arrays.items()}
    return found


def _flat(values: np.ndarray, leading: int) -> Any:
    return values.reshape(*values.shape[:leading], -1).tolist()


def differences(left: dict[str, Any], right: dict[str, Any]) -> list[str]:
    """The comparisons that fail: a name that only one side has, or any unequal integer."""
    return sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))
