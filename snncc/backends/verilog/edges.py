"""Edges: one leaf of one projection as parameters, weight ROM and tables of `snn_edge`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from snncc.backends.verilog.layout import Layout
from snncc.backends.verilog.leaves import Leaf, Shape, as_map, axes
from snncc.backends.verilog.window import POINT, Axis
from snncc.ir import INPUT, Array, Dense, DepthwiseConv2D, Identity, Projection, SumPool2D, kernel_size

NO_ROW = 2**40


@dataclass(frozen=True)
class Geometry:
    """A projection without its source: windows, weights (KH, KW, C, C_out or M) or None for ones, shift."""

    name: str
    y: Axis
    x: Axis
    view: tuple[int, int, int]
    channelwise: bool
    multiplier: int
    weights: Array | None
    shift: int

    @property
    def taps(self) -> Array:
        """The weights; ones where the projection has none."""
        if self.weights is None:
            return np.ones((self.y.kernel, self.x.kernel, self.view[2], 1), np.int8)
        return self.weights


@dataclass(frozen=True)
class Edge:
    """Everything `snn_edge` is instantiated with. `rom` (words, lanes) integers or None; tables (entries, 3 or 2).

    `flat`: the scanner numbers the elements of the bank through. `place` (words * lanes, 3): then the row of each in
    the y, x and c tables; None where those are the scanner's own coordinates. `every`: zeros are events too. `tally`:
    bits of the counts of spikes (`sums`: of the sums of values) that events bring; 0: they bring the element itself.
    `late`: each frame reads the one before. `beat`: of every frame it has the meta word alone.
    """

    name: str
    source: str
    layout: Layout
    lanes: int
    flat: bool
    has_map: bool
    channelwise: bool
    groups: int
    lanes_per_channel: int
    shift: int
    cw: int
    signed: bool
    values: bool
    drive: bool
    every: bool
    tally: int
    sums: bool
    banks: int
    wstride: int
    wsteps: tuple[int, int]
    vsteps: tuple[int, int]
    rom: Array | None
    place: Array | None
    y_table: Array | None
    x_table: Array | None
    c_table: Array | None
    weight_bits: int
    late: bool
    beat: bool = False

    @property
    def scan(self) -> tuple[int, int, int]:
        """(D0, D1, BLOCKS) as the scanner counts them."""
        grid = self.layout
        return (1, 1, grid.words) if self.flat else (grid.d0, grid.d1, grid.blocks)

    def fan_out(self) -> Array:
        """Cycles that an event of each lane of a bank walks, (words * lanes,); 0 where nothing is reached."""
        grid = self.layout
        total = np.full((grid.d0, grid.d1, grid.blocks * grid.lanes), self.groups, np.int64)
        if self.y_table is not None and self.x_table is not None:
            y, x = self.y_table[:, 0], self.x_table[:, 0]
            if self.place is not None:
                return np.asarray(self.groups * y[self.place[:, 0]] * x[self.place[:, 1]])
            if grid.on_x:
                row = np.zeros(grid.blocks * grid.lanes, np.int64)
                row[: len(x)] = x
                total = total * y[None, :, None] * row
            else:
                total = total * y[:, None, None] * x[None, :, None]
        return total.reshape(-1)

    @property
    def most_rows(self) -> int:
        """Rows of potentials that an event reaches at most."""
        return 1 if self.y_table is None else int(self.y_table[:, 0].max())

    def reached(self, row_words: int) -> tuple[Array, Array]:
        """(first, last) row of potentials that each band reaches, (bands,); a row has so many words.

        A band that reaches none has a first row beyond all and the last one -1.
        """
        bands, table = self.layout.bands, self.y_table
        if table is None:
            return np.zeros(bands, np.int64), np.zeros(bands, np.int64)
        rows = np.arange(self.layout.rows) if self.place is None else self.place[:, 0]
        count, top = table[:, 0], table[:, 2] // row_words
        low = np.where(count > 0, top + (count - 1) * (self.vsteps[0] // row_words), NO_ROW)
        high = np.where(count > 0, top, -1)
        return low[rows].reshape(bands, -1).min(axis=1), high[rows].reshape(bands, -1).max(axis=1)

    def describe(self) -> dict[str, Any]:
        depth, width = (0, 0) if self.rom is None else (len(self.rom), self.lanes * self.weight_bits)
        return {
            "name": self.name,
            "source": self.source,
            "weight_words": depth,
            "weight_word_bits": width,
            "banks": self.banks,
            "bank_words": self.layout.band_words,
            "bank_word_bits": self.layout.lanes * self.cw,
            "places": 0 if self.place is None else len(self.place),
        }


def geometry_of(projection: Projection | None, view: Shape, target: Shape) -> Geometry:
    """Geometry of a projection that reads a view; None is an identity of ones."""
    grid, out = as_map(view), as_map(target)
    match projection:
        case None:
            axis = [Axis(1, 1, 1, 0, n) for n in out[:2]]
            return Geometry("sum", axis[0], axis[1], grid, True, 1, None, 0)
        case Dense(weights=w):
            weights = w.reshape(1, 1, *w.shape)
            return Geometry(projection.name, POINT, POINT, grid, False, 1, weights, projection.shift)
        case Identity(weights=w):
            axis = [Axis(1, 1, 1, 0, n) for n in out[:2]]
            weights = np.broadcast_to(w, (1, 1, grid[2])).reshape(1, 1, grid[2], 1)
            return Geometry(projection.name, axis[0], axis[1], grid, True, 1, weights, projection.shift)
    size = kernel_size(projection)
    dilation = (1, 1) if isinstance(projection, SumPool2D) else projection.dilation
    y, x = (Axis(size[a], projection.strides[a], dilation[a], projection.pads[2 * a], out[a]) for a in (0, 1))
    if isinstance(projection, SumPool2D):
        return Geometry(projection.name, y, x, grid, True, 1, None, projection.shift)
    multiplier = int(projection.weights.shape[3]) if isinstance(projection, DepthwiseConv2D) else 1
    return Geometry(
        projection.name,
        y,
        x,
        grid,
        isinstance(projection, DepthwiseConv2D),
        multiplier,
        projection.weights,
        projection.shift,
    )


def _grouped(weights: Array, lanes: int, groups: int) -> Array:
    """(..., C) -> (..., groups, lanes), padded with zeros."""
    padded = np.zeros((*weights.shape[:-1], groups * lanes), weights.dtype)
    padded[..., : weights.shape[-1]] = weights
    return padded.reshape(*weights.shape[:-1], groups, lanes)


def is_dense(geometry: Geometry) -> bool:
    """One position and every element a row: any order of the source's elements will do."""
    return geometry.y == geometry.x == POINT and geometry.view[:2] == (1, 1) and not geometry.channelwise


def beat(name: str, lanes: int) -> Edge:
    """What tells a node that reads nothing of this timestep that there is one: the input's meta words."""
    return Edge(
        name=name, source=INPUT, layout=Layout((1,), 1, 1, 1, 1), lanes=lanes, flat=True, has_map=False,
        channelwise=False, groups=1, lanes_per_channel=0, shift=0, cw=1, signed=False, values=False, drive=False,
        every=False, tally=0, sums=False, banks=0, wstride=1, wsteps=(0, 0), vsteps=(0, 0), rom=None, place=None,
        y_table=None, x_table=None, c_table=None, weight_bits=2, late=False, beat=True,
    )  # fmt: skip


def connect(
    *,
    name: str,
    leaf: Leaf,
    geometry: Geometry,
    source_shape: Shape,
    source: Layout,
    target_shape: Shape,
    lanes: int,
    groups: int,
    weight_bits: int,
    every: bool,
    **common: Any,
) -> Edge:
    """The edge from a source's layout into a population of `groups` words of `lanes` per position.

    A dense projection takes the elements in any order, so its rows follow the bank. Any other view gets tables per
    axis, over the coordinates that the source has in it; where the axes are entangled, a place table leads to them.
    """
    out = as_map(target_shape)
    fields: dict[str, Any] = dict(
        name=name, source=leaf.source, layout=source, lanes=lanes, shift=geometry.shift,
        flat=False, has_map=False, channelwise=False, groups=groups, lanes_per_channel=0, wstride=groups,
        wsteps=(0, 0), vsteps=(0, 0), rom=None, place=None, y_table=None, x_table=None, c_table=None,
        weight_bits=weight_bits, every=every, late=leaf.late, **common,
    )  # fmt: skip
    elements = source.elements()
    empty = elements < 0
    if is_dense(geometry):
        rows = np.zeros((len(elements), out[2]), geometry.taps.dtype)
        rows[~empty] = geometry.taps[0, 0, leaf.positions[elements[~empty]]]
        return Edge(**fields | {"flat": True, "rom": _grouped(rows, lanes, groups).reshape(-1, lanes)})
    found = axes(leaf, source_shape)
    nowhere = every and bool(empty.any())
    if found is None or nowhere:
        used = [np.unique(a, return_inverse=True) for a in np.unravel_index(leaf.positions, geometry.view)]
        found = used[0][0], used[1][0], used[2][0]
        place = np.zeros((len(elements), 3), np.int64)
        place[~empty] = np.stack([row for _, row in used], -1)[elements[~empty]]
        place[empty, 0] = len(found[0]) if nowhere else 0
        fields |= {"flat": True, "place": place}
    y, x, c = found
    height, width = geometry.y, geometry.x
    stride = {"y": width.kernel * groups, "x": groups}
    ny, ky, oy = height.reach(y)
    nx, kx, ox = width.reach(x)
    y_table = np.stack([ny, ky * stride["y"], oy * out[1] * groups], -1)
    y_table = np.pad(y_table, ((0, int(nowhere)), (0, 0)))  # an empty lane's row reaches nothing
    x_table = np.stack([nx, kx * stride["x"], ox * groups], -1)
    if y_table.tolist() != [[1, 0, 0]] or x_table.tolist() != [[1, 0, 0]]:
        fields |= {
            "has_map": True,
            "y_table": y_table,
            "x_table": x_table,
            "wsteps": (height.tap_step * stride["y"], width.tap_step * stride["x"]),
            "vsteps": (height.out_step * out[1] * groups, width.out_step * groups),
        }
    if not geometry.channelwise:
        rom = _grouped(np.moveaxis(geometry.taps[:, :, c], 2, 0), lanes, groups).reshape(-1, lanes)
        return Edge(**fields | {"rom": rom, "wstride": height.kernel * width.kernel * groups})
    multiplier = geometry.multiplier
    first = c * multiplier
    fields |= {
        "channelwise": True,
        "groups": max(1, multiplier // lanes),
        "lanes_per_channel": min(multiplier, lanes),
        "c_table": np.stack([first // lanes, (first % lanes) // multiplier], -1),
    }
    if geometry.weights is not None:
        w = geometry.weights.reshape(height.kernel, width.kernel, -1)
        fields["rom"] = _grouped(w, lanes, groups).reshape(-1, lanes)
    return Edge(**fields)
