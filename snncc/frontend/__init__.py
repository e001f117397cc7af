"""Front ends: each reads models of one library, or files of one kind, into a graph. Loaded only when asked for.

To add one: a line in FRONTENDS, or in another package an entry point of the group `snncc.frontends`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, cast

from snncc.errors import FileFormatError, UnsupportedLayerError
from snncc.frontend.grids import with_grids
from snncc.graph import Graph

GROUP = "snncc.frontends"
FRONTENDS = {
    "keras": "snncc.frontend.keras",
    "onnx": "snncc.frontend.onnx",
    "torch": "snncc.frontend.torch",
}


class Frontend(Protocol):
    """What a front end offers. A module with these three names is one; it imports its library when it reads."""

    SUFFIXES: tuple[str, ...]
    """Of its files, each with its dot; none where it reads objects alone."""

    def accepts(self, source: object) -> bool:
        """Whether an object is a model of its library. A path never gets here."""

    def read(self, source: Any, sample_shape: tuple[int, ...] | None = None) -> Graph:
        """The graph of a model, or of the file (a Path) of one; `sample_shape` of an input, where it leaves that open.

        UnsupportedLayerError names every layer that cannot be converted, FileFormatError says what a file is not.
        """


def frontends() -> Iterator[tuple[str, Frontend]]:
    """Every front end there is by name, ours before those of entry points; each is imported when its turn comes."""
    for name, module in FRONTENDS.items():
        yield name, cast(Frontend, import_module(module))
    for point in entry_points(group=GROUP):
        if point.name not in FRONTENDS:
            yield point.name, cast(Frontend, point.load())


def frontend_of(source: object) -> Frontend:
    """The first front end that has a path's suffix, or that accepts an object.

    FileFormatError lists the suffixes there are, UnsupportedLayerError the names.
    """
    if not isinstance(source, str | Path):
        for _, frontend in frontends():
            if frontend.accepts(source):
                return frontend
        known = ", ".join(name for name, _ in frontends())
        raise UnsupportedLayerError(f"an object of {type(source)} is a model of no front end there is: {known}")
    path = Path(source)
    for _, frontend in frontends():
        if path.name.endswith(frontend.SUFFIXES):
            return frontend
    if not path.exists():
        raise FileFormatError(f"{path}: no such file")
    if path.is_dir():
        raise FileFormatError(
            f"{path} is a folder: of TensorFlow's SavedModel the layers cannot be read; save the model with "
            "model.save('name.keras'), or convert the folder to .onnx with tf2onnx"
        )
    known = "; ".join(f"{', '.join(front.SUFFIXES)} ({name})" for name, front in frontends() if front.SUFFIXES)
    raise FileFormatError(f"{path}: no front end reads it; a model file ends in {known}")


def read(source: Any, sample_shape: tuple[int, ...] | None = None) -> Graph:
    """The graph of a model of any front end's library, or of the path of one. Errors as `Frontend.read`."""
    return with_grids(frontend_of(source).read(Path(source) if isinstance(source, str) else source, sample_shape))
