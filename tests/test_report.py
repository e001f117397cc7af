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
from snncc.backends.verilog.emit import golden_cycles, summary
from snncc.reporting import drawing
from snncc.verification import digest
from tests.browser import browser, url
from tests.conftest import Digits, Run
from tests.networks import dense_chain, mixed_conv, separable

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
    outcome = {"target": "c-host", "variant": "gcc -O0", "status": "pass", "tools": ["gcc"]}
    certificate = {"ok": True, "sentence": "3 of 3 ran.", "targets": [outcome], "versions": {"gcc": "gcc (x) 12.2"},
                   "files": {"c": digest(folder / "c"), "verilog": "0" * 64}}  # fmt: skip
    store.leave(folder, store.CERTIFICATE, certificate)
    store.leave(folder, store.SYNTHESIS, {"device": "xc7", "luts": 1234, "brams": 2.5, "too_large": ["LUT: 9 of 8"]})
    point = {"target": "c", "accuracy": 0.5, "flash_bytes": 100, "state_bytes": 7, "command": "snncc compile <x>"}
    front = {"target": "c", "points": [point, {**point, "accuracy": 0.25}, {"refused": "no"}], "front": [0]}
    (folder / "front.json").write_text(json.dumps(front))
    np.savez(folder.parent / "x.npz", x=data["x_test"], y=data["y_test"])
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
    assert f"{own.neurobench['Footprint']:,.10g}" in found.words
    for words in ("3 of 3 ran.", "1,234", "LUT: 9 of 8", "1 of 3 designs", "snncc compile <x>", network.hash):
        assert words in found.words
    diagnosis = snncc.diagnose(network, str(digits.model), data["x_test"], data["y_test"])
    for row in diagnosis.rows:
        assert all(cell in found.words for cell in row.cells()) and row.population in found.words
    assert "gcc (x) 12.2" in found.words and digest(page.parent / "c") in found.words
    assert found.words.count("the files have changed since") == 1  # verilog's


def test_shares(page: Path) -> None:
    """Of work: layer by layer what NeuroBench counts in all; of cycles: those that each layer works for an image."""
    found, network, data = Reader(page.read_text()), snncc.load(page.parent), np.load(page.parent.parent / "x.npz")
    (own,) = snncc.evaluate(network, data["x"], data["y"])
    operations = own.neurobench["SynapticOperations"]
    # a pool is no layer of weights, as NeuroBench has it; Keras numbers names through a process
    pool = sum(work for name, work in own.work_per_image.items() if name.startswith("average_pooling2d"))
    made = sum(own.work_per_image.values())
    assert made == pytest.approx(operations["Effective_MACs"] + operations["Effective_ACs"] + pool)
    for number in own.work_per_image.values():
        assert f"{number:,.0f}, {100 * number / made:.1f} % of all" in found.words
    cycles = golden_cycles(network.ir, page.parent / "verilog")
    assert max(cycles.values()) == summary(network.ir, page.parent / "verilog")["golden_interval"]  # never waits here
    for number in cycles.values():
        assert f"{number:,.0f}, {100 * number / max(cycles.values()):.1f} % of the slowest" in found.words


def test_floats_beside_spikes(page: Path, digits: Digits) -> None:
    """Each bar is as long as Keras's own activation; without the model one line says what is missing."""
    from tests.keras_models import keras

    network, x = snncc.load(page.parent), np.load(page.parent.parent / "x.npz")["x"][:1]
    model = keras.models.load_model(digits.model)
    made = np.asarray(keras.Model(model.inputs, model.get_layer("conv").output)(x))[0] / network.ir["conv"].lambda_
    chosen = drawing.some(made.size)
    bars = dict(enumerate(100 * made.reshape(-1)[chosen]))
    (path, *_) = re.findall(r'class="floats" d="([^"]*)"', page.read_text())
    drawn = {int(row): float(length) for row, length in re.findall(r"M0 (\d+)h([\d.]+)", path)}
    assert drawn.keys() == {row for row, length in bars.items() if length > 0} and len(drawn) > 5
    assert all(abs(drawn[row] - bars[row]) < 0.06 for row in drawn)
    words = Reader(snncc.report(page.parent, x, output=page.with_name("bare.html")).read_text()).words
    assert words.count("The float activations beside them need the model:") == 1


def test_the_page_does_not_grow_with_the_weights(tmp_path: Path) -> None:
    """The same populations, once with six hundred times the weights: a page differs by its rasters' neurons alone."""
    x, sizes = np.random.default_rng(0).random((3, 20)), []
    for wide in (8, 400):
        network = dense_chain("step", (20, wide, wide, 5))
        store.write(network, tmp_path / f"m{wide}", {})
        sizes.append(snncc.report(tmp_path / f"m{wide}", x, np.arange(3)).stat().st_size)
    rasters = 2 * 2 * drawing.MOST_NEURONS * network.timesteps * len("M7 39h.8")
    assert 400**2 > sizes[1] > sizes[1] - sizes[0] > 0 and sizes[1] - sizes[0] < rasters + 1_000 < 20_000


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
    found = drawing.histogram(np.array([-1.0, 0, 0, 5]))
    assert (
        len(found["bars"]) == drawing.BINS
        and max(bar for *_, bar in found["bars"]) == drawing.TALL - 2
        and (found["least"], found["most"]) == (-1, 5)
    )
    assert sum(bar > 0 for *_, bar in found["bars"]) == 3
    whole = drawing.histogram(np.arange(100) - 3, logarithmic=True)  # four integers in each of 25 bars
    assert [height for *_, height in whole["bars"]] == [drawing.TALL - 2] * 25 and whole["count"] == 100
    assert [height for *_, height in drawing.histogram(np.full(3, 7))["bars"]] == [drawing.TALL - 2]
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
