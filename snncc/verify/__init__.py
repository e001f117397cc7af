"""Runs every backend found in a compiled folder on the same images and names the first integer that differs."""

from snncc.verify.report import Mismatch, Outcome, Report
from snncc.verify.run import verify

__all__ = ["Mismatch", "Outcome", "Report", "verify"]
