"""Graph -> network, in one screen: choose what is `auto`, populate, calibrate, then quantise or tune."""

from __future__ import annotations

from snncc.graph import Graph
from snncc.ir import Array, Network
from snncc.lower.auto import choose
from snncc.lower.calibrate import check_samples
from snncc.lower.options import Options
from snncc.lower.steps import Calibrated, calibrated, finish
from snncc.lower.tune import Progress


def lower(graph: Graph, calibration: Array, options: Options, progress: Progress | None = None) -> Network:
    """The integer network of a graph, its scales taken from every calibration sample.

    `progress(done, populations)` is called while options are chosen, and while `calibrate` light or full works.
    """
    x = graph.channels_last(check_samples(calibration, graph.sample_shape))
    chosen = choose(graph, x, options, progress)
    return finish(calibrated(graph, x, chosen.options), chosen.options, chosen.progress, chosen.lines)


__all__ = ["Calibrated", "Options", "calibrated", "finish", "lower"]
