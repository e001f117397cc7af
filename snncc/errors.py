"""The few kinds of error snncc raises. Every message names the layer or file, what is wrong and the way out.

Each kind has a code that stays; docs/reference/errors.md says what each is about.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import ClassVar


class SnnccError(Exception):
    """Base of all errors that are meant for the user; the command line prints the message alone.

    What a file calls itself may be in it: characters that a terminal obeys are spelt as in Python's source.
    """

    code: ClassVar[str] = "E100"

    def __str__(self) -> str:
        return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in super().__str__())


class UnsupportedLayerError(SnnccError):
    """The model holds something that the method cannot convert. Raised before any work is done."""

    code = "E101"


class CalibrationError(SnnccError):
    """The calibration data, or an option about it, cannot be used."""

    code = "E102"


class DataError(SnnccError):
    """An input array has the wrong shape, type or values."""

    code = "E103"


class NetworkError(SnnccError):
    """A network breaks an invariant of the numeric contract (docs/contract.md)."""

    code = "E104"


class FileFormatError(SnnccError):
    """A file is not what it should be: truncated, corrupted, of a newer version, or hostile."""

    code = "E105"


class TargetError(SnnccError):
    """A target does not exist, or cannot express this network."""

    code = "E106"


class OutputError(SnnccError):
    """The output folder or file cannot be written as asked."""

    code = "E107"


class ToolMissingError(SnnccError):
    """An outside tool (compiler, simulator, synthesiser) is not installed."""

    code = "E108"


OUT_OF_MEMORY, SYSTEM = "E109", "E110"
"""Codes of what the command line alone reports: memory, and what the system refuses."""


class SnnccWarning(UserWarning):
    """Something that the user should know but that stops nothing."""


@cache
def warn_once(text: str) -> None:
    """Warn of it the first time; `warn_once.cache_clear()` forgets what was said."""
    warnings.warn(text, SnnccWarning, stacklevel=3)
