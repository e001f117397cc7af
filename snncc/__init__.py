"""snncc: trained Keras CNNs -> exact integer spiking networks -> C and Verilog, the same integers everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snncc.api import Network as Network
    from snncc.api import convert as convert
    from snncc.api import diagnose as diagnose
    from snncc.api import evaluate as evaluate
    from snncc.api import export as export
    from snncc.api import load as load

__all__ = ["Network", "convert", "diagnose", "evaluate", "export", "load"]


def __getattr__(name: str) -> Any:
    """Public names are loaded when first used: `import snncc` loads neither NumPy nor TensorFlow."""
    if name not in __all__:
        raise AttributeError(f"module 'snncc' has no attribute {name!r}")
    from snncc import api

    value = getattr(api, name)
    globals()[name] = value
    return value
