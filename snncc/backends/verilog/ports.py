"""How a design meets its surroundings: its names, the width of its streams, where its weights come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from snncc.backends.verilog import tiles
from snncc.backends.verilog.tiles import INSIDE, Weights
from snncc.errors import TargetError
from snncc.ir import Network
from snncc.names import unfit

WIDTHS = ("8", "16", "32", "64")
RESULT_BITS = 32


@dataclass(frozen=True)
class Ports:
    """`prefix`: what the names of modules, files and memories begin with; empty: `snn_`, memories with nothing.

    `input_width`: bits of an input beat, which then holds as many pixels as go into it; 0: one pixel a beat.
    `axi_lite`: with the wrapper `snn_axi` and its registers. `weights`: where they come from.
    """

    prefix: str = ""
    input_width: int = 0
    axi_lite: bool = False
    weights: Weights = INSIDE

    def module(self, name: str) -> str:
        """The name of a module (or of its file): snn_top, or PREFIX_top."""
        return f"{self.prefix or 'snn'}_{name}"

    def memory(self, name: str) -> str:
        """The name of a memory file."""
        return f"{self.prefix}_{name}" if self.prefix else name

    def renamed(self, text: str) -> str:
        """A text with its modules called so; what has the prefix already, as a memory of `snn_a` has, stays."""
        return re.sub(rf"\b(?!{self.prefix}_)snn_", f"{self.prefix}_", text) if self.prefix else text

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


PLAIN = Ports()


def read(facts: Any) -> Ports:
    """What `to_dict` wrote; ValueError or TypeError where it did not."""
    if not isinstance(facts, Mapping):
        raise TypeError("no ports")
    found = Ports(**{**facts, "weights": tiles.read(facts.get("weights"))})
    if (
        (found.prefix and unfit(found.prefix, verilog=True))
        or str(found.input_width) not in ("0", *WIDTHS)
        or not isinstance(found.axi_lite, bool)
    ):
        raise ValueError("no such ports")
    return found


def pixel_width(network: Network) -> int:
    """Bits of a pixel on the bus: whole bytes."""
    return 8 * -(-network.input.bits // 8)


def check(network: Network, ports: Ports) -> None:
    """TargetError where a name cannot begin Verilog's, or a beat holds no pixel."""
    reason = unfit(ports.prefix, verilog=True) if ports.prefix else None
    if reason:
        raise TargetError(f"{ports.prefix!r} cannot begin Verilog names: {reason}; choose another `prefix`")
    if 0 < ports.input_width < pixel_width(network):
        wide = ", ".join(w for w in WIDTHS if int(w) >= pixel_width(network))
        raise TargetError(
            f"`input_width` {ports.input_width} is less than a pixel of {network.input.bits} bits: choose from {wide}"
        )
