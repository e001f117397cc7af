"""One JSON line for each piece of work, by its key: what a killed run has done is not done again; journals merge."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from snncc.errors import OutputError


def read(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Lines by their key; those that were broken off, or have none, count for nothing."""
    found = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
            try:
                line = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict) and isinstance(line.get("key"), str):
                found[line["key"]] = line
    return found


@contextmanager
def appended(path: Path) -> Iterator[IO[str]]:
    """The journal, open to be written behind a line that was broken off. OutputError for another kind of file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and path.open("rb").read(1) not in (b"", b"{", b"\n"):
        raise OutputError(f"{path}: not a journal; name another file")
    torn = path.is_file() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
    with path.open("a", encoding="utf-8") as out:
        if torn:
            out.write("\n")
        yield out


def write(out: IO[str], lines: Iterable[Mapping[str, Any]]) -> None:
    """A line each, on disk before the next job."""
    out.writelines(json.dumps(line, sort_keys=True) + "\n" for line in lines)
    out.flush()
