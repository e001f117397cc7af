"""What a user may choose at compile time, checked once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Literal, TypeAlias, TypedDict

from snncc.errors import CalibrationError
from snncc.ir import Dynamics, Readout, Window

AveragePools: TypeAlias = Literal["fire", "global", "all"]
"""Which average pools are kept exact (composed into the linear layers that read them, or relays) instead of firing."""
LinearLayers: TypeAlias = Literal["least", "compose", "relay"]
"""What becomes of a linear layer that another layer reads: what costs least, one kernel of both, or a relay between."""
AUTO = ("encoding", "average_pools", "linear", "calibrate")
"""Options whose `auto` is tried out on calibration samples (auto.py), in the order in which they are said."""
WEIGHTS = "weights"
"""Under which a record says which layers keep their weights (kept.py)."""
CalibrateWidths: TypeAlias = Literal["keep", "free"]
"""Whether tuning keeps the widths of the potentials of `none`, one bit more at most."""


@dataclass(frozen=True)
class Options:
    """Compile-time options; docs/contract.md says what each means, auto.py what becomes of `auto`.

    signed_bit 0 is the float twin; `percentile` of the strictly positive activations; `input_range` (low, high)
    overrides the calibration's; `calibrate` none, light or full chooses theta, bias, v0 and W_int for this T, these
    dynamics and bits (docs/guide/calibration.md), `calibrate_widths` keep with potentials at most one bit wider than
    none's, `seed` its samples; `average_pools`: fire (each is a population), or global (those over the whole map) or
    all are kept exact where the border allows it; `linear`: least, compose or relay (choice.py); `bytes` auto, none or
    a kind (snncc/lower/raw.py), or `bytes_scale` and `bytes_offset`, one number or one per channel: how a raw byte of
    the user's becomes a model input; `fixed_lambda` is the scale of every population but the readout, whatever the
    samples say; `name` (an identifier) prefixes what is generated.
    """

    signed_bit: int = 8
    timesteps: int = 64
    dynamics: Dynamics = "count"
    encoding: str = "auto"
    thresholding: str = "0.5"
    percentile: float = 100.0
    per_channel: bool = True
    lambda_per_channel: bool = False
    input_bits: int = 8
    input_range: tuple[float, float] | None = None
    readout: Readout = "potential"
    average_pools: AveragePools | Literal["auto"] = "auto"
    linear: LinearLayers | Literal["auto"] = "auto"
    spike_ext: int = 0
    calibrate: str = "auto"
    calibrate_widths: CalibrateWidths = "keep"
    seed: int = 0
    bytes: str = "auto"
    bytes_scale: float | tuple[float, ...] | None = None
    bytes_offset: float | tuple[float, ...] | None = None
    fixed_lambda: float | None = None
    name: str = ""
    tool_version: str = ""

    def __post_init__(self) -> None:
        _require(
            self.signed_bit == 0 or 2 <= self.signed_bit <= 16,
            f"signed_bit must be 0 (float) or 2..16, not {self.signed_bit}",
        )
        window = Window(self.dynamics, self.timesteps, self.spike_ext)
        _require(not window.fault, window.fault)
        _require(
            self.encoding in ("auto", "rate", "current"),
            f"encoding must be auto, rate or current, not {self.encoding!r}",
        )
        _require(self.readout in ("potential", "spikes"), f"readout must be potential or spikes, not {self.readout!r}")
        _require(2 <= self.input_bits <= 16, f"input_bits must be 2..16, not {self.input_bits}")
        _require(
            self.calibrate in ("auto", "none", "light", "full"),
            f"calibrate must be auto, none, light or full, not {self.calibrate!r}",
        )
        _require(
            self.calibrate_widths in ("keep", "free"),
            f"calibrate_widths must be keep or free, not {self.calibrate_widths!r}",
        )
        _require(
            self.average_pools in ("auto", "fire", "global", "all"),
            f"average_pools must be auto, fire, global or all, not {self.average_pools!r}",
        )
        _require(
            self.linear in ("auto", "least", "compose", "relay"),
            f"linear must be auto, least, compose or relay, not {self.linear!r}",
        )
        if self.input_range is not None:
            low, high = self.input_range
            _require(
                -inf < low < high < inf and high > 0,
                f"input_range must be finite LO < HI with HI > 0, not {low} {high}",
            )

    def plain(self) -> Options:
        """Pools, layers and calibration where nothing is tried instead of `auto`; the encoding follows the data."""
        return replace(
            self,
            average_pools="fire" if self.average_pools == "auto" else self.average_pools,
            linear="least" if self.linear == "auto" else self.linear,
            calibrate="light" if self.calibrate == "auto" else self.calibrate,
        )


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise CalibrationError(message)


class Choices(TypedDict, total=False):
    """The fields of `Options` that a caller of `snncc.convert` may give."""

    signed_bit: int
    timesteps: int
    dynamics: Dynamics
    encoding: Literal["auto", "rate", "current"]
    thresholding: str | float
    percentile: float
    per_channel: bool
    lambda_per_channel: bool
    input_bits: int
    input_range: tuple[float, float] | None
    readout: Readout
    average_pools: AveragePools | Literal["auto"]
    linear: LinearLayers | Literal["auto"]
    spike_ext: int
    calibrate: Literal["auto", "none", "light", "full"]
    calibrate_widths: CalibrateWidths
    seed: int
    bytes: str
    bytes_scale: float | tuple[float, ...] | None
    bytes_offset: float | tuple[float, ...] | None
    fixed_lambda: float | None
    name: str
