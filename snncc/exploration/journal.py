"""One JSON line a point: what a killed run has measured is not measured again, and journals of shards merge."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

JOURNAL = "journal.jsonl"


def read(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Points by their key; lines that were broken off, or are no points, count for nothing."""
    found = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
            try:
                point = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(point, dict) and isinstance(point.get("key"), str):
                found[point["key"]] = point
    return found


@contextmanager
def appended(path: Path) -> Iterator[IO[str]]:
    """The journal, open to be written behind a line that was broken off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torn = path.is_file() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
    with path.open("a", encoding="utf-8") as out:
        if torn:
            out.write("\n")
        yield out


def write(out: IO[str], points: Iterable[Mapping[str, Any]]) -> None:
    """A line each, on disk before the next job."""
    out.writelines(json.dumps(point, sort_keys=True) + "\n" for point in points)
    out.flush()
