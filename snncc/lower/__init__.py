"""Graph -> network, in one screen: populate, calibrate, quantise or tune. One step per file."""

from __future__ import annotations

from dataclasses import replace

from snncc.errors import CalibrationError
from snncc.graph import Graph
from snncc.ir import Array, Encoding, Input, Network
from snncc.lower.calibrate import check_samples, input_extremes, scales, snap
from snncc.lower.options import Options
from snncc.lower.populate import input_scaling, populate
from snncc.lower.quantise import check_thresholding, quantise
from snncc.lower.real import RealNetwork
from snncc.lower.tune import Progress, calibrated


def lower(graph: Graph, calibration: Array, options: Options, progress: Progress | None = None) -> Network:
    """The integer network of a graph, its scales taken from every calibration sample.

    `progress(done, populations)` is called while `calibrate` light or full works.
    """
    options = replace(options, thresholding=check_thresholding(options.thresholding))
    x = check_samples(calibration, graph.input_shape)
    gain, offset, _ = input_scaling(graph)
    if options.input_range is None:
        low, high = input_extremes(x, gain, offset)
    else:
        low, high = options.input_range
    current = low < 0 or options.encoding == "current"
    real = populate(graph, signed_input=low < 0, current_input=current, average_pools=options.average_pools)
    source = _input(real, low, high, options)
    found = scales(real, x, options.percentile, options.lambda_per_channel, options.fixed_lambda)
    if options.calibrate == "none" or not options.signed_bit or options.fixed_lambda is not None:
        return quantise(real, source, found, options)
    return calibrated(real, source, found, options, x, progress)[0]


def _input(real: RealNetwork, low: float, high: float, options: Options) -> Input:
    """The host's quantiser: pixels of `input_bits` bits, signed where the data are."""
    signed = low < 0
    if signed and options.encoding == "rate":
        raise CalibrationError("rate encoding needs data without negatives; use --encoding current")
    largest = max(abs(low), abs(high))
    chosen: dict[str, Encoding] = {"rate": "rate", "current": "current", "auto": "current" if signed else "rate"}
    return Input(
        shape=real.input_shape,
        bits=options.input_bits,
        signed=signed,
        encoding=chosen[options.encoding],
        lambda_0=largest if options.input_range else snap(largest, signed),
        gain=real.gain,
        offset=real.offset,
    )


__all__ = ["Options", "lower"]
