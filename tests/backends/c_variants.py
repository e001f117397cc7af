"""The residual network in every form that changes the C: dynamics, packed or wide weights, current input."""

from tests.networks import residual

NETWORKS = {
    "count": (residual(), {}),
    "step": (residual(dynamics="step"), {}),
    "packed": (residual(signed_bit=5), {"pack": True}),
    "packed_step": (residual(signed_bit=3, dynamics="step", timesteps=300), {"pack": True}),
    "current": (residual(signed_bit=12, source={"encoding": "current", "signed": True}), {}),
    "current_step": (residual(signed_bit=16, source={"encoding": "current", "bits": 16}, dynamics="step"), {}),
}
"""Name: (network, options of the target)."""
