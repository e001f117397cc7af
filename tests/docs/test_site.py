"""The site that `make docs` builds: no broken link, every public name with its docstring, nothing from elsewhere."""

from __future__ import annotations

import html
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import snncc
import snncc.backends.options
import snncc.diagnosis
import snncc.encodings
import snncc.errors
import snncc.evaluation
import snncc.ir
import snncc.jobs
import snncc.keras_layers
import snncc.neurons
import snncc.sim
import snncc.spkeras
import snncc.training
from tests.docs.pages import ROOT

LOADED = re.compile(
    r"<(?:script|img|iframe|source|audio|video)\b[^>]*\bsrc\s*=\s*[\"']?(?:https?:)?//"
    r"|<link\b[^>]*\bhref\s*=\s*[\"']?(?:https?:)?//"
    r"|url\(\s*[\"']?(?:https?:)?//|@import\s+[\"'](?:https?:)?//",
    re.IGNORECASE,
)
"""A script, style, font or picture that a browser would fetch from another place; a link to follow is none."""
OBJECTS = {
    "reference/api.html": {
        **{f"snncc.{name}": getattr(snncc, name) for name in snncc.__all__},
        **{f"snncc.sim.{kind}": getattr(snncc.sim, kind) for kind in ("Result", "Trace")},
        **{f"snncc.{kind.__module__.split('.')[1]}.{kind.__name__}": kind
           for kind in (snncc.evaluation.Evaluation, snncc.diagnosis.Diagnosis, snncc.diagnosis.LayerError)},
        **{f"snncc.errors.{name}": kind for name, kind in vars(snncc.errors).items() if inspect.isclass(kind)},
        "snncc.spkeras.cnn_to_snn": snncc.spkeras.cnn_to_snn,
        "snncc.keras_layers.to_keras": snncc.keras_layers.to_keras,
        "snncc.keras_layers.to_network": snncc.keras_layers.to_network,
        **{f"snncc.training.{name}": getattr(snncc.training, name)
           for name in ("fine_tune", "fine_tune_network", "with_qcfs")},
    },
    "reference/api-inside.html": {
        **{f"snncc.ir.{name}": value for name in snncc.ir.__all__
           if name != "check" and (inspect.isclass(value := getattr(snncc.ir, name)) or inspect.isfunction(value))},
        "snncc.ir.check.check": snncc.ir.check,
        **{f"snncc.neurons.{kind.__name__}": kind for kind in get_args(snncc.neurons.Neuron)},
        **{f"snncc.encodings.{kind.__name__}": kind for kind in get_args(snncc.encodings.Coding)},
        "snncc.sim.run.run": snncc.sim.run,
        "snncc.backends.target.Target": snncc.backends.Target,
        "snncc.backends.options.option": snncc.backends.options.option,
        "snncc.jobs.Runner": snncc.jobs.Runner,
    },
}  # fmt: skip
"""Page -> the objects that it has an entry of."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a broken link or anchor, or a page that no menu has, ends the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def entries(page: str) -> dict[str, str]:
    """The name of each entry of an API page -> its HTML, up to the next heading."""
    parts = re.split(r'<h\d id="(snncc[\w.]*)"', page)
    return {name: re.split(r"<h\d ", body)[0] for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def plain(markup: str) -> str:
    """What a reader sees of HTML, or of a docstring, without spaces and code marks."""
    return re.sub(r"[\s`]", "", html.unescape(re.sub(r"<[^>]*>", "", markup)))


def described(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """(name, docstring) of an object and, of a class, of its public methods and properties."""
    yield name, inspect.getdoc(value) or ""
    for member, attribute in vars(value).items() if inspect.isclass(value) else ():
        function = getattr(attribute, "fget", getattr(attribute, "func", getattr(attribute, "__func__", attribute)))
        if not member.startswith("_") and inspect.isfunction(function):
            yield f"{name}.{member}", inspect.getdoc(function) or ""


def lacking(page: str, objects: dict[str, Any]) -> list[str]:
    """The names that have no entry with their whole docstring."""
    found = entries(page)
    return [name for key, value in objects.items() for name, text in described(key, value)
            if not text or plain(html.escape(text)) not in plain(found.get(name, ""))]  # fmt: skip


@pytest.mark.parametrize("page", OBJECTS)
def test_every_public_name_has_an_entry_with_its_docstring(site: Path, page: str) -> None:
    assert lacking((site / page).read_text(encoding="utf-8"), OBJECTS[page]) == []


def test_a_name_without_its_docstring_is_found(site: Path) -> None:
    page = (site / "reference/api.html").read_text(encoding="utf-8")
    assert set(entries(page)) >= {"snncc.Network.run", "snncc.convert"}
    gone = page.replace("snncc.Network.run", "snncc.Network.ran").replace("every sample counts", "samples count")
    assert lacking(gone, OBJECTS["reference/api.html"]) == ["snncc.Network.run", "snncc.convert"]


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    files = [path for kind in ("html", "css") for path in site.rglob(f"*.{kind}")]
    assert len(files) > 40
    assert [str(path) for path in files if LOADED.search(path.read_text(encoding="utf-8"))] == []


def test_what_would_be_loaded_is_found() -> None:
    assert not LOADED.search('<a href="https://example.org">a</a><script src="js/theme.js"></script>')
    for wrong in (
        '<script async src="https://cdn.example.org/a.js">',
        '<link rel="stylesheet" href="//cdn.example.org/a.css">',
        "@font-face { src: url(https://fonts.example.org/a.woff2) }",
        '@import "https://fonts.example.org/a.css";',
    ):
        assert LOADED.search(wrong), wrong
