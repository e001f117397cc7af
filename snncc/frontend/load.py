"""Loads a model file without running anything that is in it.

A `.keras` archive and a legacy `.h5` both carry a JSON description; it is read first and refused when it names
anything but Keras's own layers (a Lambda carries byte code). Only then does Keras build the model.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from snncc.errors import FileFormatError, ToolMissingError, UnsupportedLayerError

MAX_CONFIG = 2**26
OWN_PACKAGE = "snncc"
SUFFIXES = (".keras", ".h5", ".hdf5")


def load_model(path: str | Path) -> Any:
    """A Keras model from `.keras` or `.h5`.

    FileFormatError: unreadable; UnsupportedLayerError: carries code; ToolMissingError: no Keras, or a broken one.
    """
    path = Path(path)
    if not path.is_file():
        raise FileFormatError(f"{path}: no such file")
    try:
        config = _config(path)
    except (FileFormatError, ToolMissingError):
        raise
    except Exception as error:
        raise FileFormatError(f"{path}: not a Keras model ({error}); save it with model.save('name.keras')") from error
    try:
        _refuse_code(path, config)
    except RecursionError:
        raise FileFormatError(f"{path}: its description is nested too deeply") from None
    keras = _loaded("keras")

    class DepthwiseConv2D(keras.layers.DepthwiseConv2D):  # type: ignore[misc,name-defined]
        """Keras 2 wrote a `groups` that Keras 3 does not take."""

        def __init__(self, *args: Any, groups: int = 1, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)

    legacy = {} if path.suffix == ".keras" else {"DepthwiseConv2D": DepthwiseConv2D}
    try:
        return keras.models.load_model(path, custom_objects=legacy, compile=False, safe_mode=True)
    except Exception as error:
        raise FileFormatError(f"{path}: Keras cannot load it: {error}") from error


def _loaded(name: str) -> Any:
    """A module of the extra `keras`, whatever its own import raises."""
    try:
        return import_module(name)
    except Exception as error:
        raise ToolMissingError(
            f"{name} cannot be loaded ({type(error).__name__}: {error}): pip install 'snncc[keras]'"
        ) from error


def _config(path: Path) -> Any:
    """The description that Keras will read: it chooses the format by the suffix, and so must this."""
    if path.suffix not in SUFFIXES:
        endings = ", ".join(SUFFIXES)
        raise FileFormatError(f"{path}: a model file ends in {endings}; save it with model.save('name.keras')")
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > MAX_CONFIG:
                raise FileFormatError(f"{path}: its config.json is too large")
            return json.loads(archive.read("config.json"))
    with _loaded("h5py").File(path, "r") as archive:
        if "model_config" not in archive.attrs:
            raise FileFormatError(f"{path}: holds weights but no model; save it with model.save('name.keras')")
        return json.loads(archive.attrs["model_config"])


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        for value in config.values():
            yield from _objects(value)
    elif isinstance(config, list):
        for value in config:
            yield from _objects(value)


def _refuse_code(path: Path, config: Any) -> None:
    """No Lambda, no byte code, no class from outside Keras."""
    found = set()
    for entry in _objects(config):
        kind, module = str(entry["class_name"]), str(entry.get("module") or "keras")
        inner = entry.get("config")
        name = inner.get("name", kind) if isinstance(inner, dict) else kind
        package = str(entry.get("registered_name") or kind).split(">")[0]
        if "lambda" in kind.lower():  # Lambda, __lambda__, TFOpLambda, SlicingOpLambda, "keras.layers>Lambda"
            found.add(f"  - {kind} layer {name!r}: it carries code, which is never run; use the supported layers")
        elif module.split(".")[0] not in ("keras", "builtins", "tensorflow") and package != OWN_PACKAGE:
            found.add(f"  - {kind} {name!r}: a class of {module!r}; use Keras's own layers")
    if found:
        raise UnsupportedLayerError(f"{path} cannot be converted:\n" + "\n".join(sorted(found)))
