"""The Verilog backend: IR -> plan -> snn_top.v, hand-written modules, memory files, bench, manifest.

`emit` writes a folder that any simulator and synthesiser takes as it is; docs/guide/hardware.md describes it.
"""

from snncc.backends.verilog.emit import check, emit, load_plan

__all__ = ["check", "emit", "load_plan"]
