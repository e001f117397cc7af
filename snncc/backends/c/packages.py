"""Firmware packages: the exported C in the layout that a build system or registry wants, with a self-test.

A package lies in KIND/NAME beside the C files and is whole by itself. Its example runs the golden vectors on the device
and says PASS. What goes where is this table; the texts are templates/c/package.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snncc.resources import templates

KINDS = ("arduino", "platformio", "zephyr", "esp-idf", "cmsis-pack")
VERSION = "1.0.0"
"""Of a package; its description names the network's hash."""


@dataclass(frozen=True)
class Layout:
    """Where a package's files go. `made`: file -> template. `example`: where the golden vectors lie.

    `headers`: the public ones; `sources`: all others.
    """

    headers: str
    sources: str
    example: str
    made: Mapping[str, str] = field(default_factory=dict)


LAYOUTS: dict[str, Layout] = {
    "arduino": Layout(
        "src", "src", "examples/selftest",
        {
            "library.properties": "arduino.properties.j2",
            "keywords.txt": "arduino_keywords.txt.j2",
            "examples/selftest/selftest.ino": "arduino.ino.j2",
        },
    ),
    "platformio": Layout(
        "include", "src", "examples/selftest",
        {"library.json": "platformio.json.j2", "examples/selftest/main.c": "selftest.c.j2"},
    ),
    "zephyr": Layout(
        "include", "src", "samples/selftest/src",
        {
            "zephyr/module.yml": "zephyr_module.yml.j2",
            "zephyr/CMakeLists.txt": "zephyr_CMakeLists.txt.j2",
            "zephyr/Kconfig": "zephyr_Kconfig.j2",
            "samples/selftest/CMakeLists.txt": "zephyr_sample.txt.j2",
            "samples/selftest/prj.conf": "zephyr_prj.conf.j2",
            "samples/selftest/sample.yaml": "zephyr_sample.yaml.j2",
            "samples/selftest/src/main.c": "selftest.c.j2",
        },
    ),
    "esp-idf": Layout(
        "include", "src", "examples/selftest/main",
        {
            "CMakeLists.txt": "esp_CMakeLists.txt.j2",
            "idf_component.yml": "esp_component.yml.j2",
            "examples/selftest/CMakeLists.txt": "esp_project.txt.j2",
            "examples/selftest/main/CMakeLists.txt": "esp_main.txt.j2",
            "examples/selftest/main/idf_component.yml": "esp_main.yml.j2",
            "examples/selftest/main/main.c": "selftest.c.j2",
        },
    ),
    "cmsis-pack": Layout(
        "include", "src", "examples/selftest",
        {"snncc.{p}.pdsc": "cmsis.pdsc.j2", "examples/selftest/main.c": "selftest.c.j2"},
    ),
}  # fmt: skip


def write(folder: Path, kind: str, context: Mapping[str, Any]) -> None:
    """A package of the C files in `folder`, which have been written; `context` is theirs."""
    layout, p = LAYOUTS[kind], context["p"]
    root = folder / kind / p
    sources = [f"{p}.c", *([f"{p}_quantise.c"] if context["raw"] else []), f"{p}_host.c"]
    copied = {f"{layout.headers}/{name}": name for name in (f"{p}.h", f"{p}_host.h")}
    copied |= {f"{layout.sources}/{name}": name for name in (*sources, f"{p}_kernels.h", f"{p}_weights.h")}
    copied |= {f"{layout.example}/{p}_vectors.h": f"test/{p}_vectors.h"}
    for target, name in copied.items():
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        text = (folder / name).read_text(encoding="utf-8")
        (root / target).write_text(_without_avr(text) if (kind, name) == ("arduino", f"{p}_host.c") else text, "utf-8")
    entry = {"esp-idf": "void app_main(void)"}.get(kind, "int main(void)")
    values = {**context, "sources": sources, "package_version": VERSION, "kind": kind, "entry": entry}
    values["files"] = sorted(copied)
    environment = templates("c")
    for target, template in {**layout.made, "README.md": "README.md.j2"}.items():
        path = root / target.format(p=p)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(environment.get_template(f"package/{template}").render(values), encoding="utf-8")
    if kind == "cmsis-pack":
        _pack(root, folder / kind / f"snncc.{p}.{VERSION}.pack")


def _without_avr(text: str) -> str:
    """A file that an 8-bit Arduino, which compiles everything it finds, must pass by: its double has 32 bits."""
    return f"#ifndef __AVR__\n{text}#else\ntypedef int left_out_on_avr;\n#endif\n"


def _pack(root: Path, archive: Path) -> None:
    """The folder as a .pack, which is a zip; the same folder gives the same bytes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            out.writestr(entry, path.read_bytes())
