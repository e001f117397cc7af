"""What the templates of the C program read: calls of kernels, whole runs, scans. Every text is C that is ready."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from snncc.backends.c.edges import Kind
from snncc.backends.c.expressions import RUN, SCAN, Expression
from snncc.backends.c.kernels import Accumulator, Potential, Value
from snncc.backends.c.layout import Buffer
from snncc.backends.c.types import Weights

BITS = 32
"""Of a word of a train."""


@dataclass(frozen=True)
class Call:
    """One edge in gather form: `acc[first + o] += scale * sum over the window of W*x` at a position.

    `window`: its table. `source`: a buffer of `x`, `channels` to a position. `scale`: 2^shift, times the timesteps of
    a constant. `patch`, where it `gathers`: room for two windows of `length` elements. `rows`: room for two rows of
    unpacked weights, "" where none are unpacked. `kernel`: which instance, "" of a pool. `host_kernel`: which one
    takes a block of positions, "" where none does.
    """

    kind: Kind
    x: Value
    window: str
    source: str
    first: int
    scale: str
    gathers: bool = False
    channels: int = 0
    length: int = 0
    patch: str = "NULL"
    w: Weights | None = None
    weights: str = ""
    rows: str = ""
    kernel: str = ""
    host_kernel: str = ""


@dataclass(frozen=True)
class MoveCall:
    """A buffer of `length` elements: zeros, then from each part where its elements go."""

    kind: ClassVar = "move"
    out: str
    length: int
    parts: tuple[MovePart, ...]


@dataclass(frozen=True)
class MovePart:
    """`length` elements of a buffer; `table` says where each goes."""

    source: str
    table: str
    length: int


@dataclass(frozen=True)
class MaxPoolCall:
    """The maximum over each window of a buffer of `x`; `frame`: the window table of the zeros that count."""

    kind: ClassVar = "max_pool"
    x: Value
    out: str
    source: str
    window: str
    frame: str


@dataclass(frozen=True)
class Rise:
    """`fresh` sums take the place of `sums`, and `out` is by how much they grew: a max-pool of a relay in `step`."""

    kind: ClassVar = "rise"
    out: str
    ctype: str
    sums: str
    fresh: str
    length: int


@dataclass(frozen=True)
class BlocksCall:
    """A buffer of `length` elements: zeros, then every position of a map of height x width x channels `copies` times.

    `columns` copies lie side by side. `row`: elements of a row of the buffer; `down`, `across`: elements from one
    position's block to the next.
    """

    kind: ClassVar = "blocks"
    out: str
    source: str
    length: int
    height: int
    width: int
    channels: int
    copies: int
    columns: int
    row: int
    down: int
    across: int


Before: TypeAlias = MoveCall | MaxPoolCall | BlocksCall | Rise
"""What is computed before a run can read it."""


@dataclass(frozen=True)
class Firing:
    """How a potential of the whole window becomes spikes: `out[i] = min(limit, floor(u / theta))`, 0 below 0.

    `by_channel`: the threshold is the same at every position.
    """

    theta: str
    by_channel: bool
    limit: str
    out: str


@dataclass(frozen=True)
class Relaying:
    """How a charge becomes a relay's value of `ctype`: `out[i] = floor((u + 2^shift/2) / 2^shift)`."""

    shift: Expression
    out: str
    ctype: str

    @property
    def shift_in_run(self) -> str:
        """The shift inside a run."""
        return self.shift.text(RUN)

    @property
    def shift_in_scan(self) -> str:
        """The shift inside a scan."""
        return self.shift.text(SCAN)


@dataclass(frozen=True)
class Hosted:
    """How a run goes on a host's processor, a block of positions at a time.

    `block`: positions of a block; `row`: elements of one's sums. `patches`: ctype -> elements of all windows.
    """

    block: int
    row: int
    patches: dict[str, int]

    @property
    def sums(self) -> int:
        """Elements of the sums of a block."""
        return self.block * self.row


@dataclass(frozen=True)
class Run:
    """A population over a whole image in gather form, `pair` positions at a time: u = start + what the edges bring.

    `index`: 1 for the first population, in topological order. `a`: the type of u, `acc` where it is summed. `uniform`:
    the start is the same at every position. `hosted`: a block of positions on a host's processor, None where it is as
    anywhere. `firing`: None for a readout, whose value is u, for a relay, which has
    `relaying`, and for a drive.
    """

    name: str
    index: int
    positions: int
    channels: int
    pair: int
    a: Accumulator
    acc: str
    start: str
    uniform: bool
    edges: tuple[Call, ...]
    hosted: Hosted | None = None
    before: tuple[Before, ...] = ()
    firing: Firing | None = None
    relaying: Relaying | None = None


@dataclass(frozen=True)
class Drive:
    """The charge per timestep of a constant current, bias included: computed once per image, kept in `ctype`."""

    run: Run
    ctype: str


@dataclass(frozen=True)
class Target:
    """Who reads a spike: `into[...] += scale * W` for the outputs that see neuron (p, c), element i of the source.

    `kind`: row of a dense layer, run over neighbouring outputs, tap of any window, pool. `single`: "1" for a pool
    whose windows do not overlap. `first`: of a tap, where the outputs begin. `rows`: as of `Call`.
    """

    kind: str
    v: Potential
    into: str
    window: str
    p: str
    c: str
    scale: str
    single: str = ""
    first: str = ""
    w: Weights | None = None
    weights: str = ""
    rows: str = ""


@dataclass(frozen=True)
class Passed:
    """A spike goes on to a pool or a moved view, `name`, as its element: at (p, c), or where the table `to` says.

    `kind`: rise, into a max-pool, which passes it on where its count exceeds the maximum so far; place, moved; blocks,
    into a spread map, `copies` times. Of these, `columns` lie side by side and `row` positions lead to the next ones;
    `down` and `across` positions lead to the block of the next row and column of the source, which has `width` columns.
    `numbers`: the view hands on numbers of spikes.
    """

    kind: str
    name: str
    p: str
    c: str
    to: str = ""
    copies: int = 1
    columns: int = 1
    width: int = 0
    row: int = 0
    down: int = 0
    across: int = 0
    numbers: bool = False


@dataclass(frozen=True)
class Scan:
    """One timestep of a source of spikes: each of positions x channels neurons fires or does not.

    `stride`: channels of its map, which a scan may see as one position. `counts`:
    where its spikes are counted, "" where nobody asks. `targets`: who reads them, in its stage. `train`: where they are
    kept for later ones, "" where there are none: bits, `words` words for each timestep. `numbers`: the type of the sum
    of what it hands on, where that is a number of spikes; "" where it is one.
    """

    input: ClassVar = False
    relays: ClassVar = False
    forgets: ClassVar = False
    name: str
    index: int
    positions: int
    channels: int
    stride: int
    counts: str
    targets: tuple[Target | Passed, ...] = field(default=(), kw_only=True)
    train: str = field(default="", kw_only=True)
    words: int = field(default=0, kw_only=True)
    numbers: str = field(default="", kw_only=True)

    @property
    def flat(self) -> bool:
        """Whether the scan sees a map of more positions as one."""
        return self.positions == 1 and not self.single

    @property
    def single(self) -> bool:
        """Whether its map is one position."""
        return self.positions * self.channels == self.stride


Targets: TypeAlias = defaultdict[str, list[tuple[int, Target | Passed]]]
"""By source: who reads its spikes, and the position of the population that it is read for."""


@dataclass(frozen=True)
class Replay(Scan):
    """One timestep of the train of a scan of an earlier stage, for its readers in `stage`."""

    stage: int

    @property
    def words_per_position(self) -> int:
        """0 where a word may hold spikes of several positions."""
        return 0 if self.single or self.channels % BITS else self.channels // BITS


@dataclass(frozen=True)
class PassingScan(Scan):
    """A view that is computed on the way: it has no timestep of its own, its elements spike while others are scanned.

    A max-pool counts the spikes of what it reads (`seen`) and keeps the largest count of each window (`most`), of
    `ctype`; both are "" of a view that only moves elements. `window`: the pool's table.
    """

    seen: str
    most: str
    window: str
    ctype: str


@dataclass(frozen=True)
class InputScan(Scan):
    """The rate-coded input: potentials in 0..L-1, to which every pixel is added; of frames a pixel is its spikes."""

    input: ClassVar = True


@dataclass(frozen=True)
class LateScan(Scan):
    """What a population handed on at the timestep before, from the buffer `held`, for its late readers."""

    kind: ClassVar = "spikes"
    held: str


@dataclass(frozen=True)
class Kept:
    """At the begin of a timestep: `length` values of `source` go to `out`, and are added to `sums`.

    Either is "" where nobody asks. `live`: they are the input's, of which nothing comes after T. `index`: the position
    of who made them.
    """

    kind: ClassVar = "values"
    index: int
    source: str
    length: int
    out: str
    sums: str
    sums_type: str
    live: bool


@dataclass(frozen=True)
class PopulationScan(Scan):
    """Integrate-and-fire neurons: potentials of `v`, compared in `a`.

    `v0`: "" where they start at 0. `lazy`: V - bias*min(t, T) is stored, so that bias moves the level instead.
    `adds`: something is added to every potential while t <= T, the `drive` or a bias. `dense`: what
    relays bring. `by_channel`: a channel's parameters are the same at every position.
    """

    v: Potential
    a: Accumulator
    theta: str
    v0: str
    bias: str
    lazy: bool
    adds: bool
    by_channel: bool
    drive: Drive | None
    dense: Run | None = None


@dataclass(frozen=True)
class Share:
    """A part of x: x*part / 2^shift by a `kernel`, whose product has the type `wide`."""

    kernel: str
    wide: str
    part: Expression
    shift: int


@dataclass(frozen=True)
class LeakyScan(Scan):
    """Neurons with numbers, those of `leaky_integrate_and_fire`; their loops have no branches but for spikes.

    Potentials and currents of `v`, computed in `a`. `into`: which of the two a charge is added to. `theta`: "" of a
    readout that leaks. `amount`, `most`, `reset`: see docs/contract.md, 4. `current`: the buffer of the synaptic
    current, "" where there is none. `leak`, `decay`: what is forgotten, None where nothing is. `lowest`: "" without
    lower end. `held`: where spikes are kept for the next timestep, "" where nobody reads them late. `uniform`: all
    neurons have the same numbers. Others as of `PopulationScan`.
    """

    forgets: ClassVar = True
    v: Potential
    a: Accumulator
    into: str
    theta: str
    amount: str
    most: int
    reset: str
    v0: str
    bias: str
    adds: bool
    drive: Drive | None
    dense: Run | None
    current: str
    late_current: bool
    leak: Share | None
    decay: Share | None
    lowest: str
    held: str
    uniform: bool

    @property
    def late_reset(self) -> bool:
        """Whether the reset of a spike comes at the next timestep."""
        return self.reset == "subtract_late"

    @property
    def fades(self) -> bool:
        """Whether something of a timestep is forgotten before the next begins."""
        return bool(self.leak or self.decay or self.late_current or self.late_reset)

    @property
    def neurons(self) -> int:
        """All of them."""
        return self.positions * self.channels

    @property
    def loops(self) -> tuple[int, int]:
        """Neurons as rows of neighbours."""
        return (1, self.neurons) if self.uniform else (self.positions, self.channels)


@dataclass(frozen=True)
class RelayScan(Scan):
    """A relay at one timestep: its charge, rounded, and nothing left of it.

    `v`: the type of what spikes and relays add up to, None where none come. `a`: that of the charge. `drive`: the
    constant charge d_NAME, bias included; else `bias`. `dense`: what other relays bring. `sums`: where its values
    are added up, "" where nobody asks.
    """

    relays: ClassVar = True
    v: Potential | None
    a: Accumulator
    bias: str
    drive: Drive | None
    dense: Run | None
    relaying: Relaying
    sums: str
    sums_type: str


@dataclass(frozen=True)
class Stage:
    """At every timestep what the one before left (`kept`), the `replays` of earlier stages' trains, then the `scans`.

    `zero`: what begins as zeros.
    """

    number: int
    scans: tuple[Scan, ...]
    replays: tuple[Replay, ...]
    zero: tuple[Buffer, ...]
    kept: tuple[LateScan | Kept, ...] = ()

    @property
    def fading(self) -> list[LeakyScan]:
        """Whose potentials or currents fade between two timesteps."""
        return [scan for scan in self.scans if isinstance(scan, LeakyScan) and scan.fades]
