"""Accuracy, spikes, operations, NeuroBench's metrics and modelled energy of a network over a data set, bit-exactly."""

from snncc.evaluation.result import Evaluation, Evaluations, Interrupted, labels
from snncc.evaluation.run import evaluate

__all__ = ["Evaluation", "Evaluations", "Interrupted", "evaluate", "labels"]
