"""Edges: one leaf of one projection as parameters, weight ROM and tables of `snn_edge`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from snncc.backends.verilog.layout import Layout
from snncc.backends.verilog.leaves import Leaf, Shape, as_map, axes
from snncc.backends.verilog.tiles import Tiles, Weights, tiles_of
from snncc.backends.verilog.window import POINT, Axis, accesses
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
    """Everything `snn_edge` is instantiated with. `rom` (words, taps * lanes) integers or None.

    Tables: y (entries, 3), x (entries, 5; `Accesses`), c (entries, 2). `taps`: potential words along x that an access
    reaches.

    `flat`: the scanner numbers the elements of the bank through. `place` (words * lanes, 3): then the row of each in
    the y, x and c tables; None where those are the scanner's own coordinates. `every`: zeros are events too. `tally`:
    bits of the counts of spikes (`sums`: of the sums of values) that events bring; 0: they bring the element itself.
    `pack`: elements of an event, neighbouring channels of a word; more than one in channel-wise edges only.
    `tiles`: how its weights come, where they are external; then a band of `layout` is a frame, of `gather` bands of the
    source's.
    `late`: each frame reads the one before. `beat`: of every frame it has the meta word alone.
    """

    name: str
    source: str
    layout: Layout
    lanes: int
    taps: int
    deep: bool
    flat: bool
    has_map: bool
    channelwise: bool
    groups: int
    lanes_per_channel: int
    pack: int
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
    tiles: Tiles | None = None
    gather: int = 1

    @property
    def weights(self) -> Array:
        """(words, lanes): its weight memory's, none where there is none."""
        return np.zeros((0, self.lanes), np.int8) if self.rom is None else self.rom

    @property
    def word_bits(self) -> int:
        """Of its weight memory."""
        return self.lanes * self.weight_bits

    @property
    def scan(self) -> tuple[int, int, int]:
        """(D0, D1, BLOCKS) as the scanner counts them."""
        grid = self.layout
        return (1, 1, grid.words) if self.flat else (grid.d0, grid.d1, grid.blocks)

    @property
    def word_events(self) -> int:
        """Events that a word of the bank holds at most."""
        return self.layout.lanes // self.pack

    def fan_out(self) -> Array:
        """Cycles that each event of a bank walks, (words * word_events,); 0 where nothing is reached."""
        grid = self.layout
        total = np.full((grid.d0, grid.d1, grid.blocks * self.word_events), self.groups, np.int64)
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
        depth, width = (0, 0) if self.rom is None else (len(self.rom), self.rom.shape[1] * self.weight_bits)
        return {
            "name": self.name,
            "source": self.source,
            "weight_words": depth,
            "weight_word_bits": width,
            "banks": self.banks,
            "bank_words": self.layout.band_words,
            "bank_word_bits": self.layout.lanes * self.cw,
            "places": 0 if self.place is None else len(self.place),
            "tiles": None if self.tiles is None else self.tiles.describe(),
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


def pack_of(geometry: Geometry, channels: Array, source: Layout, lanes: int) -> int:
    """The most neighbouring channels of a word that go as one event into neighbouring lanes of one word.

    `channels`: of the view, for each channel of the source. Lanes beyond the source's last channel bring zeros, so
    they must be lanes beyond the view's last one too.
    """
    if source.on_x:
        return 1

    def fits(pack: int) -> bool:
        first = channels[::pack]
        whole = np.repeat(first, pack)[: len(channels)] + np.arange(len(channels)) % pack
        filled = len(channels) % pack == 0 or channels[-1] + 1 == geometry.view[2]
        return bool((first % pack == 0).all() and (whole == channels).all()) and filled

    most = math.gcd(source.lanes, max(1, lanes // geometry.multiplier))
    return max(n for n in range(1, most + 1) if most % n == 0 and fits(n))


def beat(name: str, lanes: int) -> Edge:
    """What tells a node that reads nothing of this timestep that there is one: the input's meta words."""
    return Edge(
        name=name, source=INPUT, layout=Layout((1,), 1, 1, 1, 1), lanes=lanes, taps=1, deep=False, flat=True,
        has_map=False, channelwise=False, groups=1, lanes_per_channel=0, pack=1, shift=0, cw=1, signed=False,
        values=False, drive=False, every=False, tally=0, sums=False, banks=0, wstride=1, wsteps=(0, 0), vsteps=(0, 0),
        rom=None, place=None, y_table=None, x_table=None, c_table=None, weight_bits=2, late=False, beat=True,
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
    columns: int,
    packs: bool,
    weight_bits: int,
    every: bool,
    **common: Any,
) -> Edge:
    """The edge from a source's layout into a population of `groups` words of `lanes` per position, in `columns`.

    `packs`: whether an event may have several elements.

    A dense projection takes the elements in any order, so its rows follow the bank. Any other view gets tables per
    axis, over the coordinates that the source has in it; where the axes are entangled, a place table leads to them.
    """
    out = as_map(target_shape)
    fields: dict[str, Any] = dict(
        name=name, source=leaf.source, layout=source, lanes=lanes, taps=1, shift=geometry.shift,
        flat=False, has_map=False, channelwise=False, groups=groups, lanes_per_channel=0, pack=1, wstride=groups,
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
    taps = width.columns(columns)
    across = accesses(width, taps)
    row = len(across.words) * groups
    ny, ky, oy = height.reach(y)
    y_table = np.stack([ny, ky * row, oy * out[1] * groups], -1)
    y_table = np.pad(y_table, ((0, int(nowhere)), (0, 0)))  # an empty lane's row reaches nothing
    x_table = across.table(x) * (1, groups, groups, 1, 1)
    if y_table.tolist() != [[1, 0, 0]] or x_table[:, :3].tolist() != [[1, 0, 0]]:
        fields |= {
            "has_map": True,
            "taps": taps,
            "y_table": y_table,
            "x_table": x_table,
            "wsteps": (height.tap_step * row, groups),
            "vsteps": (height.out_step * out[1] * groups, groups * (-taps if taps > 1 else width.out_step)),
        }

    def words(weights: Array) -> Array:
        """(..., KH, KW, C) -> (words, taps * lanes)."""
        grouped = _grouped(weights, lanes, groups)
        picked = np.where((across.words >= 0)[..., None, None], grouped[..., across.words, :, :], 0)
        return np.asarray(np.moveaxis(picked, -2, -3).reshape(-1, taps * lanes))

    if not geometry.channelwise:
        rom = words(np.moveaxis(geometry.taps[:, :, c], 2, 0))
        return Edge(**fields | {"rom": rom, "wstride": height.kernel * row})
    packs = packs and not fields["flat"]
    multiplier, pack = geometry.multiplier, pack_of(geometry, c, source, lanes) if packs else 1
    first = c[::pack] * multiplier
    fields |= {
        "channelwise": True,
        "groups": max(1, multiplier // lanes),
        "lanes_per_channel": min(multiplier, lanes),
        "pack": pack,
        "c_table": np.stack([first // lanes, (first % lanes) // (multiplier * pack)], -1),
    }
    if geometry.weights is not None:
        fields["rom"] = words(geometry.weights.reshape(height.kernel, width.kernel, -1))
    return Edge(**fields)


def tiled(edge: Edge, rom: Array, weights: Weights) -> Edge:
    """The edge with external weights: it takes whole frames, tile by tile, and has weights for every lane of a word."""
    _, _, blocks = edge.scan
    channels = blocks * edge.layout.lanes
    rom = np.pad(rom, ((0, channels * edge.wstride - len(rom)), (0, 0)))
    tiles = tiles_of(weights, edge.layout.lanes, channels, edge.wstride, edge.word_bits)
    layout = replace(edge.layout, bands=1)
    return replace(edge, rom=rom, tiles=tiles, layout=layout, gather=edge.layout.bands)


def by_tiles(edge: Edge, tiles: Tiles, values: Array) -> Array:
    """(..., words * lanes) of frames as (..., tiles, places * part): the order in which the tiles read them."""
    d0, d1, blocks = edge.scan
    part = tiles.part
    shape = values.shape[:-1]
    split = values.reshape(*shape, d0 * d1, blocks, edge.layout.lanes // part, part)
    return np.moveaxis(split, -4, -2).reshape(*shape, tiles.number, -1)
