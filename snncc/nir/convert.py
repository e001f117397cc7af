"""From a NIR graph to an integer network: read, settle, populate, quantise."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from snncc import ir
from snncc.errors import CalibrationError, SnnccWarning, UnsupportedLayerError
from snncc.frontend.nir import NirGraph, read, refuse
from snncc.lower.record import GOLDEN, loaded_versions
from snncc.names import LONGEST, identifier
from snncc.nir import twin
from snncc.nir.dialects import DIALECTS, OPTIONS, Asked, Clamp, Compare, Gain, Reading, Reset, Spikes, faults, settle
from snncc.nir.populations import Populations, last, moved
from snncc.nir.quantise import network_of, quantised_input

Array: TypeAlias = NDArray[Any]

SAMPLES = 4
"""On how many samples a dialect's spikes are counted."""
READING = "reading"
"""Under which a network's record says how its graph was read."""


class NirChoices(TypedDict, total=False):
    """The options of `convert` for a NIR graph, as keywords."""

    signed_bit: int
    input_bits: int
    timesteps: int
    name: str
    nir_dialect: str
    nir_dt: float
    nir_reset: Reset
    nir_compare: Compare
    nir_spikes: Spikes
    nir_clamp: Clamp
    nir_gain: Gain


@dataclass(frozen=True)
class NirOptions:
    """What a user may choose when a NIR graph is compiled; docs/guide/nir.md. `timesteps` None: the data's frames."""

    signed_bit: int = 8
    input_bits: int = 8
    timesteps: int | None = None
    name: str = ""
    nir_dialect: str | None = None
    nir_dt: float | None = None
    nir_reset: Reset | None = None
    nir_compare: Compare | None = None
    nir_spikes: Spikes | None = None
    nir_clamp: Clamp | None = None
    nir_gain: Gain | None = None

    def __post_init__(self) -> None:
        _require(2 <= self.signed_bit <= 16, f"signed_bit must be 2..16 for a NIR graph, not {self.signed_bit}")
        _require(2 <= self.input_bits <= 16, f"input_bits must be 2..16, not {self.input_bits}")
        _require(
            self.nir_dialect is None or self.nir_dialect in DIALECTS,
            f"nir_dialect must be one of {', '.join(DIALECTS)}, not {self.nir_dialect!r}",
        )
        _require(
            self.nir_dt is None or (np.isfinite(self.nir_dt) and self.nir_dt > 0),
            f"nir_dt must be positive and finite, not {self.nir_dt}",
        )
        for name, allowed in OPTIONS.items():
            given = getattr(self, f"nir_{name}")
            _require(given is None or given in allowed, f"nir_{name} must be {' or '.join(allowed)}, not {given!r}")

    @property
    def asked(self) -> Asked:
        """What is said of the graph's meaning."""
        return Asked(**{name: getattr(self, f"nir_{name}") for name in Asked.__dataclass_fields__})


def settled(source: Any, options: NirOptions) -> tuple[NirGraph, Reading]:
    """The graph of a file or object and its reading. Errors as `read` and `settle`; one lists every problem."""
    graph = read(source)
    graph.require()
    reading = settle(graph, options.asked)
    refuse(graph.name, faults(graph, reading))
    return graph, reading


def convert(source: Any, x: Array, options: NirOptions, version: str = "") -> ir.Network:
    """The integer network of a NIR graph; x (N, T, *input shape), channels first, are the calibration samples.

    UnsupportedLayerError: what cannot be meant or has no form here; CalibrationError: what the data cannot be.
    """
    graph = read(source)
    graph.require()
    x = samples(graph, x)
    reading = _meant(graph, options, x)
    cells = Populations(graph, reading).made()
    timesteps = options.timesteps or x.shape[1]
    if timesteps > x.shape[1]:
        raise CalibrationError(f"the samples have {x.shape[1]} frames; T = {timesteps} timesteps read as many")
    shape = graph.shapes[graph.only("Input").name]
    read_ = moved(x, shape)
    whole = quantised_input(read_, options.input_bits, last(shape))
    name = options.name or identifier(graph.name, LONGEST)
    record = _record(options, reading, whole, x, read_[:, :timesteps], shape, version)
    network = network_of(cells, whole, reading, options.signed_bit, timesteps, name, record, version)
    ir.check(network)
    return network


def _meant(graph: NirGraph, options: NirOptions, x: Array) -> Reading:
    """The reading. Where it is open, the error also says how often the last neurons fire by each dialect there is."""
    try:
        reading = settle(graph, options.asked)
    except UnsupportedLayerError as error:
        counts = spikes_by_dialect(graph, options, x)
        said = ", ".join(f"{name} {count}" for name, count in counts.items())
        more = f"\nOn the first samples the last neurons fire this often: {said}" if said else ""
        raise UnsupportedLayerError(f"{error}{more}") from None
    refuse(graph.name, faults(graph, reading))
    if reading.dialect.name == "snntorch" and reading.reset == "subtract":
        warnings.warn(
            "snnTorch's reset_delay=False leaves what is above two thresholds for the next timestep; the network takes "
            "off at once: `snncc fidelity` says what it makes",
            SnnccWarning,
            stacklevel=2,
        )
    return reading


def spikes_by_dialect(graph: NirGraph, options: NirOptions, x: Array) -> dict[str, int]:
    """How often the last neurons fire on the first samples, by each dialect that can mean the graph."""
    found = {}
    for name in DIALECTS:
        try:
            reading = settle(graph, replace(options, nir_dialect=name).asked)
        except UnsupportedLayerError:
            continue
        if not faults(graph, reading):
            found[name] = int(np.sum(twin.run(graph, reading, x[:SAMPLES]).spikes[graph.neurons[-1].name]))
    return found


def samples(graph: NirGraph, x: Array) -> Array:
    """Sequences (N, T, *input shape) as float64. CalibrationError where they are none."""
    shape = graph.shapes[graph.only("Input").name]
    x = np.asarray(x)
    if x.dtype.kind not in "biuf":
        raise CalibrationError(f"samples must be numbers, not {x.dtype}")
    if x.ndim != len(shape) + 2 or x.shape[2:] != shape:
        raise CalibrationError(
            f"a NIR graph reads sequences: samples must be (N, T, {', '.join(map(str, shape))}), not {x.shape}"
        )
    if not x.size:
        raise CalibrationError("there are no samples")
    if not np.isfinite(x).all():
        raise CalibrationError("the samples hold NaN or infinity")
    return x.astype(np.float64)


def _record(
    options: NirOptions,
    reading: Reading,
    source: ir.Input,
    x: Array,
    read_: Array,
    shape: tuple[int, ...],
    version: str,
) -> ir.Record:
    """What the network is compiled from: options, how the graph was read, the data's hash and layout, some samples."""
    some = read_[:: max(1, len(read_) // GOLDEN)][:GOLDEN]
    golden = np.clip(ir.exact_pixels(source, some.reshape(*some.shape[:2], *source.shape)), *ir.pixel_range(source))
    data = {
        "sha256": hashlib.sha256(np.ascontiguousarray(x).data).hexdigest(),
        "dtype": str(x.dtype),
        "shape": "x".join(map(str, (len(x), x.shape[1], *source.shape[-len(shape) :]))),
        READING: reading.words(),
    }
    if len(shape) > 1:
        data[ir.AXES] = "0,2,3,1" if len(shape) == 3 else "0,2,1"
    return ir.Record(
        options=asdict(options) | {"timesteps": options.timesteps or x.shape[1]},
        data=data,
        versions=loaded_versions(version),
        golden=golden.astype(np.int64),
    )


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise CalibrationError(message)
