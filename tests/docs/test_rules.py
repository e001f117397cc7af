"""What CONTRIBUTING and docs/adding.md say about the code, held against the code."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import grimp
import jinja2
import pytest
from jinja2 import nodes

from snncc import ir
from snncc.ir import file as ir_file
from tests.docs.pages import PAGES, ROOT, read, text
from tests.examples import touched

PROJECTIONS = {kind.__name__ for kind in get_args(ir.Projection)}
VIEWS = {kind.__name__ for kind in get_args(ir.View)} - {"Source"} | {"fold"}
ADDING = text("docs/adding.md")
PATH = re.compile(r"(?:snncc|tests|templates|hw_sim|benchmarks|examples|docs)/[\w./]*\w")


def names_of_ir(source: str) -> set[str]:
    """The names of snncc.ir that a module uses: imported from it, as `ir.NAME`, or as text ("max_pool" for MaxPool)."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str() as module) if module.startswith("snncc.ir"):
                found |= {alias.name for alias in node.names}
            case ast.Attribute(value=ast.Name(id="ir"), attr=name):
                found.add(name)
            case ast.Constant(value=str() as tag) if re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", tag):
                found |= {kind for kind in PROJECTIONS | VIEWS - {"fold"} if kind.lower() == tag.replace("_", "")}
    return found


def modules_that_name(kinds: set[str]) -> set[str]:
    """The modules of the package that name at least one of these classes of the IR, as paths, and what a kind is."""
    paths = sorted((ROOT / "snncc").rglob("*.py"))
    named = {str(path.relative_to(ROOT)) for path in paths if names_of_ir(path.read_text(encoding="utf-8")) & kinds}
    return named | {"snncc/ir/file.py"}


def listed(case: int) -> set[str]:
    """The modules that a case of docs/adding.md names."""
    part = ADDING.partition(f"**{case}. ")[2].partition(f"**{case + 1}. ")[0].partition("What is neither linear")[0]
    return set(re.findall(r"`(snncc/[\w/.]+\.py)`", part))


def differences(case: int, needed: set[str]) -> list[str]:
    """What a case of docs/adding.md lacks, and what it names for nothing."""
    return [f"lacks {path}" for path in sorted(needed - listed(case))] + [
        f"names {path}, which names none" for path in sorted(listed(case) - needed)
    ]


def test_the_files_for_a_new_projection_are_all_that_name_projections() -> None:
    toy = {file for file in touched("upsample") if file.endswith(".py")}
    assert differences(3, modules_that_name(PROJECTIONS) | toy) == [], "docs/adding.md, case 3"
    assert "names snncc/tables.py, which names none" in differences(3, modules_that_name(PROJECTIONS - {"SumPool2D"}))


def test_the_files_for_a_new_view_are_all_that_name_views() -> None:
    assert differences(4, modules_that_name(VIEWS) | {"snncc/lower/populate.py"}) == [], "docs/adding.md, case 4"
    assert differences(4, {"snncc/new.py", *listed(4)}) == ["lacks snncc/new.py"]
    assert names_of_ir("from snncc.ir import Pad, sources\nx = ir.MaxPool\ny = graph.Reshape\nz = 'sum_pool2d'") == {
        "Pad",
        "sources",
        "MaxPool",
        "SumPool2D",
    }


def test_what_a_list_names_beside_a_file_is_in_that_file() -> None:
    """`snncc/sim/linear.py`: `read` and the like; in `NAME in FILE` too."""
    for item in re.split(r"\n(?:- |\d\. |\n)", (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")):
        codes = re.findall(r"`([^`]+)`", item)
        paths = [ROOT / code for code in codes if re.fullmatch(PATH, code) and code.endswith(".py")]
        everything = "".join(path.read_text(encoding="utf-8") for path in paths)
        for code in codes:
            if paths and re.fullmatch(r"[A-Za-z]*_?[A-Za-z]+(_[a-z]+)*", code):
                assert re.search(rf"\b{code}\b", everything), f"{code} is in none of {[p.name for p in paths]}"


@pytest.mark.parametrize("name", PAGES)
def test_every_path_in_the_text_exists(name: str) -> None:
    if name == "CHANGELOG.md":
        return
    for code in read(name).codes:
        if PATH.fullmatch(code.rstrip("/")) and "<" not in code:
            assert (ROOT / code).exists(), f"{name}: {code}"


def pages_named(source: str) -> set[str]:
    """The pages of docs/ that a source names; a decision record by its number is enough (`docs/adr/0007`)."""
    return set(re.findall(r"\bdocs/(?:adr/\d{4}\b(?!-)|[\w/-]+\.md\b)", source))


def test_every_page_that_the_sources_name_exists() -> None:
    folders = ("snncc", "templates", "hw_sim", "examples", "benchmarks", "tests")
    kinds = (".py", ".j2", ".v", ".vlt", ".c", ".h")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in kinds]
    named = set().union(*(pages_named(path.read_text(encoding="utf-8")) for path in paths)) - {"docs/gone.md"}
    assert len(named) > 10
    assert [page for page in sorted(named) if not list(ROOT.glob(f"{page}*"))] == []
    assert pages_named("see docs/gone.md, 4, docs/adr/0007 and docs/contract.md.") == {
        "docs/gone.md", "docs/adr/0007", "docs/contract.md",
    }  # fmt: skip


def arithmetic(source: str) -> Iterator[str]:
    """The sums, products and the like of a template; joining lists and formatting text are none."""
    for node in jinja2.Environment(autoescape=True).parse(source).find_all((nodes.BinExpr, nodes.Neg)):
        match node:
            case nodes.And() | nodes.Or() | nodes.Sub(right=nodes.Const(value=1)):
                continue
            case nodes.Add(left=nodes.List()) | nodes.Mod(left=nodes.Const(value=str())):
                continue
        yield f"line {node.lineno}: {type(node).__name__}"


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.j2")), ids=lambda path: path.name)
def test_a_template_has_no_arithmetic_but_the_last_index_of_a_range(path: Path) -> None:
    assert list(arithmetic(path.read_text(encoding="utf-8"))) == []


def test_arithmetic_in_a_template_is_found() -> None:
    assert list(arithmetic("{{ bits - 1 }} {{ [a] + [b] }} {{ '%d' % x }} {{ x and y }}")) == []
    for wrong in ("{{ a * 2 }}", "{{ a + 1 }}", "{% if a - 2 %}{% endif %}", "{{ -a }}", "{{ a // b }}", "{{ 1 - a }}"):
        assert len(list(arithmetic(wrong))) == 1


def test_the_places_that_import_keras_are_those_that_are_named() -> None:
    """import-linter holds the rule; here the words."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rule, *others = [c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "protected"]
    assert set(rule["protected_modules"]) == {"keras", "tensorflow"}
    (onnx,), (torch, program) = (other["allowed_importers"] for other in others)
    assert [other["protected_modules"] for other in others] == [["onnx"], ["torch"]]
    program = program.replace(".", "/") + ".py"
    said = f"onnx is imported in `{onnx}` alone, torch in `{torch}` and the program `{program}` alone"
    assert said in text("CONTRIBUTING.md")
    sentence = re.search(r"Keras and TensorFlow are imported in (.*?) alone", text("CONTRIBUTING.md"))
    assert sentence and re.findall(r"`([\w.]+)`", sentence[1]) == rule["allowed_importers"]


OTHERS = {"_flatten_layers", "_keras_history", "_inbound_nodes", "_exit", "_repr_html_"}
"""Names of Keras, Python and Jupyter that tests need."""


def trespasses(source: str) -> list[str]:
    """What a test uses that is private to a module of ours, and what it takes from another test module.

    A name that begins with one underscore is private: imported, read from anything but `self` and `cls`, or replaced.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str() as module, names=names) if module.partition(".")[0] in ("snncc", "tests"):
                full = [f"{module}.{alias.name}" for alias in names]
            case ast.Import(names=names):
                full = [alias.name for alias in names if alias.name.partition(".")[0] in ("snncc", "tests")]
            case ast.Attribute(attr=name) if name not in OTHERS and ast.unparse(node.value) not in ("self", "cls"):
                full = [f".{name}"]
            case ast.Call(func=ast.Attribute(attr="setattr" | "delattr") | ast.Name(id="setattr" | "getattr")):
                full = [str(part.value) for part in node.args if isinstance(part, ast.Constant)]
            case _:
                continue
        for name in full:
            if re.search(r"(^|\.)_(?!_)", name) or re.match(r"tests\b.*\.test_\w+", name):
                found.append(f"line {node.lineno}: {name.lstrip('.')}")
    return found


def test_tests_use_what_is_public() -> None:
    """What two test modules share is in a module of its own; what a test needs of snncc has a public name."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        assert trespasses(path.read_text(encoding="utf-8")) == [], path


@pytest.mark.parametrize("wrong", [
    "from snncc.synth import _map",
    "import snncc._private.x",
    "from snncc._private import x",
    "from tests.test_cli import run",
    "from tests.ir.test_file import same",
    "from tests.ir import test_file",
    "import tests.test_cli",
    "from tests.soak.snn_file import _Raw",
    "synth._map(1)",
    "a.b(c)._d",
    "monkeypatch.setattr(build, '_count', f)",
    "monkeypatch.setattr('snncc.spkeras._once', f)",
    "getattr(build, '_count')",
])  # fmt: skip
def test_a_private_name_in_a_test_is_found(wrong: str) -> None:
    assert len(trespasses(wrong)) == 1
    fine = "from __future__ import x\nself._a\ncls._b\nos._exit(0)\na.__doc__\nfrom tests.support import test\n_c(1)"
    assert trespasses(fine) == []


def test_most_files_are_small() -> None:
    """Seldom over 400 lines: one in twenty at most; lines up to 120 characters are ruff's."""
    paths = [path for folder in ("snncc", "tests", "templates", "hw_sim", "benchmarks", "examples")
             for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".j2", ".v")]  # fmt: skip
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)
    assert lengths[len(lengths) * 19 // 20] <= 400 and lengths[len(lengths) // 2] <= 120


def test_the_tree_of_the_ir_page_has_every_field() -> None:
    (tree,) = [fence.text for fence in read("docs/reference/ir.md").fences if fence.text.startswith("Network\n")]
    words = set(re.findall(r"\w+", tree))
    for kind in (ir.Network, ir.Input, ir.RawBytes, ir.Population):
        fields = {name for name in kind.__struct_fields__ if name != "populations"} | {kind.__name__}
        assert fields <= words, f"{kind.__name__} has {sorted(fields - words)}"
    assert words >= PROJECTIONS | VIEWS - {"fold"} | {"Source"}


def test_the_version_on_the_ir_page_is_the_newest() -> None:
    assert f'"version": {ir_file.VERSION},' in text("docs/reference/ir.md")
    assert re.search(rf"`{re.escape(ir_file.FORMAT)}`|\"{re.escape(ir_file.FORMAT)}\"", text("docs/reference/ir.md"))


def circles(imports: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """Groups of modules that import one another, however far round: each is in the others' reach."""
    reach = {module: set(direct) for module, direct in imports.items()}
    for through in imports:
        for module, reached in reach.items():
            if through in reached:
                reach[module] = reached | reach[through]
    return sorted(
        {tuple(sorted(b for b in imports if a in reach[b] and b in reach[a])) for a in imports if a in reach[a]}
    )


def test_no_modules_import_in_a_circle() -> None:
    """Those inside functions and under TYPE_CHECKING count too."""
    graph = grimp.build_graph("snncc", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert circles(imports) == []
    imports["snncc.errors"] = {"snncc.cli.main"}
    assert any("snncc.cli.main" in circle for circle in circles(imports))
