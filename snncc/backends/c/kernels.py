"""Which kernels, in which types, a program needs; the templates instantiate exactly these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from snncc.backends.c.types import SIZES, TAGS, Weights

SHORTEST, FEWEST = 16, 256
"""Elements of a window that is worth widening beside another one, and of the weights that then read it."""
MOST_TOGETHER = 16
"""Positions whose windows a host's kernel reads together."""


@dataclass(frozen=True)
class Value:
    """The type of a buffer, and the largest magnitude in it.

    `pairs`: how the DSP path loads four of them, "" where they do not fit 16 signed bits.
    """

    ctype: str
    tag: str
    pairs: str
    per_word: int
    most: int

    @staticmethod
    def of(ctype: str, most: int) -> Value:
        tag = TAGS[ctype]
        pairs = tag if SIZES[ctype] == 1 else "i16" if most < 2**15 else ""
        return Value(ctype, tag, pairs, 4 // SIZES[ctype], most)

    @property
    def joins(self) -> bool:
        """Bytes, whose two windows the DSP path widens side by side before their products."""
        return SIZES[self.ctype] == 1


@dataclass(frozen=True)
class Accumulator:
    """The type in which a population integrates."""

    ctype: str
    tag: str
    unsigned: str

    @staticmethod
    def of(ctype: str) -> Accumulator:
        return Accumulator(ctype, TAGS[ctype], "u" + ctype)


@dataclass(frozen=True)
class Potential:
    """The type of a stored membrane potential. `lanes`: int16, four channels to two words in the order 0 2 1 3."""

    ctype: str
    tag: str
    wide: str
    lane: str = ""

    @staticmethod
    def of(ctype: str, lane: str) -> Potential:
        tag = "l16" if lane else TAGS[ctype]
        return Potential(ctype, tag, "int64_t" if ctype == "int64_t" else "int32_t", lane)

    def index(self, channel: str) -> str:
        return f"{self.lane}({channel})" if self.lane else channel

    def at(self, channel: str) -> str:
        return f"v[{self.index(channel)}]"


@dataclass
class Kernels:
    """Instances by template; each list keeps first use order."""

    used: dict[str, dict[Any, dict[str, Any]]] = field(default_factory=dict)

    def _add(self, kind: str, key: Any, **values: Any) -> dict[str, Any]:
        return self.used.setdefault(kind, {}).setdefault(key, values)

    def unpack(self, w: Weights) -> None:
        self._add(
            "unpack", w.tag, tag=w.tag, bits=w.bits, element=w.element, mask=2**w.bits - 1, sign=2 ** (w.bits - 1)
        )

    def gather(self, x: Value, short: bool = False) -> str:
        """`short`: of few elements, for which a compiler may make it anew of what it knows of a window. Its tag."""
        tag = f"{x.tag}_short" if short else x.tag
        self._add("gather", (tag, ""), tag=tag, ctype=x.ctype, per_word=x.per_word, join="", short=short)
        return tag

    def dot(self, x: Value, w: Weights, a: Accumulator, double: bool, heaviest: int, joined: bool) -> str:
        """One window with two outputs at a time, or, `double`, two windows with two outputs.

        `heaviest`: the largest sum of an output's |weights|, asked for of packed 4-bit ones alone. `joined`: two
        windows are widened side by side under DSP, see `joins`; one window is the same either way.
        """
        dsp = multiplies(x, w, a, heaviest)
        mve, joined = dsp and not w.packed, dsp and x.joins and (joined or not double)
        short = dsp and x.joins and not joined
        tag = f"{x.tag}_{w.tag}_{a.tag}" + ("" if dsp or not w.nibble else "_long") + ("_short" if short else "")
        entry = self._add(
            "dot", tag, tag=tag, x=x, w=w, a=a, double=False, single=False, dsp=dsp, mve=mve, joined=joined
        )
        entry["double" if double else "single"] = True
        if double:
            entry["gather"] = self.gather(x, short)
        if double and joined:
            join = f"{x.pairs}_octet" if w.nibble else x.pairs
            self._add("gather", (x.tag, join), tag=x.tag, ctype=x.ctype, join=join, octet=w.nibble)
        self._dsp(w, dsp, mve)
        return tag

    def host_dot(self, x: Value, w: Weights, largest: int) -> str:
        """Up to `MOST_TOGETHER` windows with every output on a host's processor. `largest`: |weight|.

        Bytes are multiplied as they are where the processor has a product for their signs: MIXED, SIGNED, or PAIRS,
        which adds two in 16 bits.
        """
        self.gather(x)
        bytewise = w.element == "int8_t" and x.joins
        mixed = x.tag == "u8"
        exact = {"MIXED": mixed, "SIGNED": x.most < 2**7, "PAIRS": mixed and 2 * x.most * largest < 2**15}
        ways = [way for way in exact if exact[way] and bytewise]
        tag = "_".join([x.tag, w.tag, *ways]).lower()
        self._add("host_dot", tag, tag=tag, x=x, w=w, ways=ways)
        return tag

    def host(self) -> None:
        """Some runs have a form for hosts' processors."""
        self._add("host", True)

    def host_fire(self) -> None:
        """Whole rows of potentials fire on a host's processor."""
        self._add("host_fire", True)

    def taps(self, x: Value, w: Weights, a: Accumulator, heaviest: int) -> str:
        dsp = multiplies(x, w, a, heaviest)
        tag = f"{x.tag}_{w.tag}_{a.tag}" + ("" if dsp or not w.nibble else "_long")
        host = bool(x.pairs) and not w.packed and a.tag == "i32"
        unpacks = w.packed and not w.nibble
        self._add("taps", tag, tag=tag, x=x, w=w, a=a, dsp=dsp, unpacks=unpacks, host=host)
        self._dsp(w, dsp)
        return tag

    def _dsp(self, w: Weights, dsp: bool, mve: bool = False) -> None:
        for kind, needed in (("dsp", dsp), ("nibble", w.nibble), ("mve", mve)):
            if needed:
                self._add(kind, True)

    def pool(self, x: Value, a: Accumulator) -> None:
        self._add("pool", (x.tag, a.tag), x=x, a=a)

    def max_pool(self, x: Value) -> None:
        self._add("max_pool", x.tag, tag=x.tag, ctype=x.ctype)

    def fire(self, a: Accumulator) -> None:
        self._add("fire", a.tag, tag=a.tag, ctype=a.ctype, unsigned=a.unsigned)

    def relay(self, a: Accumulator) -> None:
        self._add("relay", a.tag, tag=a.tag, ctype=a.ctype, unsigned=a.unsigned)

    def share(self, a: Accumulator, rounding: str) -> str:
        """x*part / 2^shift, rounded `floor` or towards `zero`, where the product fits `a`. Its name without prefix."""
        tag = f"{rounding}_{a.tag}"
        self._add("share", tag, tag=tag, ctype=a.ctype, floor=rounding == "floor")
        return f"share_{tag}"

    def lanes(self) -> None:
        """Some potentials lie in lanes: the DSP header brings their order."""
        self._add("dsp", True)

    def lowest(self) -> None:
        """Spikes are found in words of bits."""
        self._add("lowest", True)

    def windows(self) -> None:
        """Which windows hold a coordinate."""
        self._add("spread", True)

    def spread_pool(self, v: Potential, single: bool) -> str:
        """Scatter of a sum pool. `single`: every element belongs to one window."""
        self._add("spread", True)
        self._add("spread_pool", (v.tag, single), v=v, single="1" if single else "")
        return "1" if single else ""

    def spread(self, kind: str, v: Potential, w: Weights) -> None:
        """kind: spread_row, spread_run or spread_tap."""
        self._add("spread", True)
        self._add(kind, (w.tag, v.tag), w=w, v=v)
        if kind in ("spread_row", "spread_run"):
            dsp = {"l16": "lanes", "i32": "words"}.get(v.tag, "") if w.element == "int8_t" else ""
            self.host()
            self._add("add", (v.tag, w.element_tag), v=v, w=w, dsp=dsp)
            if dsp:
                self._add("dsp", True)

    def context(self) -> dict[str, Any]:
        """For the templates: every kind, unused ones as empty lists."""
        kinds = [
            "dsp",
            "nibble",
            "mve",
            "unpack",
            "gather",
            "dot",
            "host",
            "host_dot",
            "host_fire",
            "taps",
            "pool",
            "max_pool",
            "fire",
            "relay",
            "share",
            "lowest",
            "spread",
            "add",
            "spread_row",
            "spread_run",
            "spread_tap",
            "spread_pool",
        ]
        return {kind: list(self.used.get(kind, {}).values()) for kind in kinds}


def joins(x: Value, w: Weights, a: Accumulator, heaviest: int, length: int, outputs: int) -> bool:
    """Whether the DSP path widens two windows side by side, filled up to eight elements: not those of few."""
    long = w.nibble or length % 8 == 0 or (length >= SHORTEST and length * outputs >= FEWEST)
    return multiplies(x, w, a, heaviest) and x.joins and long


def multiplies(x: Value, w: Weights, a: Accumulator, heaviest: int) -> bool:
    """Whether the DSP path may: 16-bit factors, 32-bit sums, of packed 4-bit weights times 16."""
    return bool(x.pairs) and a.tag == "i32" and (not w.nibble or heaviest * x.most < 2**27)
