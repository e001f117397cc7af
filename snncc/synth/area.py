"""What of a device a design takes, from its plan: how much there is of each part, and which multipliers become DSPs.

A part is counted in bits: registers, adders and choices between words grow with the width that they have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snncc.backends import costs
from snncc.backends.verilog.instances import design
from snncc.backends.verilog.plan import Plan
from snncc.errors import TargetError
from snncc.synth.blockram import Family, Memory
from snncc.synth.multipliers import SMALL, Multiplier, chosen

if TYPE_CHECKING:
    from snncc.synth import Device

SUMS = 3
"""MAXIMUM of a layer that keeps a second value for each neuron."""
VALUE = 2
"""RESET of leaky neurons whose spike leaves a value."""

SHORTEST = {"synth_ice40": 11}
"""By Yosys's command: bits of the shortest product that becomes a DSP; 9 elsewhere."""


@dataclass(frozen=True)
class Product(Multiplier):
    """A multiplier of a plan, and the bits of its product."""

    bits: int


def multipliers(plan: Plan) -> list[Product]:
    """The multipliers of the design but those by a bit: products of lanes, rows of weights, biases, a pixel's T."""
    found: list[Product] = []
    nodes = {f"u_{node.name}": node for node in plan.nodes}

    def add(a: int, b: int, times: int = 1, most: int = 64) -> None:
        found.append(Product(len(found), max(a, b), min(a, b), times, min(a + b, most)))

    for made in design(plan).instances:
        p = made.parameters
        if made.module in ("snn_edge", "snn_edge_tiles"):
            if p["VALUES"] and not p.get("ONES"):
                add(p["WB"], _event(p) + 1, p["LANES"] * p.get("TAPS", 1), p["VW"])
            stride, channels = _odd(p["WSTRIDE"]), p.get("SLOTS", 1) * p.get("PART", 1)
            if not p.get("CHANNELWISE") and not p.get("LANES_ON_X") and stride > 1:
                add(p.get("D2W", max(1, (channels - 1).bit_length())), stride.bit_length(), most=p["WAW"])
        elif made.module == "snn_layer" and p["COUNT"] and not p["MAXIMUM"] and nodes[made.name].parameters.bias.any():
            add(p["BIASW"], p["TW"] + 1, p["FIRE_LANES"])
        elif made.module == "snn_layer" and p.get("LEAKY"):
            for a, b, most in _forgetting(p):
                add(a, b, p["LANES"], most)
        elif made.module == "snn_encoder_direct" and p["BY_T"]:
            add(p["PB"] + 1, p["TW"] + 1)
    return found


def parts(plan: Plan, held: Iterable[Memory], family: Family, soft: Iterable[Multiplier]) -> dict[str, float]:
    """Bits by part. `soft`: the multipliers that are built of LUTs; `held`: all memories, of which some are, too."""
    found: Counter[str] = Counter({"design": 1, "multiplier": sum(m.a * m.b * m.times for m in soft)})
    for memory in held:
        if memory.live and not family.least(memory):
            found[f"{'ROM' if memory.rom else 'RAM'} in LUTs"] += memory.words * memory.live
            found["word of a memory in LUTs"] += memory.live
    for made in design(plan).instances:
        whole = _beat if made.ports.get("w_en") == "1'b0" else PARTS[made.module]
        for part, bits in whole(made.parameters):
            found[part] += bits
    return {part: float(bits) for part, bits in found.items() if bits}


def _forgetting(p: Mapping[str, Any]) -> Iterator[tuple[int, int, int]]:
    """(bits, bits, bits of the product at most) of a lane's multipliers in `snn_fire_leaky`.

    One for what leaks and one for the current that decays; a number that all neurons share is a shift where it is a
    power of two. Of several spikes those amounts that are no shift.
    """
    fields, whole = [("LEAK", p.get("LEAKW", 0))], p["VW"] + 13
    if p["CURRENT"]:
        fields.append(("DECAY", p.get("DECAYW", 0)))
    for name, own in fields:
        odd = _odd(p[name])
        if own or odd > 1:
            yield p["VW"], (own or odd.bit_length()) + (not p["ZERO"]), whole
    most = p.get("MOST", 0)
    for half in range(most.bit_length()):
        number = (most >> half) - (most >> (half + 1))
        for times in (number - 1, number * (p["RESET"] != VALUE)):
            if _odd(times) > 1:
                yield p["AMOUNTW"], _odd(times).bit_length() + 1, 64


def _odd(number: int) -> int:
    """A constant factor without the shift in it."""
    return number and number // (number & -number)


def _event(p: Mapping[str, Any]) -> int:
    """Bits of an event's value."""
    tally: int = p.get("TALLY", 0)
    return int(p["CW"]) if not tally else tally if p.get("SUMS") else tally + 1


def _edge(p: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield "edge", 1
    yield "bank", p["AW"] + p["BANKS"] * p["MW"]
    yield "scanned word", p["SRC_LANES"] * _event(p)
    yield "scanner", p["AW"] + p["D0W"] + p["D1W"] + p["D2W"]
    yield "walker", p["WAW"] + p["VAW"]
    yield "walker over a map", (p["WAW"] + p["VAW"] + p["NW"]) * p["HAS_MAP"]
    lanes, products = p["LANES"] * p.get("TAPS", 1), p["VW"] * p.get("DEEP", 0)
    yield "weights", lanes * (p["WB"] * (not p["ONES"]) + products)
    yield "masked lanes", lanes * (0 < p["LANES_PER_CHANNEL"] * p.get("PACK", 1) < p["LANES"])
    yield "tally", p["SRC_LANES"] * p.get("TALLY", 0)
    yield "place", p.get("PLACES", 0) and p["YW"] + p["XW"] + p["PLACE_CW"]
    yield "late word", p["SRC_LANES"] * p["CW"] * p.get("LATE", 0)


def _beat(p: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """An edge of meta words alone."""
    yield "bank", p["AW"] + p["BANKS"] * p["MW"]


def _layer(p: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    word, fired = p["LANES"] * p["VW"], p["FIRE_LANES"]
    columns, slots = p.get("COLUMNS", 1), p.get("SLOTS", 1)
    all_words = word * columns
    yield "layer", 1
    yield "sum", all_words * (1 + 3 * p.get("DEEP", 0))
    yield "sum of two in a row", all_words * (3 if p.get("DEEP") else p["BYPASS"])
    yield "choice of an edge", word * (slots * (p["EDGES"] - 1) + columns * (slots - 1) + columns - 1)
    yield "drive", all_words * (p["HAS_DRIVE"] or p["MAXIMUM"] >= SUMS)
    yield "maximum", all_words * (p["MAXIMUM"] > 0)
    fields = p["THW"] + p["BIASW"] + p["V0W"] + sum(p.get(field, 0) for field in FORGETTING)
    yield "parameters", fired * fields * (p["P_DEPTH"] > 1)
    if p.get("LEAKY"):
        yield from _leaky(p)
        return
    if not p["COUNT"]:
        yield "firing", word
        return
    yield "part of a word", word * (p["LANES"] > fired)
    yield "whole potential", fired * p["UW"]
    yield "divider", fired * p["STAGES"] * (max(p["UW"], p["THW"] + p["STAGES"] * p["PERIOD"]) + 1) * p["FIRES"]
    yield "shifter", fired * p["UW"] * p.get("RELAYS", 0)


FORGETTING = ("AMOUNTW", "LOWW", "LEAKW", "DECAYW")
"""Widths of the fields of a neuron that only `snn_fire_leaky` has."""


def _leaky(p: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The pass of leaky neurons: every word takes a fixed number of stages, and so does each of its fields."""
    word, halves, current = p["LANES"] * p["VW"], p.get("MOST", 0).bit_length(), p["CURRENT"] > 0
    clamps, leaks = 2 + current, 3 + current + halves
    yield "leaky firing", word
    yield "leaky spikes", word * halves
    yield "lower end", word * (p.get("LOWW", 0) > 0)
    yield "current", word * current
    yield "current on its way", word * current * (halves + 2)
    last = {"LOWW": clamps, "THW": leaks - 1, "AMOUNTW": leaks - 1, "LEAKW": leaks, "DECAYW": leaks, "V0W": leaks + 1}
    delayed = sum(p.get(field, 0) * (stage - 1) for field, stage in last.items())
    yield "parameters on their way", p["LANES"] * delayed * (p["P_DEPTH"] > 1)


def _encoder(p: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield "encoder", p["LANES"] * p.get("CW", p["PB"])
    yield "folds", (p["PB"] + p["TW"] + 1) * p.get("FOLDS", 0)


def _readout(p: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield "readout", p["LANES"] * p["VW"] + p["DW"]


def _pixels(p: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield "encoder", p["NW"] + p["TW"]


def _frames(p: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield "frames", p["NW"] + 3 * p["TW"] + 16


def _frame_words(p: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield "frame word", (p["LANES"] + 1) * p["PB"] + p["TW"]


def _tiled(p: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """An edge with external weights, as another edge; the ring of tiles is a memory."""
    yield from _edge({"ONES": 0, "LANES_PER_CHANNEL": 0, "D2W": 1} | dict(p) | {"SRC_LANES": p["PART"]})


def _outside(p: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """What brings pixels and weights: not in the designs that the model was fitted to."""
    yield "encoder", p["DW"]


PARTS = {
    "snn_edge": _edge,
    "snn_layer": _layer,
    "snn_encoder_step": _encoder,
    "snn_encoder_direct": _encoder,
    "snn_encoder_frames": _frame_words,
    "snn_frames": _frames,
    "snn_readout": _readout,
    "snn_pixels": _pixels,
    "snn_axis_split": _outside,
    "snn_edge_tiles": _tiled,
    "snn_reader": _outside,
    "snn_load": _outside,
}


def divided(plan: Plan, chip: Device) -> tuple[int, list[Multiplier]]:
    """(DSPs, the multipliers that stay in LUTs), as `dsp="auto"` chooses."""
    everything, shortest = multipliers(plan), SHORTEST.get(chip.flow.command, 9)
    hard = {m.line for m in chosen(everything, chip.multiply, chip.dsps, SMALL) if everything[m.line].bits >= shortest}
    dsps = sum(m.times * chip.multiply.needed(m.a, m.b) for m in everything if m.line in hard)
    return dsps, [m for m in everything if m.line not in hard]


MODEL = Path(__file__).with_name("area.json")


def model(chip: Device) -> dict[str, costs.Costs]:
    """What each part costs in `luts` and `ffs` on a device, which all of its family have in common."""
    return {what: costs.read(MODEL)[f"{chip.flow.command.split()[0]} {what}"] for what in ("luts", "ffs")}


def known(chip: Device) -> bool:
    """Whether there is a model of the device's family."""
    return f"{chip.flow.command.split()[0]} luts" in costs.read(MODEL)


def estimate(plan: Plan, held: Iterable[Memory], chip: Device) -> dict[str, float]:
    """Block RAMs at least, DSPs as they are chosen, and about how many LUTs and flip-flops.

    A TargetError names parts that were in no design which the model was fitted to.
    """
    held = list(held)
    dsps, soft = divided(plan, chip)
    there, costs_ = parts(plan, held, chip.memory, soft), model(chip)
    if missing := [part for part in there if any(part not in known.each for known in costs_.values())]:
        raise TargetError(f"the model of area does not know {', '.join(map(repr, missing))}: run Yosys (`snncc synth`)")
    about = {what: float(round(known.total(there))) for what, known in costs_.items()}
    return about | {"brams": float(sum(map(chip.memory.least, held))), "dsps": float(dsps)}
