"""`count` on a host, of the native library alone: some images go through a population before the next one begins.

Weights of bytes then pass once for all of these images. They lie in panels: for a few vectors of outputs, four elements
of a window side by side for each output, so that four elements of a window, spread over a vector, meet them at once and
sums need no adding up across lanes. A window is read where it lies, in a copy of its map with a frame of zeros where it
has one. The library lays panels itself, for its own processor. The integers are those of one image at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from snncc.backends.c.calls import Call, Run
from snncc.backends.c.program import Program
from snncc.backends.c.windows import WindowTable

IMAGES = 8
"""Images that are together."""
POSITIONS = 32
"""Positions, of any images, that are summed before they fire."""
NEAR, PART = 24 * 2**10, 12 * 2**10
"""Bytes of weights that stay in a first cache; that do beside windows and sums of all positions."""
WIDE = 64
"""Outputs of a panel, at most."""
AHEAD = 64
"""Bytes that are read on beyond a map."""

TOGETHER = {"images": IMAGES, "positions": POSITIONS, "ahead": AHEAD, "near": PART}
"""For the templates."""


@dataclass(frozen=True)
class Panel:
    """One edge of a run: `call`, in segments of elements that lie side by side, or depthwise tap by tap.

    `place`: of a dot product, which it is among those of all runs.

    `segments`: x -> bytes from a window's corner; each of `length` elements, `row` weights apart; `fours` of them to a
    segment. `down`, `across`: bytes from an output position's corner to the next; `out_w` to a row. `framed`: the map
    is copied, (`top`, `left`) zeros before it, to `height` rows of `width` bytes, from `rows` rows of `read` bytes.
    `square`: depthwise, 3 x 3 taps side by side.
    """

    kind: ClassVar = "panel"
    call: Call
    place: int
    segments: tuple[int, ...]
    length: int
    down: int
    across: int
    out_w: int
    framed: bool
    top: int
    left: int
    height: int
    width: int
    rows: int
    read: int
    square: bool

    @property
    def dot(self) -> bool:
        """Whether it is a dot product."""
        return self.call.kind == "dot"

    @property
    def channels(self) -> int:
        """Of its map."""
        return self.call.channels

    @property
    def fours(self) -> int:
        """Fours of elements of a segment."""
        return -(-self.length // 4)

    @property
    def below(self) -> int:
        """The first framed row below the map's."""
        return self.top + self.rows

    @property
    def right(self) -> int:
        """Where the zeros after a framed row's map begin."""
        return self.left + self.read

    @property
    def after(self) -> int:
        """Bytes of zeros after a framed row's map."""
        return self.width - self.right

    @property
    def bytes(self) -> int:
        """Of one image's framed map."""
        return self.height * self.width + AHEAD if self.framed else 0


@dataclass(frozen=True)
class Panels:
    """A run over all images together. `divided`: a panel of outputs at a time, so that its weights stay near."""

    run: Run
    edges: tuple[Panel | Call, ...]
    divided: bool

    @property
    def row(self) -> int:
        """Elements of a position's sums: whole panels."""
        return WIDE if self.divided else -(-self.run.channels // WIDE) * WIDE

    @property
    def filled(self) -> int:
        """Elements of what sums begin with, filled up likewise."""
        return (-(-self.run.channels // WIDE) + 1) * WIDE

    @property
    def fills(self) -> bool:
        """Whether its first edge reaches all outputs, so that sums begin with it."""
        first = self.edges[0]
        return self.run.uniform and isinstance(first, Panel) and (first.dot or first.channels == self.run.channels)

    @property
    def fires(self) -> bool:
        """Whether its last edge reaches all outputs, so that it may fire at once."""
        last = self.edges[-1]
        return isinstance(last, Panel) and (last.dot or last.channels == self.run.channels)

    @property
    def windows(self) -> list[Panel]:
        """Its edges whose windows are read where they lie."""
        return [edge for edge in self.edges if isinstance(edge, Panel)]

    def number(self, edge: Panel) -> int:
        """Which of these an edge is."""
        return self.windows.index(edge)

    @property
    def ways(self) -> list[str]:
        """Which kernels of dot products it needs."""
        return sorted({edge.call.host_kernel for edge in self.windows if edge.dot})


def panels(program: Program) -> dict[str, Panels]:
    """The runs that have this form, by name: factors of a byte, and a threshold that is the same at every position."""
    found: dict[str, Panels] = {}
    for run in program.runs:
        dots = [call for call in run.edges if call.kind == "dot"]
        if not (run.firing and run.firing.by_channel and run.hosted):
            continue
        if not all(call.x.tag == "u8" and call.w and call.w.element == "int8_t" for call in dots):
            continue
        before = dots_of(found)
        places = [before + sum(each.kind == "dot" for each in run.edges[:n]) for n in range(len(run.edges))]
        divided = len(dots) == len(run.edges) and sum(call.w.constant.bytes for call in dots if call.w) > NEAR
        edges = tuple(
            panel(program, call, place, divided) if _near(program, call) else call
            for call, place in zip(run.edges, places, strict=True)
        )
        if any(isinstance(edge, Panel) for edge in edges):
            found[run.name] = Panels(run, edges, divided)
    return found


def _near(program: Program, call: Call) -> bool:
    """Whether a window is read where it lies: of bytes, and by bytes; depthwise, every channel by itself."""
    bytewise = call.x.tag == "u8" and (call.w is None or call.w.element == "int8_t")
    return bytewise and (call.kind != "taps" or _window(program, call).multiplier == 1)


def _window(program: Program, call: Call) -> WindowTable:
    return program.windows[call.window.rpartition(".")[2]]


def panel(program: Program, call: Call, place: int, divided: bool) -> Panel:
    """How an edge's windows lie. `divided`: in segments whose weights of a panel fit `PART`, where they can be cut."""
    g = _window(program, call)
    across = g.dilate_w == 1 and call.kind == "dot"
    height = max((g.out_h - 1) * g.stride_h + (g.kernel_h - 1) * g.dilate_h + 1, g.top + g.height)
    width = max((g.out_w - 1) * g.stride_w + (g.kernel_w - 1) * g.dilate_w + 1, g.left + g.width)
    framed = (height, width) != (g.height, g.width)
    row = width * g.channels
    taps = [(ky * g.dilate_h, kx * g.dilate_w) for ky in range(g.kernel_h) for kx in range(1 if across else g.kernel_w)]
    long = g.channels * (g.kernel_w if across else 1)
    most = PART // WIDE
    cuts = [n for n in range(4, most + 1, 4) if long % n == 0 and n >= most // 4]
    length = max(cuts, default=long) if divided else long
    return Panel(
        call=call,
        place=place,
        segments=tuple(
            y * row + x * g.channels + at for y, x in taps for at in range(0, long, length)
        ),
        length=length,
        down=g.stride_h * row, across=g.stride_w * g.channels, out_w=g.out_w,
        framed=framed, top=g.top, left=g.left * g.channels, height=height, width=row,
        rows=g.height, read=g.width * g.channels,
        square=call.kind == "taps" and (g.kernel_h, g.kernel_w, g.dilate_h, g.dilate_w) == (3, 3, 1, 1),
    )  # fmt: skip


def frames(found: dict[str, Panels]) -> int:
    """Bytes of the framed maps of `IMAGES` images, of the run that needs most."""
    return IMAGES * max((sum(edge.bytes for edge in run.windows) for run in found.values()), default=0)


def dots_of(found: dict[str, Panels]) -> int:
    """How many dot products have panels."""
    return sum(edge.dot for run in found.values() for edge in run.windows)
