"""Loads a model file without running anything that is in it, and without opening anything that is not in it.

A `.keras` archive and a legacy `.h5` both carry a JSON description and weights in HDF5. Both are looked through first
and refused when the description names anything but Keras's own layers (a Lambda carries byte code), when weights lie
in another file, or when a small file stands for far more than it holds. Only then does Keras build the model.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from snncc.errors import FileFormatError, ToolMissingError, UnsupportedLayerError

MAX_CONFIG = 2**26
MAX_EXPANSION, EXPANSION_FLOOR = 100, 2**26
"""What a packed member or dataset may grow to: so many times what is stored, or so many bytes."""
OWN_PACKAGE, OWN_LAYERS = "snncc", ("QCFS",)
"""Layers of ours that a model to be converted may have."""
SUFFIXES = (".keras", ".h5", ".hdf5")
WEIGHTS = "model.weights.h5"
CODE = ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
QKERAS = ("QActivation", "QAdaptiveActivation", "QBatchNormalization", "QConv1D", "QConv2D", "QConv2DBatchnorm",
          "QConv2DTranspose", "QDense", "QDepthwiseConv2D", "QDepthwiseConv2DBatchnorm", "QSeparableConv1D",
          "QSeparableConv2D")  # fmt: skip
"""Layers of QKeras, which needs Keras 2."""
READ_FILES = ("StringLookup", "IntegerLookup", "TextVectorization")


def load_model(path: str | Path) -> Any:
    """A Keras model from `.keras` or `.h5`.

    FileFormatError: unreadable; UnsupportedLayerError: carries code; ToolMissingError: no Keras, or a broken one.
    """
    path = Path(path)
    vet(path)
    keras = _loaded("keras")
    from snncc import keras_layers

    class DepthwiseConv2D(keras.layers.DepthwiseConv2D):  # type: ignore[misc,name-defined]
        """Keras 2 wrote a `groups` that Keras 3 does not take."""

        def __init__(self, *args: Any, groups: int = 1, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)

    known = {} if path.suffix == ".keras" else {"DepthwiseConv2D": DepthwiseConv2D}
    known |= {f"{OWN_PACKAGE}>{name}": getattr(keras_layers, name) for name in OWN_LAYERS}
    try:
        return keras.models.load_model(path, custom_objects=known, compile=False, safe_mode=True)
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


def vet(path: Path) -> None:
    """Refuse what is no model file, and what its description or its weights must not do. Errors as `load_model`."""
    if path.is_dir():
        raise FileFormatError(f"{path} is a folder: save the model as one file, with model.save('name.keras')")
    if not path.is_file():
        raise FileFormatError(f"{path}: no such file")
    try:
        config = _config(path)
        _refuse_code(path, config)
    except (FileFormatError, UnsupportedLayerError, ToolMissingError):
        raise
    except RecursionError:
        raise FileFormatError(f"{path}: its description is nested too deeply") from None
    except Exception as error:
        raise FileFormatError(f"{path}: not a Keras model ({error}); save it with model.save('name.keras')") from error


def _config(path: Path) -> Any:
    """The description that Keras will read: it chooses the format by the suffix, and so must this."""
    if path.suffix not in SUFFIXES:
        endings = ", ".join(SUFFIXES)
        raise FileFormatError(f"{path}: a model file ends in {endings}; save it with model.save('name.keras')")
    h5py = _loaded("h5py")

    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = PurePosixPath(member.filename)
                if name.is_absolute() or ".." in name.parts:
                    raise FileFormatError(f"{path}: its member {member.filename!r} lies outside the archive")
                _refuse_expansion(path, member.filename, member.file_size, member.compress_size)
            if archive.getinfo("config.json").file_size > MAX_CONFIG:
                raise FileFormatError(f"{path}: its config.json is too large")
            if WEIGHTS in archive.namelist():
                with h5py.File(io.BytesIO(archive.read(WEIGHTS)), "r") as weights:
                    _refuse_foreign_data(path, weights)
            return json.loads(archive.read("config.json"))
    with h5py.File(path, "r") as archive:
        _refuse_foreign_data(path, archive)
        if "model_config" not in archive.attrs:
            raise FileFormatError(f"{path}: holds weights but no model; save it with model.save('name.keras')")
        return json.loads(archive.attrs["model_config"])


def _refuse_expansion(path: Path, name: str, full: int, stored: int) -> None:
    if full > max(EXPANSION_FLOOR, MAX_EXPANSION * stored):
        raise FileFormatError(f"{path}: {name!r} stands for {full:,} bytes, of which {stored:,} are in the file")


def _refuse_foreign_data(path: Path, archive: Any) -> None:
    """Every link and dataset of an HDF5 file: data of its own, plain, and no more of it than is stored."""
    import h5py

    links: dict[str, Any] = {}
    archive.visititems_links(links.__setitem__)  # an error raised in there would not come out whole
    for name, link in links.items():
        if isinstance(link, h5py.ExternalLink):
            raise FileFormatError(f"{path}: {name!r} lies in another file, {link.filename!r}, which is never opened")
        data = archive.get(name) if isinstance(link, h5py.HardLink) else None
        if isinstance(data, h5py.Dataset):
            if data.external or data.is_virtual:
                raise FileFormatError(f"{path}: the data of {name!r} lie in another file, which is never opened")
            if data.dtype.hasobject:
                raise FileFormatError(f"{path}: {name!r} does not hold plain numbers")
            _refuse_expansion(path, name, data.nbytes, data.id.get_storage_size())


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
    """No Lambda, no byte code, no class from outside Keras but those of ours that are layers of a CNN."""
    found = set()
    for entry in _objects(config):
        kind, module = str(entry["class_name"]), str(entry.get("module") or "keras")
        inner = entry.get("config")
        name = inner.get("name", kind) if isinstance(inner, dict) else kind
        package, _, registered = str(entry.get("registered_name") or kind).rpartition(">")
        plain = kind.split(">")[-1]
        if (
            plain in CODE or "lambda" in kind.lower()
        ):  # Lambda, __lambda__, TFOpLambda, SlicingOpLambda, "keras.layers>Lambda"
            found.add(f"  - {kind} layer {name!r}: it carries code, which is never run; use the supported layers")
        elif plain in QKERAS:
            found.add(
                f"  - {kind} layer {name!r}: of QKeras, whose code is never run; put the weights of "
                "qkeras.utils.model_save_quantized_weights into Keras's own layers, or export the model to QONNX"
            )
        elif plain in READ_FILES:
            found.add(f"  - {kind} layer {name!r}: it reads other files; prepare the data before the model")
        elif package == OWN_PACKAGE:
            if registered not in OWN_LAYERS or plain not in OWN_LAYERS:
                found.add(f"  - {kind} layer {name!r}: of a network that is converted already; compile the CNN instead")
        elif module.split(".")[0] not in ("keras", "builtins", "tensorflow"):
            found.add(f"  - {kind} {name!r}: a class of {module!r}; use Keras's own layers")
        elif entry.get("module", "") is None and not package and kind == entry.get("registered_name"):
            found.add(
                f"  - {kind}: a class of the script that trained it (a subclassed model or layer), whose code is not "
                "in the file; rebuild it as a Sequential or Functional model of Keras's own layers"
            )
    if found:
        raise UnsupportedLayerError(f"{path} cannot be converted:\n" + "\n".join(sorted(found)))
