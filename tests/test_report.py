"""`snncc report`: the figures of the other commands, nothing fetched, names only text; in a real browser."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import ir, store, tables
from snncc.reporting import drawing
from tests.browser import browser, url
from tests.conftest import Digits, Run
from tests.networks import mixed_conv, separable

SECTIONS = ["network", "populations", "accuracy", "spikes", "work", "proof", "hardware", "designs", "made"]
HOSTILE = "</script><script>document.title='x'</script>\"'&<b>"


class Reader(HTMLParser):
    """Ids, text, and whatever could be fetched or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.scripts, self.words = 0, ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        for name, value in attributes:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "data", "action", "xlink:href") and not (value or "").startswith("#"):
                self.fetched.append(value or "")
            assert not name.startswith("on"), (tag, name)

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def page(digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a compiled folder with everything in it."""
    folder = tmp_path_factory.mktemp("report") / "m"
    data = np.load(digits.data)
    network = snncc.convert(str(digits.model), data["x_train"], timesteps=8, dynamics="step")
    network.write(folder, {"c": {}, "verilog": {}})
    store.leave(folder, store.CERTIFICATE, {"ok": True, "sentence": "3 of 3 ran.", "targets": []})
    store.leave(folder, store.SYNTHESIS, {"device": "xc7", "luts": 1234, "brams": 2.5, "too_large": ["LUT: 9 of 8"]})
    point = {"target": "c", "accuracy": 0.5, "flash_bytes": 100, "state_bytes": 7, "command": "snncc compile <x>"}
    front = {"target": "c", "points": [point, {**point, "accuracy": 0.25}, {"refused": "no"}], "front": [0]}
    (folder / "front.json").write_text(json.dumps(front))
    return snncc.report(folder, data["x_test"], data["y_test"], str(digits.model))


def test_every_section_and_figure_is_there_and_nothing_is_fetched(page: Path, digits: Digits) -> None:
    text = page.read_text(encoding="utf-8")
    found, network = Reader(text), snncc.load(page.parent)
    assert found.fetched == [] and found.scripts == 1 and len(set(found.ids)) == len(found.ids)
    assert [name for name in found.ids if name in SECTIONS] == SECTIONS
    assert "http" not in re.sub(r"xmlns[^ ]*", "", text) and len(text) < 400_000
    for row in tables.population_rows(network.ir):
        for cell in tables.population_cells(row):
            assert cell in found.words
    data = np.load(digits.data)
    for dynamics in ir.DYNAMICS:
        for one in snncc.evaluate(network, data["x_test"], data["y_test"], [1, 2, 4, 8], dynamics):
            assert f"{100 * one.accuracy:.2f} %" in found.words
    (own,) = snncc.evaluate(network, data["x_test"], data["y_test"])
    assert all(cell in found.words for cell in own.cells())
    assert f"{own.neurobench['Footprint']:.6g}" in found.words
    for words in ("3 of 3 ran.", "1,234", "LUT: 9 of 8", "1 of 3 designs", "snncc compile <x>", network.hash):
        assert words in found.words
    assert snncc.diagnose(network, str(digits.model), data["x_test"]).rows[0].population in found.words


def test_what_is_missing_says_the_command(tmp_path: Path, run: Run) -> None:
    store.write(mixed_conv("step"), tmp_path / "m", {})
    code, out, _ = run("report", tmp_path / "m")
    assert code == 0 and out.strip() == str(tmp_path / "m" / "report.html")
    words = Reader(Path(out.strip()).read_text()).words
    for command in ("report", "verify", "synth", "explore"):
        assert f"snncc {command} " in words
    (tmp_path / "m" / store.CERTIFICATE).write_text('{"hash": "another", "ok": true}')
    assert "The last verification was of another network" in Reader(snncc.report(tmp_path / "m").read_text()).words
    assert run("report", tmp_path / "m", "--model", "x")[0] == 2 and run("report", tmp_path / "none")[0] == 1


def test_verify_leaves_its_certificate(tmp_path: Path, run: Run) -> None:
    store.write(mixed_conv("count"), tmp_path / "m", {"c": {}})
    arguments = ("verify", tmp_path / "m", "--images", 1, "--target", "c-host", "--variant", "gcc -O0")
    assert run(*arguments)[0] == 0
    first = (tmp_path / "m" / store.CERTIFICATE).read_text()
    found = json.loads(first)
    assert found["ok"] and found["hash"] == ir.content_hash(mixed_conv("count"))
    (one,) = found["targets"]
    assert one["values"] > 0 == one["mismatches"] and "seconds" not in one
    assert run(*arguments)[0] == 0 and (tmp_path / "m" / store.CERTIFICATE).read_text() == first


def test_names_are_only_text(tmp_path: Path) -> None:
    network = mixed_conv("step")
    first = ir.replace(network.populations[0], layers=(HOSTILE,))
    store.write(ir.replace(network, populations=(first, *network.populations[1:])), tmp_path / "m", {})
    text = snncc.report(tmp_path / "m").read_text()
    found = Reader(text)
    assert found.scripts == 1 and HOSTILE in found.words and HOSTILE not in text
    assert "<script>" not in snncc.load(tmp_path / "m")._repr_html_()


def test_a_notebook_shows_the_populations() -> None:
    network = snncc.Network(separable(dynamics="step"))
    shown = Reader(network._repr_html_()).words
    for row in tables.population_rows(network.ir):
        assert all(unescape(cell) in shown for cell in tables.population_cells(row))


def test_drawing() -> None:
    found = drawing.histogram(np.array([-1, 0, 0, 5]))
    assert (
        len(found["bars"]) == drawing.BINS
        and max(bar for *_, bar in found["bars"]) == drawing.TALL - 2
        and (found["least"], found["most"]) == (-1, 5)
    )
    assert sum(bar > 0 for *_, bar in found["bars"]) == 3
    train = np.zeros((3, 4), int)
    train[1, 2] = train[2, 0] = 1
    assert drawing.raster(train)["path"] == "M1 2h.8M2 0h.8"
    picture = drawing.graph(separable())
    assert set(picture["boxes"]) == {"input", *(p.name for p in separable().populations)}
    places = list(picture["boxes"].values())
    assert len(set(places)) == len(places)
    assert all(0 <= x <= picture["width"] - drawing.WIDTH and 0 <= y <= picture["height"] for x, y in places)


def test_in_a_browser(page: Path) -> None:
    with browser() as shown:
        for width, scheme in ((1100, "light"), (360, "dark")):
            shown.open(url(page), width, scheme)
            assert shown.evaluate("document.documentElement.scrollWidth") <= width
            paper = shown.evaluate("getComputedStyle(document.body).backgroundColor")
            assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]
        assert not shown.evaluate("document.getElementById('p1').open")
        shown.click('a[href="#p1"]')
        assert shown.becomes("document.getElementById('p1').open")
        shown.evaluate("document.querySelector('a[href=\"#p2\"]').focus()")
        shown.press("Enter")
        assert shown.becomes("document.getElementById('p2').open")
        assert shown.becomes("document.activeElement.closest('details')?.id === 'p2'")
        unnamed = "[...document.querySelectorAll('svg[role=img]')].filter(s => !s.getAttribute('aria-label')).length"
        assert shown.evaluate(unnamed) == 0
        events: list[Any] = shown.logged
    assert not [
        e for e in events if e["method"] in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    ]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert {address.partition("#")[0] for address in asked} == {url(page)}
