"""What a target can be asked for: a frozen dataclass whose fields say their help, their type and their range.

The command line, its help, the check of what comes from Python and docs/ are made from these fields alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from snncc.errors import TargetError
from snncc.ir import Array

Kind: TypeAlias = Literal["flag", "text", "integer", "number", "choice", "table"]


@dataclass(frozen=True)
class Option:
    """One option. `help`: half a sentence. `low`, `high`: of numbers, both included; a `number` lies above `low`.

    kind `choice`: one of `choices`; `table`: NAME -> integer within the range, NAME being what `key` says; `flag`: true
    or false. `shown`: what the help says of a default of None that stands for something.
    """

    help: str
    kind: Kind
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    key: str = ""
    shown: str = ""

    def fault(self, value: Any) -> str:
        """Why a value (not None) is none of this option, or nothing."""
        match self.kind:
            case "flag":
                return "" if isinstance(value, bool) else f"must be True or False, not {value!r}"
            case "text":
                return "" if isinstance(value, str) else f"must be a text, not {value!r}"
            case "choice":
                return "" if str(value) in self.choices else f"must be one of {', '.join(self.choices)}, not {value!r}"
            case "integer":
                return self._integer(value)
            case "number":
                low = -math.inf if self.low is None else self.low
                good = isinstance(value, int | float) and not isinstance(value, bool) and low < value < math.inf
                return "" if good else f"must be positive and finite, not {value!r}"
            case "table":
                if not isinstance(value, Mapping):
                    return f"must be a table, {self.key} -> number, not {value!r}"
                return next((f"of {k!r} {f}" for k, v in value.items() if (f := self._integer(v))), "")

    def _integer(self, value: Any) -> str:
        low, high = self.low, self.high
        good = isinstance(value, int) and not isinstance(value, bool)
        if good and (low is None or value >= low) and (high is None or value <= high):
            return ""
        between = f"{low:g}..{high:g}" if high is not None else f"at least {low:g}"
        return f"must be {between}, not {value!r}"


def option(default: Any, help: str, kind: Kind, **more: Any) -> Any:
    """A field of a target's options."""
    described = {"option": Option(help, kind, **more)}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=described)
    return dataclasses.field(default=default, metadata=described)


@dataclass(frozen=True, kw_only=True)
class TargetOptions:
    """What every target can be asked for, from Python alone.

    `pixels`: golden images (N, *input.shape), integers; by default the network's own, of its calibration data.
    """

    pixels: Array | None = None

    def __post_init__(self) -> None:
        for name, described in options_of(type(self)).items():
            value = getattr(self, name)
            fault = "" if value is None else described.fault(value)
            if fault:
                raise TargetError(f"`{name}` {fault}")


def shared(described: Option) -> Any:
    """A field for an option that several targets have; None by default."""
    return dataclasses.field(default=None, metadata={"option": described})


PREFIX = Option("what every name begins with", "text", shown="c: the network's name; verilog: snn")
"""Of every target that writes names of programs or designs."""


def options_of(kind: type[TargetOptions]) -> dict[str, Option]:
    """The options that can be given on the command line, by name."""
    fields = dataclasses.fields(kind)
    return {field.name: field.metadata["option"] for field in fields if "option" in field.metadata}
