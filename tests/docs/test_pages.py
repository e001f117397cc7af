"""What every page promises: blocks say their language, commands and options exist, links lead somewhere."""

from __future__ import annotations

import contextlib
import importlib
import re
import shlex
from collections.abc import Iterator
from itertools import zip_longest

import click
import pytest

from snncc.cli import cli
from snncc.cli.targets import parameters_of
from tests.docs.pages import PAGES, ROOT, Page, parse, read, shell_lines

LANGUAGES = {"python", "sh", "c", "text"}
MAKEFILES = (ROOT / "Makefile", ROOT / "templates" / "c" / "Makefile.j2")
PLACEHOLDER = re.compile(r"[A-Z][A-Z_.\d:=-]*")  # a value that the reader fills in


def targets(makefile: str) -> set[str]:
    """The targets of a Makefile that can be asked for by name."""
    return set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))


def option_faults(command: click.Command, words: list[str]) -> Iterator[str]:
    """What is wrong with the options among `words`: unknown, or with a value that is not one of its choices."""
    for word, value in zip_longest(words, words[1:], fillvalue=""):
        if not re.fullmatch(r"--?[A-Za-z][\w-]*", word):
            continue
        found = [p for p in parameters_of(command) if word in (*p.opts, *p.secondary_opts)]
        if not found and word not in ("-h", "--help", "--version"):
            yield f"snncc {command.name} has no option {word}"
        for parameter in found:
            if isinstance(parameter.type, click.Choice) and value and not PLACEHOLDER.fullmatch(value):
                unknown = set(value.split("|")) - set(parameter.type.choices)
                if unknown:
                    yield f"{word} of snncc {command.name} cannot be {', '.join(sorted(unknown))}"


def command_faults(line: str) -> list[str]:
    """What is wrong with a command line as a page writes it, with [optional parts], NAMES and ... in it."""
    words = [word for word in shlex.split(re.sub(r"[\[\]]", " ", line)) if word != "..."]
    if words[0] == "make":
        known = set.union(*(targets(path.read_text()) for path in MAKEFILES))
        return [f"no target {word}" for word in words[1:] if word not in known and not PLACEHOLDER.match(word)]
    name = words[1]
    if name.startswith("-") or PLACEHOLDER.fullmatch(name):
        return list(option_faults(cli, words[1:]))
    return list(option_faults(cli.commands[name], words[2:])) if name in cli.commands else [f"no command {name}"]


def inline_faults(page: Page) -> list[str]:
    """Faults of the commands and of the options (`--calibrate none|light|full`) in the running text."""
    faults = []
    for code in page.codes:
        if code.startswith(("snncc ", "make ")):
            faults += [f"{code}: {fault}" for fault in command_faults(code)]
        elif code.startswith("--"):
            each = [list(option_faults(command, shlex.split(code))) for command in cli.commands.values()]
            if all(each):
                faults.append(f"{code}: no command takes it so")
    return faults


@pytest.mark.parametrize("name", PAGES)
def test_every_block_says_its_language_and_none_hides_a_command(name: str) -> None:
    for fence in read(name).fences:
        assert fence.language in LANGUAGES, f"{name}:{fence.line}: tag this block with one of {sorted(LANGUAGES)}"
        if fence.language == "text":
            hidden = [line for line in fence.text.splitlines() if re.match(r"(\$|snncc|make|import|from)\s", line)]
            assert not hidden, f"{name}:{fence.line}: {hidden[0]!r} is a command; tag it sh or python"


@pytest.mark.parametrize("name", PAGES)
def test_every_command_in_the_text_exists(name: str) -> None:
    assert inline_faults(read(name)) == []


@pytest.mark.parametrize("name", PAGES)
def test_every_target_of_make_in_a_block_exists(name: str) -> None:
    own, exported = (targets(path.read_text()) for path in MAKEFILES)
    lines = [line for fence in read(name).fences if fence.language == "sh" for line, _ in shell_lines(fence)]
    for line in lines:
        if line.startswith("make "):
            asked = re.sub(r" -C \S+| -\w+| \w+=(\"[^\"]*\"|\S+)| > \S+", "", line).split()[1:]
            assert set(asked) <= (exported if " -C " in line else own), f"{name}: {line}"


def test_what_does_not_exist_is_found() -> None:
    right = "`snncc compile M -o DIR`, `make demo`, `--calibrate none|full`, `--bytes x/255`, `snncc COMMAND --help`"
    wrong = (
        "`snncc compil M`, `snncc export DIR --targets c`, `snncc compile M --calibrate lite`, `make demos`, "
        "`--no-such`, `--calibrate none|lite`"
    )
    assert inline_faults(parse(right)) == []
    assert len(inline_faults(parse(wrong))) == len(parse(wrong).codes)
    assert [f.language for f in parse("```\na\n```\n\n    b\n\n```c\nd\n```").fences] == ["", "", "c"]


def anchor(heading: str) -> str:
    """A heading's name in a link, as GitHub makes it."""
    plain = re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    for link in read(name).links:
        if link.startswith(("https://", "http://")):
            continue
        path, _, part = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), f"{name}: {link}"
        if part:
            assert part in map(anchor, read(str(target.resolve().relative_to(ROOT))).headings), f"{name}: {link}"


def test_the_map_of_the_readme_names_folders_and_files_that_exist() -> None:
    (where,) = [fence for fence in read("README.md").fences if fence.text.startswith("snncc/frontend/")]
    paths = re.findall(r"(?:^|(?<=; ))([\w.]+/[\w./]*|[\w]+\.py)", where.text, re.MULTILINE)
    assert len(paths) > 15
    for path in paths:
        assert (ROOT / path).exists() or (ROOT / "tests" / path).exists(), path
    packages = {f"snncc/{p.name}/" for p in (ROOT / "snncc").iterdir() if (p / "__init__.py").exists()}
    assert packages <= set(paths), "every package has its line"


def missing(code: str) -> bool:
    """Whether inline code that begins with a dotted name of ours (`snncc.sim.run(...)`, `ir.prove`) names nothing."""
    found = re.match(r"(?:from )?((?:snncc|ir)(?:\.[A-Za-z_]+)+)(?=$|\(| import)", code)
    if not found or found[1] in ("snncc.targets", "snncc.frontends", "network.snn"):  # groups of entry points
        return False
    parts = found[1].replace("ir.", "snncc.ir.", 1).split(".") if found[1].startswith("ir.") else found[1].split(".")
    value: object = importlib.import_module(parts[0])
    for i, part in enumerate(parts[1:], 2):
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(".".join(parts[:i]))
        if not hasattr(value, part):
            return True
        value = getattr(value, part)
    return False


@pytest.mark.parametrize("name", PAGES)
def test_every_dotted_name_of_ours_exists(name: str) -> None:
    assert [code for code in read(name).codes if missing(code)] == []


def test_a_dotted_name_that_is_gone_is_found() -> None:
    wrong = ["snncc.nothing", "snncc.sim.runs(x)", "ir.proves", "from snncc.spkera import cnn_to_snn"]
    assert [code for code in wrong if missing(code)] == wrong
    assert not any(map(missing, ["snncc.sim.run", 'snncc.load("net.snn")', "ir.prove", "snncc export DIR", "data.npz"]))
