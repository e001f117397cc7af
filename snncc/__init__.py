"""snncc: trained Keras CNNs -> exact integer spiking networks -> C and Verilog, the same integers everywhere."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snncc.api import Network as Network
    from snncc.api import convert as convert
    from snncc.api import diagnose as diagnose
    from snncc.api import evaluate as evaluate
    from snncc.api import explain as explain
    from snncc.api import export as export
    from snncc.api import fidelity as fidelity
    from snncc.api import load as load
    from snncc.exploration import explore as explore
    from snncc.reporting import report as report
    from snncc.synth import synthesise as synthesise
    from snncc.verification import verify as verify

HOME = {
    "Network": "api",
    "convert": "api",
    "diagnose": "api",
    "evaluate": "api",
    "explain": "api",
    "explore": "exploration",
    "export": "api",
    "fidelity": "api",
    "load": "api",
    "report": "reporting",
    "synthesise": "synth",
    "verify": "verification",
}
"""Public name -> the module that it is loaded from."""
__all__ = [
    "Network",
    "convert",
    "diagnose",
    "evaluate",
    "explain",
    "explore",
    "export",
    "fidelity",
    "load",
    "report",
    "synthesise",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Public names are loaded when first used: `import snncc` loads neither NumPy nor TensorFlow."""
    if name not in HOME:
        raise AttributeError(f"module 'snncc' has no attribute {name!r}")
    value = getattr(import_module(f"snncc.{HOME[name]}"), name)
    globals()[name] = value
    return value
