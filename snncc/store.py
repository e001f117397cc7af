"""Compiled folders: DIR/network.snn, DIR/manifest.json and one folder per target. Whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from snncc import backends, staging
from snncc.errors import OutputError
from snncc.ir import Network, content_hash, load, save
from snncc.resources import tool_version

MANIFEST = "manifest.json"
NETWORK = "network.snn"
CERTIFICATE, SYNTHESIS = "verify.json", "synth.json"
"""What `snncc verify` and `snncc synth` leave in a folder."""
Requests = Mapping[str, Mapping[str, Any]]
"""Target name -> its options."""
Targets = Mapping[str, Mapping[str, Any] | None]
"""Target name -> the options that it was exported with; None where an earlier snncc did not keep them."""


def check_targets(network: Network, requests: Requests) -> None:
    """Everything that can be refused, before anything is written."""
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
        _write_manifest(beside, network, requests)


def export(folder: Path, requests: Requests) -> None:
    """Add targets to a compiled folder, or replace them, from its network.snn alone."""
    read = _identity(folder)
    network = load(folder)
    check_targets(network, requests)
    ours = read_targets(folder)
    for name in requests:
        if (folder / name).exists() and name not in ours:
            raise OutputError(f"{folder / name} was not written by snncc: move it away first")
    with ExitStack() as stack:  # no target appears before the last one is ready
        beside = {name: stack.enter_context(_staged(folder / name)) for name in requests}
        _require_same(folder, read)  # from here on a run that replaces the folder takes these along
        for name, options in requests.items():
            backends.target(name).emit(network, beside[name], options)
        with staging.locked(folder):  # first the manifest: a target that it does not name counts as another's work
            _write_manifest(folder, network, {**read_targets(folder), **requests}, read)


def _identity(folder: Path) -> tuple[int, ...]:
    """What tells a folder's network from another that took its place."""
    with suppress(OSError):
        found = (folder / NETWORK).stat()
        return found.st_dev, found.st_ino, found.st_mtime_ns
    return ()


def _require_same(folder: Path, read: tuple[int, ...]) -> None:
    if _identity(folder) != read:
        raise OutputError(f"{folder} was replaced by another run meanwhile: export again")


def leave(folder: Path, name: str, found: Mapping[str, Any]) -> None:
    """Keep what a command found of a compiled folder's network beside it, whole or not at all, for `snncc report`.

    Nothing is kept where the folder cannot be written: it is no part of what was asked for.
    """
    with suppress(OSError), staging.staged(folder / name) as beside:
        text = json.dumps({"hash": content_hash(load(folder)), "version": tool_version(), **found}, indent=2)
        beside.write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a compiled folder; empty where it is not one of ours."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(manifest, dict) or manifest.get("tool") != "snncc":
        return {}
    return manifest


def read_targets(folder: Path) -> Targets:
    """The targets of a compiled folder, each with the options that it was exported with."""
    found = read_manifest(folder).get("targets")
    if isinstance(found, dict):
        return {name: options if isinstance(options, dict) else None for name, options in found.items()}
    return {name: None for name in found if isinstance(name, str)} if isinstance(found, list) else {}


def check_free(folder: Path, force: bool) -> None:
    """OutputError unless `write` may put a compiled folder there. Worth asking before the work is done."""
    try:
        ours = read_manifest(folder)
        if not folder.exists():
            return
        if not folder.is_dir():
            raise OutputError(f"{folder} is a file: choose a folder")
        if Path.cwd().is_relative_to(folder.resolve()):
            raise OutputError(f"{folder} is where you are, and would be replaced: name a folder inside it")
        if not any(folder.iterdir()):
            return
    except FileNotFoundError:  # another run is just replacing it
        return
    except OSError as error:
        raise OutputError(f"{folder}: cannot be read: {error}") from error
    if not force:
        raise OutputError(f"{folder} is not empty: choose another folder, or `force` to replace it")
    if not (ours or read_manifest(folder)):
        raise OutputError(f"{folder} holds no manifest of snncc, so `force` does not replace it: choose another folder")


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of the wanted one when all went well and vanishes otherwise."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with staging.staged(folder) as beside:
            beside.mkdir()
            yield beside
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error}") from error


def _write_manifest(folder: Path, network: Network, targets: Targets, read: tuple[int, ...] | None = None) -> None:
    """Targets with their options, but for golden pixels; `read`: what the folder must still hold."""
    manifest: dict[str, Any] = {
        "tool": "snncc",
        "version": network.tool_version,
        "network": network.name,
        "hash": content_hash(network),
        "timesteps": network.timesteps,
        "signed_bit": network.signed_bit,
        "dynamics": network.dynamics,
        "targets": {name: _kept(targets[name]) for name in sorted(targets)},
    }
    if network.record:
        record = network.record
        parts: dict[str, Mapping[str, Any]]
        parts = {"options": record.options, "calibration": record.data, "versions": record.versions}
        manifest |= {name: dict(sorted(part.items())) for name, part in parts.items()}
    try:
        with staging.staged(folder / MANIFEST) as beside:
            if read is not None:
                _require_same(folder, read)
            beside.write_text(json.dumps(manifest, indent=2, default=str) + "\n")
    except OSError as error:
        raise OutputError(f"{folder / MANIFEST}: cannot be written: {error}") from error


def _kept(options: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if options is None else {key: value for key, value in options.items() if key != "pixels"}
