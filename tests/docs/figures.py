"""What benchmarks/results hold, as numbers, and whether what a page says is such a number."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.docs.pages import ROOT

MILLION = 1e-6
NETWORKS = {"demo CNN": "small", "6 convolutions": "six_conv", "residual": "residual"}


@cache
def results(name: str) -> Any:
    """A file of benchmarks/results."""
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def says(figure: str, value: float) -> bool:
    """Whether a figure as it is written ("1,577", "0.60", "2.1 million" without the word) is the value, rounded."""
    decimals = len(figure.partition(".")[2])
    return abs(float(figure.replace(",", "")) - value) <= 0.5 * 10**-decimals + 1e-9


def wrong(cells: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """The (figure as written, value as measured) that differ."""
    return [(figure, value) for figure, value in cells if not says(figure, value)]


# --- C -----------------------------------------------------------------------------------------------------


def anchor(dynamics: str, encoding: str, bits: int, timesteps: int = 16, calibrate: str = "none") -> Any:
    """A row of the Cortex-M4 benchmark."""
    wanted = {"dynamics": dynamics, "encoding": encoding, "bits": bits, "timesteps": timesteps, "calibrate": calibrate}
    (found,) = [row for row in results("c_cortex_m4")["anchor"] if wanted.items() <= row.items()]
    return found


def peer(name: str) -> list[float]:
    """accuracy %, instructions at -O3 and -Os, flash and RAM in kB."""
    found: list[float] = results("c_cortex_m4")["peers"][name]
    return found


def mlperf(table: str, **wanted: Any) -> Any:
    """A row of the MLPerf Tiny benchmark."""
    (found,) = [row for row in results("mlperf_tiny")[table] if wanted.items() <= row.items()]
    return found


def closeness(row: Any) -> float:
    """Agreement, or relative error, in %."""
    return 100 * float(row["relative_error"] if row["agreement"] is None else row["agreement"])


ERRORS = ("median", "nine_of_ten", "most")


def errors(name: str, of: str) -> list[float]:
    """A model's errors in %."""
    return [results(name)["errors_percent"][of][kind] for kind in ERRORS]


SYNTHESES = {"xc7": "synth_xilinx", "ECP5": "synth_ecp5", "iCE40": "synth_ice40"}


# --- hardware ----------------------------------------------------------------------------------------------


def hardware(network: str, dynamics: str, file: str = "hw") -> Any:
    """A row of the hardware benchmark."""
    (found,) = [r for r in results(file)["rows"] if (r["network"], r["dynamics"]) == (network, dynamics)]
    return found


def logic(row: Any) -> float:
    return float(row["xc7"]["luts"] + row["xc7"]["ffs"])


# --- accuracy ----------------------------------------------------------------------------------------------


@cache
def grid() -> dict[tuple[Any, ...], list[float]]:
    """Accuracies of the trainings of a cell of 8 bits, by (network, dynamics, encoding, pools, level, T)."""
    found: dict[tuple[Any, ...], list[float]] = {}
    for c in results("accuracy")["cells"]:
        if c["bits"] == 8 and c["compiled"] == c["timesteps"]:
            key = (c["network"], c["dynamics"], c["encoding"], c["pools"], c["calibrate"], c["timesteps"])
            found.setdefault(key, []).append(c["accuracy"])
    return found


def percent(values: list[float]) -> float:
    return 100 * sum(values) / len(values)
