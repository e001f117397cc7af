"""Windows over a source map as the C struct NAME_window_t, of which every table and every kernel has one meaning."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

from snncc.ir import Pair


@dataclass(frozen=True)
class WindowTable:
    """The fields of NAME_window_t in their order; sizes in elements.

    Output (y, x) sees source rows y * stride_h - top + k * dilate_h, columns alike. `first`, `row`: where its outputs
    go among a neuron row. `multiplier`: outputs per tap of a channel. `gathers`: a window is more than one position of
    the source as it lies in memory.
    """

    height: int
    width: int
    channels: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    dilate_h: int
    dilate_w: int
    top: int
    left: int
    out_h: int
    out_w: int
    out_channels: int
    multiplier: int
    first: int
    row: int
    gathers: int

    @property
    def numbers(self) -> tuple[int, ...]:
        """The initialisers of the struct."""
        return astuple(self)


FIELDS = tuple(field.name for field in fields(WindowTable))


def window_table(
    source: tuple[int, int, int],
    kernel: Pair,
    output: tuple[int, int, int],
    row: int,
    *,
    strides: Pair = (1, 1),
    dilation: Pair = (1, 1),
    top: int = 0,
    left: int = 0,
    multiplier: int = 1,
    first: int = 0,
) -> WindowTable:
    """The table of a window of `kernel` taps over a source (H, W, C) that makes an output (H, W, C)."""
    in_place = kernel == strides == (1, 1) and (top, left) == (0, 0) and source[:2] == output[:2]
    return WindowTable(
        *source, *kernel, *strides, *dilation, top, left, *output, multiplier, first, row, int(not in_place)
    )
