"""What the cocotb benches share: clock, reset, parameters of the run, one cycle at a time.

Inputs change on the falling edge and combinational outputs are read before the next rising edge, so nothing races.
"""

from __future__ import annotations

import json
import os
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

P: dict[str, int] = json.loads(os.environ.get("SNN_PARAMETERS", "{}"))
"""The module's parameters in this build."""


async def begin(dut: Any, **inputs: int) -> None:
    """Start the clock, hold reset for three cycles with the given inputs."""
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    for name, value in inputs.items():
        getattr(dut, name).value = value
    if hasattr(dut, "rst"):
        dut.rst.value = 1
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.rst.value = 0


async def settle() -> None:
    """Let combinational outputs follow the inputs just set."""
    await ReadOnly()


async def tick(dut: Any) -> None:
    """On to the next falling edge: one rising edge has passed."""
    await FallingEdge(dut.clk)


def unpack(word: int, width: int, lanes: int, signed: bool = False) -> list[int]:
    """Lane 0 lowest."""
    values = [(word >> (i * width)) & (2**width - 1) for i in range(lanes)]
    return [v - 2**width if signed and v >> (width - 1) else v for v in values]


def pack(values: list[int], width: int) -> int:
    return sum((v & (2**width - 1)) << (i * width) for i, v in enumerate(values))
