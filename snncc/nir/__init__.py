"""Graphs of the Neuromorphic Intermediate Representation: how they are meant, their float twins, their networks."""

from __future__ import annotations

from snncc.nir.convert import READING, NirChoices, NirOptions, convert, settled

__all__ = ["READING", "NirChoices", "NirOptions", "convert", "settled"]
