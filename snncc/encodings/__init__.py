"""How pixels become input over time: one module each, with its equation and its NumPy form in both dynamics.

Pixels are integers `p` in 0..L (or -L..L), L the levels. To add one: a module with a class, and a line in ENCODINGS.
"""

from typing import TypeAlias

from snncc.encodings.current import Current
from snncc.encodings.frames import Frames
from snncc.encodings.rate import Rate

Coding: TypeAlias = Rate | Current | Frames

ENCODINGS: dict[str, Coding] = {"rate": Rate(), "current": Current(), "frames": Frames()}

__all__ = ["ENCODINGS", "Coding", "Current", "Frames", "Rate"]
