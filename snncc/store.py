"""Compiled folders: DIR/network.snn, DIR/manifest.json and one folder per target. Whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from snncc import backends
from snncc.errors import OutputError, TargetError
from snncc.ir import Network, content_hash, load, save

MANIFEST = "manifest.json"
NETWORK = "network.snn"
Requests = Mapping[str, Mapping[str, Any]]
"""Target name -> its options."""


def check_targets(network: Network, requests: Requests) -> None:
    """Everything that can be refused, before anything is written."""
    if requests and not network.is_integer:
        raise TargetError("signed_bit=0 is the float twin, which no hardware runs: compile with --signed-bit 2..16")
    if requests and network.spike_ext < 0:
        raise TargetError("spike_ext=-1 (no upper clip) exists in the simulator only: compile with spike_ext >= 0")
    for name, options in requests.items():
        backends.target(name).check(network, options)


def write(network: Network, folder: Path, requests: Requests, force: bool = False) -> None:
    """A new compiled folder. `force` replaces a folder, and only one that holds our own manifest."""
    check_targets(network, requests)
    check_free(folder, force)
    with _staged(folder) as beside:
        save(network, beside / NETWORK)
        for name, options in requests.items():
            (beside / name).mkdir()
            backends.target(name).emit(network, beside / name, options)
        _write_manifest(beside, network, sorted(requests))


def export(folder: Path, requests: Requests) -> None:
    """Add targets to a compiled folder, or replace them, from its network.snn alone."""
    network = load(folder)
    check_targets(network, requests)
    ours = {*read_manifest(folder).get("targets", [])}
    for name in requests:
        if (folder / name).exists() and name not in ours:
            raise OutputError(f"{folder / name} was not written by snncc: move it away first")
    with ExitStack() as stack:  # no target appears before the last one is ready
        for name, options in requests.items():
            backends.target(name).emit(network, stack.enter_context(_staged(folder / name)), options)
    _write_manifest(folder, network, sorted({*requests, *ours}))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a compiled folder; empty where it is not one of ours."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(manifest, dict) or manifest.get("tool") != "snncc":
        return {}
    return manifest | {"targets": [name for name in manifest.get("targets") or () if isinstance(name, str)]}


def check_free(folder: Path, force: bool) -> None:
    """OutputError unless `write` may put a compiled folder there. Worth asking before the work is done."""
    try:
        if not folder.exists():
            return
        if not folder.is_dir():
            raise OutputError(f"{folder} is a file: choose a folder")
        if Path.cwd().is_relative_to(folder.resolve()):
            raise OutputError(f"{folder} is where you are, and would be replaced: name a folder inside it")
        if not any(folder.iterdir()):
            return
    except OSError as error:
        raise OutputError(f"{folder}: cannot be read: {error}") from error
    if not force:
        raise OutputError(f"{folder} is not empty: choose another folder, or --force to replace it")
    if not read_manifest(folder):
        raise OutputError(f"{folder} holds no manifest of snncc, so --force does not replace it: choose another folder")


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A folder beside the wanted one, which takes its place when all went well and vanishes otherwise."""
    folder = folder.resolve()
    beside = folder.with_name(f".{folder.name}.part")
    old = folder.with_name(f".{folder.name}.old")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        yield beside
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        beside.rename(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error}") from error
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _write_manifest(folder: Path, network: Network, targets: list[str]) -> None:
    manifest: dict[str, Any] = {
        "tool": "snncc",
        "version": network.tool_version,
        "network": network.name,
        "hash": content_hash(network),
        "timesteps": network.timesteps,
        "signed_bit": network.signed_bit,
        "dynamics": network.dynamics,
        "targets": targets,
    }
    if network.record:
        parts = {"options": network.record.options, "calibration": network.record.data,
                 "versions": network.record.versions}  # fmt: skip
        manifest |= {name: dict(sorted(part.items())) for name, part in parts.items()}
    beside = folder / f"{MANIFEST}.part"
    try:
        beside.write_text(json.dumps(manifest, indent=2) + "\n")
        beside.replace(folder / MANIFEST)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OutputError(f"{folder / MANIFEST}: cannot be written: {error}") from error
