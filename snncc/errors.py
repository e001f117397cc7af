"""The few kinds of error snncc raises. Every message names the layer or file, what is wrong and the way out."""

from __future__ import annotations


class SnnccError(Exception):
    """Base of all errors that are meant for the user; the command line prints the message alone.

    What a file calls itself may be in it: characters that a terminal obeys are spelt as in Python's source.
    """

    def __str__(self) -> str:
        return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in super().__str__())


class UnsupportedLayerError(SnnccError):
    """The model holds something that the method cannot convert. Raised before any work is done."""


class CalibrationError(SnnccError):
    """The calibration data, or an option about it, cannot be used."""


class DataError(SnnccError):
    """An input array has the wrong shape, type or values."""


class NetworkError(SnnccError):
    """A network breaks an invariant of the numeric contract (docs/contract.md)."""


class FileFormatError(SnnccError):
    """A file is not what it should be: truncated, corrupted, of a newer version, or hostile."""


class TargetError(SnnccError):
    """A target does not exist, or cannot express this network."""


class OutputError(SnnccError):
    """The output folder or file cannot be written as asked."""


class ToolMissingError(SnnccError):
    """An outside tool (compiler, simulator, synthesiser) is not installed."""


class SnnccWarning(UserWarning):
    """Something that the user should know but that stops nothing."""
