"""Kills a writing process before each of its changes to the file system: `python -m tests.soak.kills FOLDER`.

A change is what Python's audit events report: a file opened for writing, a rename, a folder made or removed. After each
kill the place must be whole (as before, or as afterwards) or absent, and the same action, not disturbed, must end as
if nothing had happened and leave nothing hidden behind.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snncc import ir, store
from tests.networks import toy

CHANGES = frozenset(
    ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink")
)
Snapshot = dict[str, bytes]


def snapshot(place: Path) -> Snapshot | None:
    """Every file below a place (or the file that it is), and every empty folder; None where there is nothing."""
    if place.is_file():
        return {"": place.read_bytes()}
    if not place.exists():
        return None
    found = {str(p.relative_to(place)): p.read_bytes() if p.is_file() else b"" for p in place.rglob("*")}
    return {name: content for name, content in found.items() if not name.startswith(".")}


def hidden(root: Path) -> list[str]:
    """What hidden folders and files there are below a root."""
    return sorted(str(p.relative_to(root)) for p in root.rglob(".*"))


@dataclass(frozen=True)
class Scenario:
    """What is killed: `before` makes the state that it starts from, `act` is the action, `place` what it writes."""

    name: str
    before: Callable[[Path], None]
    act: Callable[[Path], None]
    absent: bool
    """Whether the place may be absent after a kill."""


def _write(weight: int, targets: dict[str, Any], force: bool = True) -> Callable[[Path], None]:
    return lambda place: store.write(toy(weight), place, targets, force)


def _export(place: Path) -> None:
    store.export(place, {"c": {}, "verilog": {}})


SCENARIOS = (
    Scenario("save", lambda place: None, lambda place: save(toy(2), place), True),
    Scenario("save over", lambda place: save(toy(1), place), lambda place: save(toy(2), place), False),
    Scenario("write", lambda place: None, _write(2, {"c": {}}), True),
    Scenario("write over", _write(1, {"c": {}}), _write(2, {"c": {}}), True),
    Scenario("export", _write(1, {"c": {"prefix": "older"}}), _export, False),
)


def save(network: ir.Network, place: Path) -> None:
    """`network.save` of the API."""
    ir.save(network, place)


def whole(name: str, found: Snapshot | None, before: Snapshot | None, after: Snapshot, absent: bool) -> str:
    """What is wrong with a place after a kill; an export is whole target by target, and its manifest names them."""
    if found is None:
        return "" if absent else "it is gone"
    if name != "export":
        return "" if found in (before, after) else "it is neither as before nor as afterwards"
    assert before is not None
    for target in ("c", "verilog"):
        parts = [{n: c for n, c in some.items() if n.split("/")[0] == target} for some in (found, before, after)]
        if parts[0] and parts[0] not in parts[1:]:
            return f"{target} is neither as before nor as afterwards"
        if parts[0] and target not in json.loads(found["manifest.json"])["targets"]:
            return f"the manifest does not name {target}"
    return "" if found["network.snn"] == before["network.snn"] else "another network"


def killed_before(number: int, act: Callable[[Path], None], place: Path) -> bool:
    """Run the action in a child that is killed before its change `number`; whether it came that far."""
    child = os.fork()
    if child == 0:
        seen = 0

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal seen
            if event not in CHANGES or (event == "open" and not _writes(arguments)):
                return
            seen += 1
            if seen > number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        try:
            act(place)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    return any(letter in mode for letter in "wax+") if mode else bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def run(scenario: Scenario, root: Path, every: int) -> dict[str, Any]:
    """{scenario, kills, findings} of one action killed before each `every`th change."""
    place = root / "net"

    def fresh() -> None:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        scenario.before(place)

    fresh()
    before = snapshot(place)
    scenario.act(place)
    after = snapshot(place)
    assert after is not None and after != before and not hidden(root)
    kills, findings, number = 0, [], 0
    while True:
        fresh()
        if not killed_before(number, scenario.act, place):
            break
        kills += 1
        wrong = whole(scenario.name, snapshot(place), before, after, scenario.absent)
        if not wrong:
            scenario.act(place)
            if snapshot(place) != after:
                wrong = "the next run ended otherwise"
            elif hidden(root):
                wrong = f"the next run left {hidden(root)}"
        if wrong:
            findings.append(f"{scenario.name}, killed before change {number}: {wrong}")
        number += every
    return {"scenario": scenario.name, "kills": kills, "findings": findings}


def main() -> None:
    """One line of JSON per scenario."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="kill before each N-th change only")
    given = parser.parse_args()
    for scenario in SCENARIOS:
        print(json.dumps(run(scenario, given.folder / "kills", given.every)), flush=True)


if __name__ == "__main__":
    main()
