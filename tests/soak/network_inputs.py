"""Hostile network.snn: bytes, the container's header, the schema and the tensors of good networks, changed."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings

from snncc import ir
from tests import strategies
from tests.networks import every_kind, toy, with_intervals
from tests.soak import judge
from tests.soak.snn_file import TYPES, Raw, Schema, Tensors, container, dumped, places, put_together, taken_apart

FOREIGN_TYPES = (*TYPES.values(), "BF16", "F8_E4M3", "F8_E5M2", "F4", "F6_E2M3", "I4", "", "i8", "I128", 7, None)
NUMBERS = (
    "1e400", "-1e400", "-0", "-0.0", "0e0", "1E2", "2e0", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "18446744073709551616", "1e999999999", "NaN", "Infinity", "00", "0x10", "1.5", "3.0",
    "4294967296", "2147483648", "65535", "65536", "1" * 400, "-1", "0", "1", "2", "62", "63", "true", "null",
    "[]", "{}", "1e-400", "5e-324", "134217728", "134217729", "[1,[2,[3]]]", '{"tensor":0}', '{"tensor":-1}',
    '{"tensor":1e2}',
    '{"tensor":0,"tensor":1}', '"\\ud800"', '"\\u0000"', "[0,0,0,0]", "[1,1]", "[4,4,4]", "[0]", "[-1]",
    "[1,1,134217728]",
)  # fmt: skip
NAMES = ("", "input", "Input", "a" * 10_000, "a b", "../../evil", "/etc/passwd", "a\n", "a\x1b[2J", "é", "ﬁ", "0a",
         "nul", "__proto__", "conv", "Conv", "*/ int main(void) {", "`endif", "a" * 300, "main", "%s%n",
         "\u202e")  # fmt: skip
INTEGERS = (0, 1, -1, 2, 127, -128, 255, 2**15, 2**31 - 1, 2**31, -(2**31), 2**40, 2**53, 2**61, 2**62 - 1, 2**62,
            -(2**62), 2**63 - 1, -(2**63))  # fmt: skip
FLOATS = (0.0, -0.0, 1e-320, 1e300, -1.0, float("nan"), float("inf"), float("-inf"), 0.1)


def twin(network: ir.Network) -> ir.Network:
    """A float twin of the same structure."""
    populations = []
    for p in network.populations:
        projections = tuple(
            q if isinstance(q, ir.SumPool2D) else ir.replace(q, weights=q.weights.astype(np.float32))
            for q in p.projections
        )
        floats = {name: None if v is None else v.astype(np.float64)
                  for name, v in (("theta", p.theta), ("bias", p.bias), ("v0", p.v0))}  # fmt: skip
        populations.append(ir.replace(p, projections=projections, **floats))
    return ir.replace(network, populations=tuple(populations), signed_bit=0, intervals={})


def with_raw_bytes(network: ir.Network, channels: int) -> ir.Network:
    """The same with what a byte is, and with what it was compiled from."""
    scale, offset = np.full((channels,) if channels else (), 1 / 255), np.zeros(())
    raw = ir.RawBytes(scale=scale, offset=offset, pixels=ir.byte_pixels(network.input, scale, offset))
    golden = np.ones((2, *network.input.shape), np.int64)
    record = ir.Record(
        options={"seed": 1, "range": (0.5, 2.0), "name": None}, data={"sha256": "0" * 64}, versions={"numpy": "2.0"},
        golden=golden,
    )  # fmt: skip
    return ir.replace(network, input=ir.replace(network.input, raw=raw), record=record)


def good_networks() -> list[ir.Network]:
    """Networks of every kind, small, the same ones every time."""
    found = [every_kind(), every_kind(spikes=True), toy(1), toy(2, "step"), twin(toy(1)), twin(every_kind())]
    found += [with_raw_bytes(every_kind(), 2), with_raw_bytes(toy(1), 0), with_raw_bytes(toy(2, "step"), 2)]

    @settings(max_examples=30, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategies.networks(max_neurons=60), strategies.networks(dynamics="count", max_neurons=60))
    def take(one: ir.Network, other: ir.Network) -> None:
        found.extend(n for n in (one, other) if sum(judge.size(n)) < 5_000)

    take()
    return found


class NetworkInputs:
    """The kind `network`: a file is written and loaded; what is accepted is judged."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.file = scratch / "network.snn"
        self.bases = [(n, *taken_apart(n)) for n in good_networks()]
        self.texts = [json.dumps(schema) for _, schema, _ in self.bases]
        self.whole = [container(text, tensors) for text, (_, _, tensors) in zip(self.texts, self.bases, strict=True)]
        for content in self.whole:
            self.file.write_bytes(content)
            ir.load(self.file)

    def attempt(self, dice: random.Random) -> str:
        """One input and its outcome."""
        which = dice.choices((_bytes, _header, _schema, _tensors, _proved), (15, 15, 30, 10, 30))[0]
        self.file.write_bytes(which(self, dice))
        return judge.judge(ir.load(self.file), dice, self.scratch)

    def tidy(self) -> None:
        """Between inputs."""
        for name in ("again", "again.snn"):
            shutil.rmtree(self.scratch / name, ignore_errors=True)
            (self.scratch / name).unlink(missing_ok=True)

    def pick(self, dice: random.Random) -> tuple[Schema, Tensors]:
        """A good network's schema and tensors, to be changed."""
        index = dice.randrange(len(self.bases))
        return json.loads(self.texts[index]), dict(self.bases[index][2])


# Bytes.


def _bytes(self: NetworkInputs, dice: random.Random) -> bytes:
    content = bytearray(dice.choice(self.whole))
    length = struct.unpack("<Q", content[:8])[0] + 8
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        at = dice.choice((dice.randrange(len(content)), dice.randrange(length), dice.randrange(16))) if content else 0
        some = bytes(dice.randrange(256) for _ in range(dice.choice((1, 2, 4, 16))))
        match dice.randrange(7):
            case 0 | 1 if at < len(content):
                content[at] ^= 1 << dice.randrange(8)
            case 2:
                content[at : at + len(some)] = some
            case 3:
                content[at:at] = some
            case 4:
                del content[at : at + dice.choice((1, 8, 100))]
            case 5:
                other = dice.choice(self.whole)
                content[at:] = other[at:]
            case _:
                content[:8] = struct.pack("<Q", dice.choice((0, 1, 8, len(content), 2**20, 2**32, 2**63, 2**64 - 8)))
    return bytes(content[: dice.randrange(len(content) + 1)] if dice.random() < 0.15 else content)


# The container's header.


def _header(self: NetworkInputs, dice: random.Random) -> bytes:
    schema, tensors = self.pick(dice)

    def change(entries: dict[str, Any]) -> Any:
        names = [name for name in entries if name != "__metadata__"]
        name, other = dice.choice(names), dice.choice(names)
        entry = entries[name]
        match dice.randrange(12):
            case 0:
                entry["dtype"] = dice.choice(FOREIGN_TYPES)
            case 1:
                entry["shape"] = [dice.choice((0, 1, 3, -1, 2**31, 2**62, 2**64)) for _ in range(dice.randrange(6))]
            case 2:
                entry["shape"] = [*entry["shape"], *dice.choice(([1], [0], [1] * 40, [2**20]))]
            case 3:
                entry["data_offsets"] = entries[other]["data_offsets"]
            case 4:
                entry["data_offsets"][dice.randrange(2)] += dice.choice((-8, -1, 1, 8, 2**40, 2**63, -(2**40)))
            case 5:
                entry["data_offsets"], entries[other]["data_offsets"] = (
                    entries[other]["data_offsets"],
                    entry["data_offsets"],
                )
            case 6:
                entries[dice.choice((*NAMES, "-1", "1e2", "00", "999999999999999999999"))] = entries.pop(name)
            case 7:
                text = dumped(entries)
                return text[:-1] + f', "{name}": {json.dumps(entries[other])}' + "}"
            case 8:
                entries["__metadata__"] = dice.choice(
                    ({}, {"snncc": ""}, {"snncc": 7}, {"other": "x"}, [], None, {"snncc": json.dumps(schema), "x": "y"})
                )
            case 9:
                entry[dice.choice(("dtype", "shape", "data_offsets", "more"))] = Raw(dice.choice(NUMBERS))
            case 10:
                entries |= {"__metadata__": {"snncc": dice.choice(self.texts)}}
            case _:
                return (
                    dumped(entries)[: dice.randrange(100)]
                    if dice.random() < 0.3
                    else dumped(entries) + dice.choice((" " * 5_000, "\0", "{}", "}", ","))
                )
        return entries

    return container(json.dumps(schema), tensors, change)


# The schema.


def _schema(self: NetworkInputs, dice: random.Random) -> bytes:
    schema, tensors = self.pick(dice)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        _change_schema(self, schema, tensors, dice)
    text = dumped(schema)
    if dice.random() < 0.1 and isinstance(schema.get("network"), dict):
        key, value = dice.choice(list(schema["network"].items()))
        again = f"{json.dumps(key)}: {dice.choice((_json(value), *NUMBERS))}, "
        text = text.replace('"network": {', '"network": {' + again, 1)
    return container(text, tensors)


def _json(value: Any) -> str:
    return dumped(value)


def _change_schema(self: NetworkInputs, schema: Schema, tensors: Tensors, dice: random.Random) -> None:
    """One change somewhere; mostly one that the decoder takes."""
    network = schema.get("network")
    populations = network.get("populations") if isinstance(network, dict) else None
    if not isinstance(populations, list) or not populations or not all(isinstance(p, dict) for p in populations):
        return
    population = dice.choice(populations)
    projections = population.get("projections")
    projection = dice.choice(projections) if isinstance(projections, list) and projections else {}
    with contextlib.suppress(LookupError, TypeError, ValueError, AttributeError, RecursionError):
        # an earlier change took the part away, or nested it too deep for Python's own reader
        match dice.randrange(16):
            case 0 | 1:
                _replace(schema, dice.choice(list(places(schema))), Raw(dice.choice(NUMBERS)))
            case 2:
                _replace(schema, dice.choice(list(places(schema))), dice.choice(NAMES))
            case 3:
                _rename(network, population["name"], dice.choice((*NAMES, *(p["name"] for p in populations))))
            case 4:
                projection["name"] = dice.choice((*NAMES, *(p["name"] for p in projections)))
            case 5:
                _replace(projection, dice.choice([p for p in places(projection) if p[-1] == "population"]),
                         dice.choice([p["name"] for p in populations]))  # fmt: skip
            case 6:
                dice.shuffle(populations)
            case 7:
                dice.choice((populations, projections)).append(
                    json.loads(dumped(dice.choice((population, projection))))
                )
            case 8:
                some = dice.choice((populations, projections))
                del some[dice.randrange(len(some))]
            case 9:
                _graft(self, population, tensors, dice)
            case 10:
                tensor = dice.choice([p for p in places(network) if p[-1] == "tensor"])
                _replace(network, tensor, dice.choice((dice.randrange(len(tensors)), len(tensors), -1, "0")))
            case 11:
                _legal_number(network, projection, dice)
            case 12 | 13:
                _forge(network, dice)
            case 14:
                projection["source"] = _view(projection["source"], populations, dice)
            case _:
                where = dice.choice((network, population, projection, network["input"]))
                where.pop(dice.choice(list(where)), None)


def _replace(document: Any, place: tuple[Any, ...], value: Any) -> None:
    for key in place[:-1]:
        document = document[key]
    document[place[-1]] = value


def _rename(network: Schema, old: str, new: str) -> None:
    """A population under another name, wherever it is named."""
    for place in [p for p in places(network) if p[-1] == "population"]:
        value: Any = network
        for key in place:
            value = value[key]
        if value == old:
            _replace(network, place, new)
    for population in network["populations"]:
        if population["name"] == old:
            population["name"] = new
    for proved in network["intervals"].values():
        if old in proved:
            proved[new] = proved.pop(old)


def _graft(self: NetworkInputs, population: Schema, tensors: Tensors, dice: random.Random) -> None:
    """What another network's population has, with its tensors."""
    schema, others = self.pick(dice)
    donor = dice.choice(schema["network"]["populations"])
    key = dice.choice(("projections", "theta", "bias", "v0", "lambda_", "shape"))
    part = {key: donor[key]}
    for place in [p for p in places(part) if p[-1] == "tensor"]:
        value: Any = part
        for step in place:
            value = value[step]
        _replace(part, place, len(tensors))
        tensors[str(len(tensors))] = others[str(value)]
    population |= part


def _legal_number(network: Schema, projection: Schema, dice: random.Random) -> None:
    """A number that may stand there."""
    match dice.randrange(8):
        case 0:
            network["timesteps"] = dice.choice((1, 2, 5, 300, 65_535, dice.randint(1, 5_000)))
        case 1:
            network["spike_ext"] = dice.choice((-1, 0, 1, 7, 1_000))
        case 2:
            network["signed_bit"] = dice.randint(2, 16)
        case 3:
            network["input"]["bits"] = dice.randint(2, 16)
        case 4:
            network["input"]["encoding"] = dice.choice(("rate", "current"))
            network["input"]["signed"] = dice.random() < 0.5
        case 5:
            network["readout"] = dice.choice(("potential", "spikes"))
        case 6:
            projection["strides"] = [dice.randint(1, 4), dice.randint(1, 4)]
        case _:
            projection["shift"] = dice.choice((0, 1, 5, 30, 50, 61, 62))


def _forge(network: Schema, dice: random.Random) -> None:
    """Intervals that are a little, or much, beside the truth."""
    intervals = network["intervals"]
    proved = intervals[dice.choice(list(intervals))]
    name = dice.choice(list(proved))
    end = dice.randrange(2)
    match dice.randrange(6):
        case 0 | 1:
            proved[name][end] += dice.choice((-1, 1, 2**40, -(2**40)))
        case 2:
            proved[name] = [-(2**62), 2**62 - 1]
        case 3:
            del proved[name]
        case 4:
            proved["more"] = [0, 0]
        case _:
            intervals["count"], intervals["step"] = intervals["step"], intervals["count"]


def _view(view: Any, populations: list[Schema], dice: random.Random) -> Any:
    """A view around a view."""
    small = [dice.choice((0, 0, 1, 2, 3)) for _ in range(4)]
    match dice.randrange(5):
        case 0:
            return {"type": "pad", "view": view, "pads": small}
        case 1:
            shape = [dice.choice((1, 2, 3, 4, 16, 64, 2**20)) for _ in range(dice.choice((1, 3)))]
            return {"type": "reshape", "view": view, "shape": shape}
        case 2:
            other = {"type": "source", "population": dice.choice(("input", dice.choice(populations)["name"]))}
            return {"type": "concat", "views": dice.choice(([view, other], [other, view, view], [view], []))}
        case 3:
            size = [dice.choice((1, 2, 3, 2**16)) for _ in range(2)]
            return {"type": "max_pool", "view": view, "size": size, "strides": size, "pads": small}
        case _:
            for _ in range(dice.choice((3, 30, 300, 3_000))):
                view = {"type": "pad", "view": view, "pads": [0, 0, 0, 0]}
                if dice.random() < 0.002:
                    break
            return Raw(_nested(view))


def _nested(view: Any) -> str:
    """JSON of a view that may be nested deeper than Python's own encoder goes."""
    opened, closed = "", ""
    while isinstance(view, dict) and view.get("type") == "pad":
        opened, closed = opened + f'{{"type":"pad","pads":{json.dumps(view["pads"])},"view":', closed + "}"
        view = view["view"]
    return opened + dumped(view) + closed


# Tensors.


def _tensors(self: NetworkInputs, dice: random.Random) -> bytes:
    schema, tensors = self.pick(dice)
    for _ in range(dice.choice((1, 1, 2))):
        _change_tensor(tensors, dice)
    return container(dumped(schema), tensors)


def _change_tensor(tensors: Tensors, dice: random.Random, kinds: int = 7) -> None:
    name, other = dice.choice(list(tensors)), dice.choice(list(tensors))
    tensor = tensors[name]
    match dice.randrange(kinds):
        case 0 | 1 | 2:
            changed = tensor.copy().reshape(-1)
            for _ in range(dice.choice((1, 1, 3, changed.size))):
                value = dice.choice(FLOATS if changed.dtype.kind == "f" else INTEGERS)
                if changed.size:
                    with np.errstate(all="ignore"):
                        changed[dice.randrange(changed.size)] = (
                            value if changed.dtype.kind == "f" else np.array(value, np.int64).astype(changed.dtype)
                        )
            tensors[name] = changed.reshape(tensor.shape)
        case 3:
            tensors[name], tensors[other] = tensors[other], tensor
        case 4:
            with np.errstate(all="ignore"):
                tensors[name] = tensor.astype(dice.choice(list(TYPES)))
        case 5:
            tensors[name] = dice.choice((tensor.reshape(-1), tensor.T, tensor[None], tensor[..., None], tensor[:0]
                                         if tensor.ndim else tensor))  # fmt: skip
        case _:
            tensors[name] = tensor.astype(tensor.dtype.newbyteorder(">")).view(tensor.dtype)


# Networks that are proved anew after a change, so that the checks behind the comparison of intervals are reached.


def _proved(self: NetworkInputs, dice: random.Random) -> bytes:
    schema, tensors = self.pick(dice)
    for _ in range(dice.choice((1, 2, 3))):
        if dice.random() < 0.4:
            _change_tensor(tensors, dice, kinds=5)
        else:
            _change_schema(self, schema, tensors, dice)
    with contextlib.suppress(Exception):  # what cannot be proved keeps the intervals that it had
        network = put_together(schema, tensors)
        if max(judge.size(network)) > judge.MOST_TAPS:
            raise ValueError("as much as that is not proved to be refused")
        fitted = _fitted(network, dice)
        schema, tensors = taken_apart(with_intervals(fitted))
        if dice.random() < 0.1:
            _forge(schema["network"], dice)
    return container(dumped(schema), tensors)


def _fitted(network: ir.Network, dice: random.Random) -> ir.Network:
    """Sometimes with parameters as large as they may be."""
    if dice.random() < 0.5:
        return network
    population = dice.choice(network.populations)
    near = [v for v in INTEGERS if abs(v) < 2**62]
    changes: dict[str, Any] = {}
    for name in ("theta", "bias", "v0"):
        value = getattr(population, name)
        if value is not None and dice.random() < 0.5:
            drawn = [abs(dice.choice(near)) + 1 if name == "theta" else dice.choice(near) for _ in range(value.size)]
            changes[name] = np.array(drawn, np.int64).reshape(value.shape)
    populations = tuple(ir.replace(p, **changes) if p is population else p for p in network.populations)
    return ir.replace(network, populations=populations)
