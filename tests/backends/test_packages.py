"""Firmware packages through the build logic of what they are made for: each builds, runs and says PASS, or FAIL.

tests/backends/firmware stands in for the parts of Arduino, ESP-IDF and Zephyr that a build calls.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snncc import ir, store
from snncc.backends.c.packages import KINDS
from snncc.errors import TargetError
from tests import networks

FIRMWARE = Path(__file__).parent / "firmware"
STRICT = ("-Wall", "-Wextra", "-Werror", "-O1")


def exported(folder: Path, kind: str, bytes_: bool = True) -> Path:
    """The package of a residual network, with raw bytes or without."""
    network = networks.residual(name="tiny")
    network = networks.with_bytes(network) if bytes_ else network
    store.write(network, folder / "m", {"c": {"package": kind, "license": "MIT"}}, force=True)
    return folder / "m" / "c" / kind / "tiny"


def changed(root: Path, table: str) -> None:
    """The first number of a table is another one."""
    weights = root / "src" / "tiny_weights.h"
    text = weights.read_text()
    number = re.compile(r"-?\d+").search(text, text.index("{", text.index(f".{table}")))
    assert number is not None
    weights.write_text(text[: number.start()] + str(-1 - int(number[0])) + text[number.end() :])


def sh(where: Path, *command: str | Path) -> str:
    done = subprocess.run([str(c) for c in command], cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert done.returncode == 0 or "FAIL" in done.stdout, done.stdout + done.stderr
    return done.stdout


def arduino(root: Path, work: Path) -> str:
    """As arduino-cli: every source below src, then the sketch as C++ with the core's header before it."""
    facts = dict(line.split("=", 1) for line in (root / "library.properties").read_text().splitlines())
    assert re.fullmatch(r"\d+\.\d+\.\d+", facts["version"]) and facts["name"] == "tiny"
    assert {"author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"} <= facts.keys()
    assert (root / "src" / facts["includes"]).is_file()
    sources = sorted((root / "src").rglob("*.c"))
    for source in sources:
        sh(work, "gcc", *STRICT, "-std=gnu11", "-I", root / "src", "-c", source)
    (sketch,) = root.glob("examples/*/*.ino")
    assert sketch.stem == sketch.parent.name
    (work / "sketch.cpp").write_text(
        f'#include "Arduino.h"\n{sketch.read_text()}\nint main()\n{{\n    setup();\n    return 0;\n}}\n'
    )
    includes = [part for path in (FIRMWARE, root / "src", sketch.parent) for part in ("-I", path)]
    sh(work, "g++", *includes, "-o", "app", "sketch.cpp", *sorted(work.glob("*.o")), "-lm")
    return sh(work, work / "app")


def platformio(root: Path, work: Path) -> str:
    """As PlatformIO's library finder: sources by srcFilter, headers by includeDir, an example by its files."""
    facts = json.loads((root / "library.json").read_text())
    assert re.fullmatch(r"[a-z0-9_.-]{1,50}", facts["name"]) and re.fullmatch(r"\d+\.\d+\.\d+", facts["version"])
    assert (root / facts["build"]["includeDir"] / facts["headers"]).is_file()
    (pattern,) = re.fullmatch(r"\+<(.*)>", facts["build"]["srcFilter"]).groups()  # type: ignore[union-attr]
    (example,) = facts["examples"]
    assert all((root / example["base"] / name).is_file() for name in example["files"])
    mains = [root / example["base"] / name for name in example["files"] if name.endswith(".c")]
    sources = sorted((root / "src").glob(pattern))
    sh(work, "gcc", *STRICT, "-I", root / "include", "-I", root / "src", *sources, *mains, "-o", "app", "-lm")
    return sh(work, work / "app")


def by_cmake(project: Path, work: Path, *options: str) -> str:
    sh(work, "cmake", "-S", project, "-B", work / "build", *options)
    sh(work, "cmake", "--build", work / "build")
    return sh(work, work / "build" / "app")


def zephyr(root: Path, work: Path) -> str:
    return by_cmake(root / "samples" / "selftest", work, f"-DZephyr_DIR={FIRMWARE}")


def esp_idf(root: Path, work: Path) -> str:
    (work / "tools" / "cmake").mkdir(parents=True)
    shutil.copy(FIRMWARE / "project.cmake", work / "tools" / "cmake")
    project = root / "examples" / "selftest"
    text = (project / "CMakeLists.txt").read_text()
    (project / "CMakeLists.txt").write_text(text.replace("$ENV{IDF_PATH}", str(work)))
    return by_cmake(project, work)


def cmsis_pack(root: Path, work: Path) -> str:
    """As a pack's consumer: the archive holds what the description names, and that builds."""
    (archive,) = root.parent.glob("*.pack")
    unpacked = work / "unpacked"
    with zipfile.ZipFile(archive) as pack:
        pack.extractall(unpacked)
    (description,) = unpacked.glob("*.pdsc")
    package = ET.parse(description).getroot()  # noqa: S314 (our own file)
    order = [part.tag for part in package]
    assert order[:3] == ["vendor", "name", "description"] and package.findtext("name") == "tiny"
    assert archive.name == f"{package.findtext('vendor')}.tiny.{package.find('releases/release').get('version')}.pack"
    files = package.findall("components/component/files/file")
    assert all((unpacked / f.get("name", "")).exists() for f in files)
    sources = [unpacked / f.get("name", "") for f in files if f.get("category") == "source"]
    folders = [unpacked / f.get("name", "") for f in files if f.get("category") == "include"]
    includes = [part for path in (*folders, unpacked / "src") for part in ("-I", path)]
    sh(work, "gcc", *STRICT, *includes, *sources, "-o", "app", "-lm")
    return sh(work, work / "app")


BUILD: dict[str, Callable[[Path, Path], str]] = {
    "arduino": arduino,
    "platformio": platformio,
    "zephyr": zephyr,
    "esp-idf": esp_idf,
    "cmsis-pack": cmsis_pack,
}


def test_every_kind_is_built_here() -> None:
    assert set(BUILD) == set(KINDS)


@pytest.mark.parametrize("bytes_", [True, False], ids=["bytes", "numbers"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_builds_and_passes(kind: str, bytes_: bool, tmp_path: Path) -> None:
    root, work = exported(tmp_path, kind, bytes_), tmp_path / "work"
    work.mkdir()
    assert BUILD[kind](root, work).startswith("PASS: tiny ")
    every = [path for path in root.rglob("*") if path.suffix in (".c", ".h", ".ino")]
    assert all("SPDX-License-Identifier: MIT" in "".join(p.read_text().splitlines(True)[:2]) for p in every)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_number_fails(kind: str, tmp_path: Path) -> None:
    root, work = exported(tmp_path, kind), tmp_path / "work"
    work.mkdir()
    changed(root, "bias_last")
    if kind == "cmsis-pack":
        (archive,) = root.parent.glob("*.pack")
        with zipfile.ZipFile(archive, "w") as pack:
            for path in (p for p in root.rglob("*") if p.is_file()):
                pack.write(path, path.relative_to(root))
    assert BUILD[kind](root, work).startswith("FAIL: tiny ")


AVR = ("-mmcu=atmega2560", "-O2")


def on_an_arduino_of_8_bits(root: Path, work: Path) -> str:
    """What the package's sketch says on an emulated ATmega2560, where the tables must lie in flash."""
    work.mkdir()
    for source in sorted((root / "src").rglob("*.c")):
        sh(work, "avr-gcc", *AVR, *STRICT, "-std=gnu99", "-I", root / "src", "-c", source)
    (sketch,) = root.glob("examples/*/*.ino")
    ends = "cli();\n    sleep_enable();\n    sleep_cpu();\n"
    (work / "sketch.cpp").write_text(
        f'#include "Arduino.h"\n{sketch.read_text()}\nint main()\n{{\n    setup();\n    {ends}}}\n'
    )
    includes = [part for path in (FIRMWARE, root / "src", sketch.parent) for part in ("-I", path)]
    sh(work, "avr-g++", *AVR, *includes, "-o", "app.elf", "sketch.cpp", *sorted(work.glob("*.o")))
    places = {row.split()[2]: int(row.split()[0], 16) for row in sh(work, "avr-nm", "app.elf").splitlines()}
    tables = [place for name, place in places.items() if "_table" in name]
    assert tables and max(tables) < places["__data_load_start"] < 0x10000 and places["_ZL5state"] > 0x800000
    run = ["simavr", "-m", "atmega2560", "-f", "16000000", "app.elf"]  # the serial port is its standard error
    return subprocess.run(run, cwd=work, capture_output=True, text=True, check=True, timeout=300).stderr


@pytest.mark.parametrize(("dynamics", "bits", "pack"), [("count", 8, False), ("count", 4, True), ("step", 5, True)])
def test_an_arduino_of_8_bits_computes_the_same(dynamics: Any, bits: int, pack: bool, tmp_path: Path) -> None:
    network = networks.with_bytes(networks.residual(name="tiny", signed_bit=bits, dynamics=dynamics))
    store.write(network, tmp_path / "m", {"c": {"package": "arduino", "license": "MIT", "pack": pack}})
    root = tmp_path / "m" / "c" / "arduino" / "tiny"
    assert "PASS: tiny" in on_an_arduino_of_8_bits(root, tmp_path / "right")
    changed(root, "bias_last")
    assert "FAIL: tiny" in on_an_arduino_of_8_bits(root, tmp_path / "wrong")


def test_what_an_arduino_of_8_bits_cannot_hold_says_the_way_out(tmp_path: Path) -> None:
    """Its tables are one object, and in flash by GNU C alone; its stated bytes are an upper bound, and checked."""
    root = exported(tmp_path, "arduino")
    header = root / "src" / "tiny.h"
    text = header.read_text()
    compiled = ["avr-gcc", *AVR, "-I", str(root / "src"), "-c", str(root / "src" / "tiny.c")]
    for stated, standard, said in (
        ("100U", "gnu99", "tiny_check_const_bytes"), ("32768U", "gnu99", "--pack"), ("", "c99", "-std=gnu99"),
    ):  # fmt: skip
        header.write_text(re.sub(r"(#define TINY_CONST_BYTES) \d+U", rf"\1 {stated}", text) if stated else text)
        done = subprocess.run(
            [*compiled, f"-std={standard}"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode != 0 and said in done.stderr


def test_tables_go_into_the_section_asked_for(tmp_path: Path) -> None:
    root = exported(tmp_path, "platformio")
    define = '-DTINY_WEIGHTS_SECTION=__attribute__((section(".outside")))'
    sh(tmp_path, "gcc", define, "-I", root / "include", "-I", root / "src", "-c", root / "src" / "tiny.c")
    listed = sh(tmp_path, "objdump", "-h", "tiny.o")
    sizes = {row[1]: int(row[2], 16) for row in map(str.split, listed.splitlines()) if len(row) == 7}
    stated = int(re.search(r"TINY_CONST_BYTES (\d+)U", (root / "include" / "tiny.h").read_text())[1])  # type: ignore[index]
    assert sizes[".outside"] == stated


@pytest.mark.parametrize(("dynamics", "copied"), [("count", True), ("step", True), ("count", False)])
def test_code_tables_and_state_lie_where_the_guides_linker_script_says(
    dynamics: Any, copied: bool, tmp_path: Path
) -> None:
    """And the program computes the same from there; not where start-up code does not copy the code from flash."""
    network = networks.residual(name="tiny")
    store.write(ir.proven(ir.replace(network, dynamics=dynamics)), tmp_path / "m", {"c": {}})
    folder = tmp_path / "m" / "c"
    guide = Path("docs/guide/c.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```text\n(MEMORY.*?)```", guide, re.DOTALL)
    (copy,) = re.findall(r"`(memcpy\(__hot.*?;)`", guide)
    (state,) = re.findall(r"`static NAME_state_t state (.*?);`", guide)
    (folder / "more.ld").write_text(script)
    startup, main = folder / "port" / "cortex_m_startup.c", folder / "test" / "main.c"
    assert copy in startup.read_text()
    if not copied:
        startup.write_text(startup.read_text().replace(copy, ""))
    main.write_text(main.read_text().replace("static tiny_state_t state;", f"static tiny_state_t state {state};"))
    places = [
        f'-DTINY_{what}_SECTION=__attribute__((section("{name}")))'
        for what, name in (("WEIGHTS", ".qspi"), ("HOT", ".itcm"))
    ]
    sh(folder, "arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "--specs=nano.specs", "--specs=rdimon.specs",
       "-O2", *places, "-DTINY_SELFTEST", "-I.", "-nostartfiles", "-T", "more.ld", "-T", "port/cortex_m.ld", "-o",
       "m.elf", "tiny.c", "tiny_host.c", *sorted(folder.glob("test/*.c")), "port/cortex_m_startup.c", "-lm",
    )  # fmt: skip
    symbols = {}
    for row in map(str.split, sh(folder, "arm-none-eabi-nm", "m.elf").splitlines()):
        if len(row) == 3:
            symbols[row[2]] = int(row[0], 16)
    assert 0x00200000 <= symbols["tiny_tables"] < 0x00300000
    hot = {name for name, place in symbols.items() if 0x20300000 <= place < 0x20310000}
    assert 0x20200000 <= symbols["state"] < 0x20210000
    assert symbols["__hot_load"] < 0x00200000
    loops = {
        name for name in symbols if re.match(r"tiny_(dot|taps|run|scan|spread|spike|stage|replay|add|pool|drive)", name)
    }
    assert loops and loops <= hot
    qemu = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none",
            "-icount", "shift=0", "-semihosting-config", "enable=on,target=native", "-kernel", "m.elf"]  # fmt: skip
    run = subprocess.run(qemu, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert ("PASS" in run.stdout + run.stderr, run.returncode == 0) == (copied, copied)


@pytest.mark.parametrize("license_", ["", "MIT */ int x;", "MIT\n", "a b"])
def test_a_license_that_is_none(license_: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="SPDX"):
        store.write(networks.residual(), tmp_path / "m", {"c": {"license": license_}})


def test_golden_vectors_are_the_calibration_images(tmp_path: Path) -> None:
    network = networks.residual(name="tiny")
    golden = np.arange(2 * 192, dtype=np.int64).reshape(2, 8, 8, 3) % 256
    network = ir.replace(network, record=ir.Record(options={}, data={}, versions={}, golden=golden))
    store.write(network, tmp_path / "m", {"c": {"package": "esp-idf"}})
    text = next(tmp_path.rglob("esp-idf/**/tiny_vectors.h")).read_text()
    assert "Calibration samples." in text and "#define TINY_VECTORS 2" in text
