"""Networks that are written as text and read again, and whether two of them are equal in everything."""

from __future__ import annotations

import msgspec
import numpy as np

from snncc import ir
from snncc.ir.text import dump
from tests.ir.changes import same
from tests.networks import every_kind, grown, recurrent


def whole() -> ir.Network:
    """Every kind of projection and view, raw bytes and a record with every type of option."""
    network = every_kind()
    scale, offset = np.array([1 / 255, 2 / 255]), np.array([0.0, -0.1])
    pixels = ir.byte_pixels(network.input, scale, offset)
    golden = np.random.default_rng(0).integers(0, 255, (2, 4, 4, 2), dtype=np.int64, endpoint=True)
    record = ir.Record(
        options={
            "calibrate": "none", "seed": 3, "percentile": 99.9, "per_channel": True, "fixed_lambda": None,
            "bytes_scale": (0.1, 1e-300), "an odd name": 'a "quoted"  text, (with\n everything) ' + "long " * 60,
        },
        data={"sha256": "0" * 64, "shape": "8x4x4x2"},
        versions={"numpy": "2.0", "tensorflow-cpu": "2.18"},
        golden=golden,
    )  # fmt: skip
    raw = ir.RawBytes(scale=scale, offset=offset, pixels=pixels)
    return ir.replace(network, record=record, input=ir.replace(network.input, raw=raw))


def twin() -> ir.Network:
    """A float twin: float32 weights and float64 parameters with long, tiny and negative zero values."""
    network = every_kind()
    random = np.random.default_rng(1)

    def real(projection: ir.Projection) -> ir.Projection:
        if not hasattr(projection, "weights"):
            return projection
        weights = random.normal(size=projection.weights.shape).astype(np.float32)
        weights.ravel()[:3] = -0.0, 1.1754944e-38, 3.4028235e38
        return ir.replace(projection, weights=weights)

    populations = tuple(
        ir.replace(
            p,
            projections=tuple(map(real, p.projections)),
            theta=None if p.theta is None else p.theta / 7,
            bias=random.normal(size=p.bias.shape),
            v0=p.v0 / 3,
        )
        for p in network.populations
    )
    return ir.replace(network, signed_bit=0, populations=populations, intervals={})


SAMPLES = {
    "every kind": every_kind,
    "spread": grown,
    "recurrent": recurrent,
    "spikes": lambda: every_kind(spikes=True),
    "record and raw bytes": whole,
    "float twin": twin,
}


def records_equal(left: ir.Network, right: ir.Network) -> bool:
    """The record is no part of the hash."""
    if not left.record or not right.record:
        return bool(left.record) == bool(right.record)
    a, b = left.record, right.record
    return (
        msgspec.to_builtins((a.options, a.data, a.versions)) == msgspec.to_builtins((b.options, b.data, b.versions))
        and list(map(type, a.options.values())) == [type(b.options[name]) for name in a.options]
        and np.array_equal(a.golden, b.golden)
        and a.golden.dtype == b.golden.dtype
    )


def equal(left: ir.Network, right: ir.Network) -> bool:
    """All of it: what the hash covers, and the record, the tool's version and the proved intervals."""
    return (
        same(left, right)
        and records_equal(left, right)
        and (left.tool_version, left.intervals) == (right.tool_version, right.intervals)
    )


TEXT = dump(whole())
