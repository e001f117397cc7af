"""Files and folders that appear whole or not at all, however a run ends and whoever else writes to the same place.

What is written lies in a hidden folder beside its place, `.NAME.xxxxxxxx.part`, until it is renamed into it. The name
is this run's own, so two runs never write into one another's; the one that renames last wins, whole. A run holds a
lock on its hidden folder as long as it lives: one without is a killed run's, and the next run to the same place puts
back what that one had moved away and removes the rest.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":  # elsewhere nothing tells a leftover from another run's work, and none is removed
    import fcntl

NEW, OLD, SUFFIX = "new", "old", ".part"
PATIENCE = 10.0
"""Seconds that `locked` waits for another run."""


@contextmanager
def staged(place: Path) -> Iterator[Path]:
    """A path to write a file or a folder to; it takes the place of `place` when all went well, else it vanishes.

    The place's folder must exist. OSError where something cannot be written.
    """
    place = place.resolve()
    with suppress(OSError):  # leftovers must not stop what they do not concern
        _tidy(place)
    stage, lock = _open_stage(place)
    try:
        yield stage / NEW / place.name
        _swap(stage, place)
    finally:
        _put_back(stage, place)
        shutil.rmtree(stage, ignore_errors=True)
        _release(lock)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One run at a time between two of these on one folder; without, where another holds it beyond `PATIENCE`."""
    lock, end = _lock(folder), time.monotonic() + PATIENCE
    while lock is None and time.monotonic() < end and sys.platform != "win32":
        time.sleep(0.01)
        lock = _lock(folder)
    try:
        yield
    finally:
        _release(lock)


def _prefix(place: Path) -> str:
    """What hidden folders of a place begin with; short enough for the random part where the name is not."""
    return f".{place.name[:50]}."


def _open_stage(place: Path) -> tuple[Path, int | None]:
    """A hidden folder of this run, and its lock."""
    while True:
        stage = Path(tempfile.mkdtemp(prefix=_prefix(place), suffix=SUFFIX, dir=place.parent))
        lock = None
        try:
            lock = _lock(stage, wait=True)
            (stage / NEW).mkdir()
            return stage, lock
        except FileNotFoundError:  # another run took it for a leftover before it was locked
            _release(lock)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            _release(lock)
            raise


def _swap(stage: Path, place: Path) -> None:
    """Rename what is new into its place; a folder that is there is moved away first, as often as others put one."""
    new, old = stage / NEW / place.name, stage / OLD / place.name
    while True:
        try:
            new.replace(place)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        shutil.rmtree(old.parent, ignore_errors=True)
        old.parent.mkdir()
        with suppress(FileNotFoundError):
            place.rename(old)


def _put_back(stage: Path, place: Path) -> None:
    """What was moved away, where nothing has taken its place."""
    old = stage / OLD / place.name
    if old.exists() and not place.exists():
        with suppress(OSError):
            old.rename(place)


def _tidy(place: Path) -> None:
    """Remove what killed runs left beside a place."""
    for stage in place.parent.iterdir():
        if not (stage.name.startswith(_prefix(place)) and stage.name.endswith(SUFFIX)):
            continue
        lock = _lock(stage)
        if lock is not None:
            if {inner.name for inner in stage.glob("*/*")} <= {place.name}:  # else it is for NAME.more
                _put_back(stage, place)
                shutil.rmtree(stage, ignore_errors=True)
            _release(lock)


def _lock(folder: Path, wait: bool = False) -> int | None:
    """What holds the lock of a folder; None where another run has it, or where there are no locks."""
    if sys.platform == "win32":
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(handle)
        return None
    return handle


def _release(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)
