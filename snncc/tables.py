"""What is said of a network and of its runs: facts as rows for JSON, and as cells for a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snncc.diagnosis import Diagnosis
from snncc.evaluation import Evaluation
from snncc.ir import (
    Array,
    Network,
    Projection,
    SumPool2D,
    View,
    bits_needed,
    content_hash,
    dense_weights,
    late_sources,
    sources,
)
from snncc.metrics import own_numbers, stored_bytes


def population_rows(network: Network) -> list[dict[str, Any]]:
    """One row per population: shape, neurons, thresholds, proved intervals and widths, bytes of its parameters."""
    rows = []
    for population in network.populations:
        row: dict[str, Any] = {
            "population": population.name,
            "shape": list(population.shape),
            "neurons": population.neurons,
            "threshold": _range(population.theta),
            "kind": str(type(population.neuron).__struct_config__.tag),
            "parameter_bytes": sum(
                stored_bytes(values)
                for values in (population.theta, population.bias, population.v0, *own_numbers(population))
            ),
        }
        for dynamics in ("count", "step"):
            interval = network.intervals.get(dynamics, {}).get(population.name)
            row[f"{dynamics}_interval"] = None if interval is None else list(interval)
            row[f"{dynamics}_bits"] = None if interval is None else bits_needed(interval)
        rows.append(row)
    return rows


def reads(view: View) -> list[str]:
    """What a view reads, in words: names, `NAME late` for those of the timestep before."""
    return [*sources(view), *(f"{name} late" for name in late_sources(view))]


def projection_rows(network: Network) -> list[dict[str, Any]]:
    """One row per projection: kind, source, weights, bits, shift, bytes, sparsity."""
    rows = []
    for population in network.populations:
        for projection in population.projections:
            weights = _weights(projection)
            zero = 0.0 if not weights.size else 1 - np.count_nonzero(weights) / weights.size
            rows.append(
                {
                    "population": population.name,
                    "projection": projection.name,
                    "kind": type(projection).__name__,
                    "reads": reads(projection.source),
                    "weights": int(weights.size),
                    "weight_bits": network.signed_bit if weights.size else 0,
                    "shift": projection.shift,
                    "bytes": -(-weights.size * network.signed_bit // 8),
                    "sparsity": round(zero, 4),
                    "largest_weight": int(np.abs(dense_weights(projection, population.shape[-1])).max()),
                }
            )
    return rows


def summary(network: Network) -> dict[str, Any]:
    """The network as a whole."""
    source = network.input
    return {
        "name": network.name,
        "hash": content_hash(network),
        "signed_bit": network.signed_bit,
        "timesteps": network.timesteps,
        "spike_ext": network.spike_ext,
        "dynamics": network.dynamics,
        "readout": network.readout,
        "head": network.head,
        "input": {
            "shape": list(source.shape),
            "bits": source.bits,
            "signed": source.signed,
            "encoding": source.encoding,
            "lambda_0": source.lambda_0,
        },
        "neurons": sum(p.neurons for p in network.populations),
        "weights": sum(int(_weights(q).size) for p in network.populations for q in p.projections),
        "populations": population_rows(network),
        "projections": projection_rows(network),
    }


def summary_lines(facts: dict[str, Any]) -> list[str]:
    """The network as a whole, in words."""
    source = facts["input"]
    sign = "signed" if source["signed"] else "unsigned"
    bits = f"{facts['signed_bit']} bits" if facts["signed_bit"] else "32 bits, floats"
    return [
        f"{facts['name']}: {facts['neurons']:,} neurons, {facts['weights']:,} weights of {bits}, "
        f"T <= {facts['timesteps']}, {facts['dynamics']}, {facts['readout']} readout",
        f"input {_shape(source['shape'])}, {source['bits']} bits {sign}, {source['encoding']}, "
        f"lambda_0 {source['lambda_0']:g}",
    ]


POPULATION_HEADER = ["population", "shape", "neurons", "threshold", "count potential", "bits", "step potential",
                     "bits", "bytes"]  # fmt: skip


def population_cells(row: dict[str, Any]) -> list[str]:
    """Cells of one population's line, of its row for JSON."""
    return [
        row["population"],
        _shape(row["shape"]),
        f"{row['neurons']:,}",
        _between(row["threshold"]),
        _between(row["count_interval"]),
        _bits(row, "count"),
        _between(row["step_interval"]),
        _bits(row, "step"),
        f"{row['parameter_bytes']:,}",
    ]


PROJECTION_HEADER = ["into", "projection", "kind", "reads", "weights", "bits", "shift", "bytes", "sparsity"]


def projection_cells(row: dict[str, Any]) -> list[str]:
    """Cells of one projection's line, of its row for JSON."""
    return [
        row["population"],
        row["projection"],
        row["kind"],
        ", ".join(row["reads"]),
        f"{row['weights']:,}",
        str(row["weight_bits"]),
        str(row["shift"]),
        f"{row['bytes']:,}",
        f"{100 * row['sparsity']:.1f} %",
    ]


def energy_lines(found: Sequence[Evaluation]) -> list[str]:
    """The modelled energy of each evaluation, in words; nothing for a float twin."""
    return [
        f"energy (model): {model['nanojoules_per_image']['total']:,.4g} nJ per image "
        f"at T = {one.timesteps}, {one.dynamics} ({model['table']})"
        for one in found
        if (model := one.energy_model)
    ]


def stage_rows(found: Diagnosis) -> list[list[str]]:
    """One line per network of the chain: its agreement with the float network and its accuracy."""
    return [
        [stage, f"{100 * agrees:.1f} %", f"{100 * found.accuracy[stage]:.1f} %" if found.accuracy else "-"]
        for stage, agrees in found.agreement.items()
    ]


STAGE_HEADER = ["network", "float's class", "accuracy"]


def _shape(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _bits(row: dict[str, Any], dynamics: str) -> str:
    """Of a potential: those that are proved; none in dynamics that the network has not."""
    proved = row["count_bits"] or row["step_bits"]
    return str(row[f"{dynamics}_bits"] or ("-" if proved else "float"))


def _between(interval: Sequence[float] | None) -> str:
    if interval is None:
        return "-"
    low, high = (f"{v:,}" if isinstance(v, int) else f"{v:.4g}" for v in interval)
    return low if low == high else f"{low} .. {high}"


def _weights(projection: Projection) -> Array:
    """The weights that are stored: a sum pool has none."""
    return np.zeros(0, np.int8) if isinstance(projection, SumPool2D) else projection.weights


def _range(values: Array | None) -> list[int] | None:
    return None if values is None else [values.min().item(), values.max().item()]
