"""A Dask scheduler and two workers on this machine, for the tests of what runs on a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Cluster:
    """Its address and its workers, of one thread each."""

    address: str
    workers: list[subprocess.Popen[bytes]]

    def kill_one(self) -> None:
        """The first worker, without a word."""
        os.killpg(self.workers[0].pid, signal.SIGKILL)

    def lost_one(self) -> bool:
        """Whether that is what ended it; after the cluster is closed."""
        return self.workers[0].returncode == -signal.SIGKILL


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster that writes into a folder; all of its processes are gone afterwards."""
    place = folder / "scheduler.json"
    common = ("--scheduler-file", place, "--local-directory", folder, "--nthreads", 1, "--no-dashboard")
    scheduler = _started(
        "dask_scheduler", "--scheduler-file", place, "--host", "127.0.0.1", "--port", 0, "--no-dashboard"
    )
    workers: list[subprocess.Popen[bytes]] = []
    try:
        while not place.exists():
            assert scheduler.poll() is None
            time.sleep(0.05)
        workers += [_started("dask_worker", *common, "--no-nanny") for _ in range(2)]
        yield Cluster(json.loads(place.read_text())["address"], workers)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def _started(*arguments: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "distributed.cli." + arguments[0], *map(str, arguments[1:])],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
