"""Options that several commands have, and what a number may be: every one has its range, and says it."""

from __future__ import annotations

import math
from typing import Any

import click

from snncc.errors import CalibrationError

TIMESTEPS = click.IntRange(1, 65_535)
"""T + spike_ext, which is checked together, fits 16 bits."""
SPIKE_EXT = click.IntRange(-1, 65_534)
INPUT_BITS = click.IntRange(2, 16)
DYNAMICS = click.Choice(["count", "step"])
ENGINES = ("auto", "numpy", "native", "keras")
"""The names of snncc.engines, which need NumPy to be imported."""
AT_LEAST_1 = click.IntRange(1)
AT_LEAST_0 = click.IntRange(0)


class Finite(click.FloatRange):
    """A float in a range, neither infinite nor NaN (which lies in every range of click's)."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        number = click.FLOAT.convert(value, parameter, context)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", parameter, context)
        return float(super().convert(number, parameter, context))


POSITIVE = Finite(0, min_open=True)
PERCENTILE = Finite(0, 100, min_open=True)


class SignedBit(click.IntRange):
    """Bits per weight: 2 to 16, or 0 for floats."""

    def __init__(self) -> None:
        super().__init__(2, 16)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        number = click.INT.convert(value, parameter, context)
        return 0 if number == 0 else int(super().convert(number, parameter, context))

    def _describe_range(self) -> str:
        return "0 (float twin) or 2<=x<=16"


def thresholding(context: click.Context, parameter: click.Parameter, given: str) -> str:
    """An exact decimal or fraction in -1..1, kept as text."""
    from snncc.lower.quantise import check_thresholding

    try:
        return check_thresholding(given)
    except CalibrationError as error:
        raise click.BadParameter(f"{error}.") from None


def dsp(context: click.Context, parameter: click.Parameter, given: str) -> int | str:
    """auto, none or a number."""
    if given in ("auto", "none"):
        return given
    if not given.isdecimal():
        raise click.BadParameter(f"{given!r} is not auto, none or a number.")
    return int(given)


def numbers(context: click.Context, parameter: click.Parameter, given: str | None) -> tuple[float, ...] | None:
    """One finite number, or one per channel with commas between."""
    try:
        found = None if given is None else tuple(float(part) for part in given.split(","))
    except ValueError:
        raise click.BadParameter(f"{given!r} is not a number, or numbers with commas between.") from None
    if found is not None and not all(map(math.isfinite, found)):
        raise click.BadParameter(f"{given!r} holds a number that is not finite.")
    return found


def input_range(
    context: click.Context, parameter: click.Parameter, given: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Finite LO < HI, and HI above 0: what is never positive excites nothing."""
    if given is not None and not all(map(math.isfinite, given)):
        raise click.BadParameter(f"LO and HI must be finite, not {given[0]:g} and {given[1]:g}.")
    if given is not None and not given[0] < given[1]:
        raise click.BadParameter(f"LO must be below HI: {given[0]:g} is not below {given[1]:g}.")
    if given is not None and given[1] <= 0:
        raise click.BadParameter(f"HI must be above 0, not {given[1]:g}.")
    return given


AS_COMPILED = "as compiled"
FOLDER = click.Path(file_okay=False)
NETWORK = click.argument("folder", type=click.Path(), metavar="FOLDER")
"""A compiled folder, or the .snn file of a network."""
ONE_T = click.option("--timesteps", "-T", type=TIMESTEPS, show_default=AS_COMPILED, help="How many timesteps to run.")
IN_DYNAMICS = click.option("--dynamics", type=DYNAMICS, show_default=AS_COMPILED, help="The dynamics to run in.")
RAW = click.option("--raw", is_flag=True, help="DATA are raw bytes, as a device gets them, not inputs of the model.")
ENGINE = click.option(
    "--engine", default="auto", type=click.Choice(ENGINES), help="What runs the network; the integers are the same."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
FORCE = click.option("--force", is_flag=True, help="Replace the folder, if it holds a manifest of ours.")
