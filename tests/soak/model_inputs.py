"""Hostile .keras and .h5: the gate before Keras (`descriptions`, many), and the whole way to a network (`models`, few).

What is planted so that it must be refused (code, foreign classes, data of other files, bombs) is known to the driver,
which holds the gate to it: an input with a plant that passes is a finding.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from snncc import api
from snncc.frontend.keras.load import vet
from tests.soak import judge
from tests.soak.array_inputs import flipped, lied
from tests.soak.judge import Finding
from tests.soak.network_inputs import NAMES, NUMBERS, _Raw, dumped, places

SECRET = 7.0
"""What the file beside holds; a model with such a weight has read it."""
CODE = (
    ("Lambda", "keras.layers", {"name": "evil", "function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}}),
    ("Lambda", "keras", {"name": "evil", "function": "evil"}),
    ("TFOpLambda", "tensorflow", {"name": "evil", "function": "os.system"}),
    ("TFSMLayer", "keras.layers", {"name": "evil", "filepath": "/etc"}),
    ("TorchModuleWrapper", "keras.layers", {"name": "evil", "module": "gASV"}),
    ("keras.layers>Lambda", None, {"name": "evil"}),
    ("Popen", "subprocess", {"name": "evil", "args": "touch pwned"}),
    ("system", "os", {"name": "evil"}),
    ("Dense", "evil.package", {"name": "evil", "units": 1}),
    ("TextVectorization", "keras.layers", {"name": "evil", "vocabulary": "/etc/passwd"}),
)
FOREIGN_DATA = ("external link", "external data", "virtual", "object", "bomb")
KEYS = (
    "units", "filters", "kernel_size", "strides", "padding", "activation", "use_bias", "batch_shape", "dtype", "name",
    "axis", "pool_size", "rate", "epsilon", "dilation_rate", "groups", "trainable", "data_format",
)  # fmt: skip
WORDS = (
    "tanh",
    "softmax",
    "relu",
    "same",
    "full",
    "channels_first",
    "float16",
    "int8",
    "mixed_bfloat16",
    "linear",
    "Conv2D",
)


def archive(config: str, weights: bytes, dice: random.Random | None = None) -> bytes:
    """A .keras file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("metadata.json", '{"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}')
        made.writestr("config.json", config)
        made.writestr("model.weights.h5", weights)
    return file.getvalue()


def legacy(config: str, weights: bytes) -> bytes:
    """A .h5 file with its description in place of the one it has."""
    file = io.BytesIO(weights)
    with h5py.File(file, "r+") as made:
        made.attrs["model_config"] = config
    return file.getvalue()


class Source:
    """A good model in both formats, made once and kept beside the driver's other files."""

    def __init__(self, folder: Path) -> None:
        from tests.keras_models import L, keras, randomised

        x = keras.Input((4, 4, 2))
        y = L.Conv2D(3, 3, padding="same", activation="relu", name="conv")(x)
        y = L.AveragePooling2D(2, name="pool")(L.BatchNormalization(name="norm")(y))
        model = randomised(keras.Model(x, L.Dense(3, activation="softmax", name="out")(L.Flatten()(y)), name="small"))
        for suffix in ("keras", "h5"):
            model.save(folder / f"good.{suffix}")


class Descriptions:
    """The kind `descriptions`: a file is looked through as before Keras is imported."""

    def __init__(self, scratch: Path, good: Path) -> None:
        self.scratch = scratch
        with zipfile.ZipFile(good / "good.keras") as made:
            self.config, self.weights = made.read("config.json").decode(), made.read("model.weights.h5")
        self.legacy = (good / "good.h5").read_bytes()
        with h5py.File(good / "good.h5") as made:
            self.old = str(made.attrs["model_config"])
        self.secret = scratch / "secret.h5"
        with h5py.File(self.secret, "w") as file:
            file["vars"] = np.full((3, 3, 2, 3), SECRET, np.float32)
        self.plant: str | None = None

    def attempt(self, dice: random.Random) -> str:
        """One input and its outcome."""
        self.use(self.write(dice))
        if self.plant is not None:
            raise Finding(f"{self.plant} was taken")
        return "accepted"

    def use(self, file: Path) -> None:
        """What the kind does with a file."""
        vet(file)

    def tidy(self) -> None:
        """Between inputs."""
        for suffix in ("keras", "h5", "hdf5"):
            (self.scratch / f"model.{suffix}").unlink(missing_ok=True)

    def write(self, dice: random.Random) -> Path:
        """A hostile file; `plant` says what in it must be refused, if anything."""
        self.plant = None
        suffix = dice.choice(("keras", "keras", "h5"))
        config = json.loads(self.config if suffix == "keras" else self.old)
        weights = self.weights if suffix == "keras" else self.legacy
        for _ in range(dice.choice((0, 1, 1, 2))):
            _change(config, dice)
        if dice.random() < 0.25:
            self._plant_code(config, dice)
        if dice.random() < 0.25:
            weights = self._plant_data(weights, dice)
        text = dumped(config)
        if dice.random() < 0.05:
            text = dice.choice(
                (_deep(dice), text[:-1], "", "[]", "null", '"x"', text.replace("{", '{"class_name": 7, ', 1))
            )
            self.plant = None
        content = archive(text, weights) if suffix == "keras" else legacy(text, weights)
        if suffix == "keras" and dice.random() < 0.08:
            content = self._more(content, dice)
        if dice.random() < 0.25:
            content, self.plant = self._spoil(content, suffix, dice), None
        file = self.scratch / f"model.{suffix if dice.random() < 0.97 else dice.choice(('keras', 'h5', 'hdf5'))}"
        if file.suffix != f".{suffix}":
            self.plant = None
        file.write_bytes(content)
        return file

    def _plant_code(self, config: Any, dice: random.Random) -> None:
        kind, module, inner = dice.choice(CODE)
        entry: dict[str, Any] = {"class_name": kind, "config": inner, "registered_name": dice.choice((None, kind))}
        if module is not None:
            entry["module"] = module
        layers = config.get("config", {}).get("layers") if isinstance(config.get("config"), dict) else None
        if not isinstance(layers, list) or not layers:
            return
        where = dice.choice(layers)
        if dice.random() < 0.5 or not isinstance(where, dict) or not isinstance(where.get("config"), dict):
            layers.insert(dice.randrange(len(layers)), entry)
        else:
            where["config"][dice.choice(("activation", "kernel_initializer", "more"))] = entry
        self.plant = kind

    def _plant_data(self, weights: bytes, dice: random.Random) -> bytes:
        """Weights that lie in another file, are objects, or are a bomb, in place of a dataset."""
        file, what = io.BytesIO(weights), dice.choice(FOREIGN_DATA)
        with h5py.File(file, "r+") as made:
            found: list[str] = []
            made.visititems(lambda name, thing: found.append(name) if isinstance(thing, h5py.Dataset) else None)
            name = dice.choice(found)
            shape = made[name].shape
            del made[name]
            size = int(np.prod(shape)) * 4
            if what == "external link":
                made[name] = h5py.ExternalLink(str(self.secret), "vars")
            elif what == "external data":
                made.create_dataset(name, shape, np.float32, external=[(str(self.secret), 0, max(1, size))])
            elif what == "virtual":
                layout = h5py.VirtualLayout(shape, np.float32)
                layout[...] = h5py.VirtualSource(str(self.secret), "vars", shape=shape)
                made.create_virtual_dataset(name, layout)
            elif what == "object":
                made.create_dataset(name, shape, h5py.string_dtype())
            else:
                made.create_dataset(name, (2**20, 2**14), np.float32, chunks=(64, 64), compression="gzip")
        self.plant = what
        return file.getvalue()

    @staticmethod
    def _spoil(content: bytes, suffix: str, dice: random.Random) -> bytes:
        return lied(content, dice) if suffix == "keras" and dice.random() < 0.3 else flipped(content, dice)

    def _more(self, content: bytes, dice: random.Random) -> bytes:
        """Members more: outside the archive, twice the same, a bomb."""
        file = io.BytesIO(content)
        what = dice.choice(("outside", "twice", "bomb"))
        with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as made:
            if what == "outside":
                name = dice.choice(("../../evil", "/etc/evil", "assets/../../evil", "assets/../../../x"))
                made.writestr(name, "evil")
            elif what == "twice":
                made.writestr(zipfile.ZipInfo("config.json"), dice.choice((self.config, "{}", "[]")))
                self.plant = None
                return file.getvalue()
            elif dice.random() < 0.1:
                made.writestr("assets/zeros", bytes(2**27))
            else:
                return file.getvalue()
        self.plant = self.plant or what
        return file.getvalue()


class Models(Descriptions):
    """The kind `models`: Keras builds the model, and it is converted; what comes out is judged as a network."""

    def attempt(self, dice: random.Random) -> str:
        """One input and its outcome."""
        file = self.write(dice)
        generator = np.random.default_rng(dice.randrange(2**32))
        x = generator.random((6, 4, 4, 2))
        if dice.random() < 0.2:
            x.reshape(-1)[dice.randrange(x.size)] = dice.choice((np.nan, np.inf, 1e300, -1.0, 1e-320))
        options = {"calibrate": dice.choice(("none", "none", "none", "light")), "timesteps": dice.choice((4, 16))}
        network = api.convert(file, x, signed_bit=dice.choice((8, 4, 0)), **options)
        if self.plant is not None:
            raise Finding(f"{self.plant} was taken")
        return judge.judge(network.ir, dice, self.scratch)

    def tidy(self) -> None:
        """Between inputs."""
        import keras

        super().tidy()
        keras.backend.clear_session()
        shutil.rmtree(self.scratch / "again", ignore_errors=True)


def _change(config: Any, dice: random.Random) -> None:
    """A number, a word or a part of the description otherwise, mostly where layers keep their options."""
    found = list(places(config))
    if not found:
        return
    options = [place for place in found if place[-1] in KEYS]
    place = dice.choice(options if options and dice.random() < 0.7 else found)
    value: Any = config
    for key in place[:-1]:
        value = value[key]
    match dice.randrange(6):
        case 0 | 1:
            value[place[-1]] = _Raw(dice.choice(NUMBERS))
        case 2:
            value[place[-1]] = dice.choice(NAMES)
        case 3 | 4:
            value[place[-1]] = dice.choice(WORDS)
        case _:
            del value[place[-1]]


def _deep(dice: random.Random) -> str:
    """JSON nested as deep as parsers fail."""
    depth = dice.choice((200, 900, 5_000, 200_000))
    return dice.choice(("[" * depth + "]" * depth, '{"config":' * depth + "1" + "}" * depth))
