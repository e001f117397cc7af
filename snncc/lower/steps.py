"""The steps of the lowering: populate and calibrate (find scales), then quantise or tune."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import cast

import numpy as np
from msgspec import UNSET

from snncc.encodings import ENCODINGS
from snncc.errors import CalibrationError, SnnccWarning
from snncc.graph import Graph
from snncc.ir import AXES, INPUT, Array, Encoding, Input, Network
from snncc.ir import replace as replace_fields
from snncc.lower.calibrate import check_samples, input_extremes, scales, snap
from snncc.lower.ends import input_scaling
from snncc.lower.kept import report
from snncc.lower.options import WEIGHTS, AveragePools, LinearLayers, Options
from snncc.lower.populate import populate
from snncc.lower.quantise import Quantiser, check_thresholding, quantised_network
from snncc.lower.raw import Found, raw_bytes
from snncc.lower.real import RealNetwork
from snncc.lower.record import record
from snncc.lower.tune import Progress, tuned_network
from snncc.lower.values import names


@dataclass(frozen=True)
class Calibrated:
    """What the timesteps, the dynamics and the bits of a network do not change: a sweep over them makes it once."""

    real: RealNetwork
    source: Input
    raw: Found
    scales: dict[str, Array]
    samples: Array
    axes: tuple[int, ...] | None


def calibrated(
    graph: Graph,
    calibration: Array,
    options: Options,
    real: RealNetwork | None = None,
    known: dict[str, Array] | None = None,
) -> Calibrated:
    """Populations, the input's quantiser and the scales; depends on the options of input, pools and scales alone.

    `calibration` (N, *shape), channels last; `real` and `known`: the populations and their scales, where they
    are known.
    """
    x = check_samples(calibration, graph.input_shape)
    if len(x) > 1 and np.array_equal(x[0], x[-1]) and (x == x[:1]).all():
        warnings.warn(
            f"the {len(x)} calibration samples are all the same: thresholds are chosen for this one sample; calibrate "
            "with data as the network will meet them",
            SnnccWarning,
            stacklevel=2,
        )
    low, high = reach(graph, x, options)
    encoding = _encoding(options.encoding, signed=low < 0)
    real = real or populated(graph, low < 0, options)
    source = _input(graph, real, (low, high), encoding, options)
    raw = raw_bytes(source, x.reshape(len(x), *source.shape), options.bytes, options.bytes_scale, options.bytes_offset)
    source = replace_fields(source, raw=raw.raw or UNSET)
    found = known or scales(real, x, options.percentile, options.lambda_per_channel, options.fixed_lambda)
    return Calibrated(real, source, raw, found, x, graph.axes)


def populated(graph: Graph, signed: bool, options: Options, most: float = inf) -> RealNetwork:
    """The populations of a graph; TooLargeError where they would take more than `most` weights."""
    current = not ENCODINGS[_encoding(options.encoding, signed)].spiking
    plain = options.plain()
    pools, linear = cast(AveragePools, plain.average_pools), cast(LinearLayers, plain.linear)
    return populate(graph, signed, current, pools, linear, most)


def reach(graph: Graph, x: Array, options: Options) -> tuple[float, float]:
    """(smallest, largest) of the input, after a leading normalisation."""
    if options.input_range is not None:
        return options.input_range
    gain, offset, _ = input_scaling(graph)
    return input_extremes(x, gain, offset)


def finish(
    made: Calibrated, options: Options, progress: Progress | None = None, choices: Mapping[str, str] | None = None
) -> Network:
    """The integers: by the contract's formulas, or tuned for T, dynamics and bits; `choices`: lines for the record."""
    options = replace(options.plain(), thresholding=check_thresholding(options.thresholding))
    if options.calibrate == "none" or not options.signed_bit or options.fixed_lambda is not None:
        network = quantised_network(made.real, made.source, made.scales, options)
    else:
        network = tuned_network(made.real, made.source, made.scales, options, made.samples, progress)[0]
    axes = {} if made.axes is None else {AXES: ",".join(map(str, made.axes))}
    lines = {"bytes": made.raw.line, **axes, **_weights(made, network, options), **(choices or {})}
    whole: Network = replace_fields(network, record=record(options, made.source, made.samples, lines))
    return whole


def _weights(made: Calibrated, network: Network, options: Options) -> dict[str, str]:
    """The line about weights that are the model's own integers; a warning for each layer whose are not."""
    real = made.real
    if not real.grids or not network.is_integer:
        return {}
    lambdas = {INPUT: made.source.lambda_} | {p.name: p.lambda_ for p in network.populations}
    lost: dict[str, str] = {}
    for population in real.populations:
        lost |= Quantiser(real, population, lambdas, options).kept.lost
    layers, why = report(real, network, lost)
    for layer, reason in why.items():
        warnings.warn(
            f"layer {layer!r} has weights that are integers, and they are quantised anew: {reason}",
            SnnccWarning,
            stacklevel=3,
        )
    if not layers:
        return {}
    tuned = "" if options.calibrate == "none" else "; calibration chose no more than thresholds, biases and starts"
    return {WEIGHTS: f"Weights of {names(tuple(layers))} are the model's own integers{tuned}."}


def _encoding(wanted: str, signed: bool) -> Encoding:
    """The encoding asked for; `auto` is `rate` where the data allow it."""
    chosen: dict[str, Encoding] = {"rate": "rate", "current": "current", "auto": "current" if signed else "rate"}
    if signed and not ENCODINGS[chosen[wanted]].signed:
        raise CalibrationError(f"{wanted} encoding needs data without negatives; use `encoding` current")
    return chosen[wanted]


def _input(graph: Graph, real: RealNetwork, ends: tuple[float, float], encoding: Encoding, options: Options) -> Input:
    """The host's quantiser: pixels of `input_bits` bits, signed where the data are; on the model's own grid if it can.

    It can where the data need no more bits; what the model cuts off is cut off too where that ends at 2^n - 1.
    """
    signed, largest = ends[0] < 0, max(map(abs, ends))
    made = Input(
        shape=real.input_shape,
        bits=options.input_bits,
        signed=signed,
        encoding=encoding,
        lambda_0=largest if options.input_range else snap(largest, signed),
        gain=real.gain,
        offset=real.offset,
    )
    own = graph.rounded
    if own is None or options.input_range or graph.nodes[input_scaling(graph)[2] - 1].name != own.node:
        return made
    exact: Input = replace_fields(made, bits=max(2, own.top.bit_length() + signed))  # cuts off where the model does
    if exact.bits <= made.bits and exact.levels == own.top:
        made = exact
    elif np.rint(largest / own.step) > min(own.top, made.levels):
        return made
    whole: Input = replace_fields(made, lambda_0=own.step * made.levels)
    return whole
