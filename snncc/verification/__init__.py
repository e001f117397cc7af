"""Runs every backend found in a compiled folder on the same images and names the first integer that differs."""

from snncc.verification.report import Mismatch, Outcome, Report
from snncc.verification.run import digest, verify

__all__ = ["Mismatch", "Outcome", "Report", "digest", "verify"]
