"""The harness of the mutants: it takes the same ones everywhere, sees what is wrong, and only that."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from tests.mutants import c, python, rtl, syntax, text
from tests.mutants.__main__ import explained
from tests.mutants.quick import replaced
from tests.mutants.sites import Mutant, choose
from tests.mutants.tree import ROOT

C_TEXT = """/* a < b; "+ 1" */
static int32_t f(int32_t a, const int32_t *v, int scale)
{
    for (int32_t i = 0; i < a; i++) {
        if (v[i] == 0 || a > 3) {
            continue;
        }
        a += (int32_t)(v[i] - a) * scale;
        net_store(v, a);
    }
    return a ? 1 : 0;
}
#ifdef NET_DSP
    word = word + 1;
    __asm__("sxtb16 %0, %1, ror #8");
#else
    word = word - 1;
#endif
#ifdef NET_TRACE
    trace = trace + 1;
#endif
    NET_TRACE_SPIKES(0U, i, 1U);
1,2,3
"""
V_TEXT = """// a && b
module m #(
    parameter W = 4
) (input wire [W-1:0] a);
    wire ready = !full && have && a >= 2;
    assign b = ready ? a + 1'b1 : 0;
    wire signed [3:0] c = d <<< 1;
    always @(posedge clk)
        if (rst) q <= 0;
        else if (ready) q <= a - b;
        else state_q <= IDLE;
endmodule
"""
P_TEXT = '''"""1 + 1"""
def f(x: int = 3) -> int:
    if x < 2 and not done:
        raise ValueError(1 + 1)
    total = np.minimum(x, -1) if flag else x * 2
    total += 1
    stack.append(True)
    return total
'''


def changes(found: list[Mutant]) -> set[tuple[str, str]]:
    return {(m.operator, m.after) for m in found}


def test_what_c_mutants_are() -> None:
    found = text.c("net.c", C_TEXT)
    said = changes(found)
    assert ("relation", "for (int32_t i = 0; i <= a; i++) {") in said
    assert ("relation", "if (v[i] != 0 || a > 3) {") in said and ("logical", "if (v[i] == 0 && a > 3) {") in said
    assert ("condition dropped", "if (1) {") in said and ("continue or break", "break;") in said
    assert ("minus swapped", "a += (int32_t)(v[i] - a) * scale;") not in said  # v[i] is no single word
    assert ("scale dropped", "a += (int32_t)(v[i] - a);") in said
    assert ("cast dropped", "a += (v[i] - a) * scale;") in said
    assert ("compound assignment", "a -= (int32_t)(v[i] - a) * scale;") in said
    assert ("loop bound", "for (int32_t i = 0; i < a - 1; i++) {") in said
    assert ("index shifted", "a += (int32_t)(v[i + 1] - a) * scale;") in said
    assert ("choice negated", "return !a ? 1 : 0;") in said
    assert {m.operator for m in found} >= {"narrower", "unsigned", "call dropped", "constant zero", "statement dropped"}
    assert ("arithmetic", "word = word - 1;") in said and {m.where for m in found if "word" in m.before} == {"arm", ""}
    assert ("instruction", '__asm__("uxtb16 %0, %1, ror #8");') in said
    assert not [m for m in found if "trace" in m.before.lower() or "/*" in m.before or m.before == "1,2,3"]
    assert all(m.apply(C_TEXT) != C_TEXT for m in found)


def test_what_verilog_mutants_are() -> None:
    said = changes(text.verilog("m.v", V_TEXT))
    for expected in (
        ("logical", "wire ready = !full || have && a >= 2;"), ("not dropped", "wire ready = full && have && a >= 2;"),
        ("term dropped", "wire ready = !full && a >= 2;"), ("relation", "wire ready = !full && have && a > 2;"),
        ("choice negated", "assign b = !ready ? a + 1'b1 : 0;"), ("bit flipped", "assign b = ready ? a + 1'b0 : 0;"),
        ("sign dropped", "wire [3:0] c = d <<< 1;"), ("shift", "wire signed [3:0] c = d >>> 1;"),
        ("reset value", "if (rst) q <= 1;"), ("blocking", "if (rst) q = 0;"), ("assignment dropped", "if (rst) ;"),
        ("minus swapped", "else if (ready) q <= b - a;"), ("else dropped", "state_q <= IDLE;"),
        ("condition dropped", "else if (1) q <= a - b;"), ("state", "else state_q <= DONE;"),
    ):  # fmt: skip
        assert expected in said, expected
    assert not [after for _, after in said if after.startswith("//") or "W = 5" in after]


def test_what_python_mutants_are() -> None:
    found = syntax.python("f.py", P_TEXT)
    said = changes(found)
    for expected in (
        ("relation", "if x <= 2 and not done:"), ("logical", "if x < 2 or not done:"),
        ("condition dropped", "if True:"), ("sign or not dropped", "if x < 2 and (done):"),
        ("call swapped", "total = np.maximum(x, -1) if flag else x * 2"), ("statement dropped", "pass"),
        ("condition negated", "total = np.minimum(x, -1) if not (flag) else x * 2"),
        ("arithmetic", "total = np.minimum(x, -1) if flag else x + 2"), ("arithmetic", "total -= 1"),
        ("constant one more", "def f(x: int = 4) -> int:"), ("constant flipped", "stack.append(False)"),
    ):  # fmt: skip
        assert expected in said, expected
    assert not [after for _, after in said if "raise" in after or '"""' in after]
    for file in python.TESTS:
        whole = (ROOT / file).read_text()
        for mutant in syntax.python(file, whole)[::20]:
            ast.parse(mutant.apply(whole))


def test_the_choice_depends_on_the_text_of_a_mutant_alone() -> None:
    before, after = text.c("net.c", C_TEXT), text.c("net.c", "int32_t unread;\n" + C_TEXT)
    assert {m.key for m in before} < {m.key for m in after}
    chosen = choose(before, 12, "x")
    assert [m.key for m in chosen] == [m.key for m in choose(before[::-1], 12, "x")] and len(set(chosen)) == 12
    assert chosen != choose(before, 12, "y") and len({m.operator for m in chosen}) == 12
    files = [m.file for m in choose([*before, *text.verilog("m.v", V_TEXT)], 10, "x")]
    assert files.count("m.v") == files.count("net.c") == 5
    assert replaced("a b a b a", "a", "c", 1) == "a b c b a" and replaced("a b", "a", "c", 7) == "c b"
    assert replaced("a b", "x", "c", 0) == "a b"


def mutant(file: str, whole: str, before: str, after: str) -> Mutant:
    start = whole.index(before)
    return Mutant(file, "by hand", start, start + len(before), after)


@pytest.mark.parametrize(
    ("file", "before", "after", "by"),
    [
        ("net.c", "the network", "a network", ""),
        ("net.c", "memset(net_at_c_first(state), 0, 54U);", ";", "mismatch"),
        ("net_host.c", "rint(exact)", "floor(exact)", "mismatch"),
        ("net.h", "#define NET_T_MAX 6U", "#define NET_T_MAX 7U", "self-test"),
        ("net.c", "result->values[0] > 0 ? 1U : 0U;", "result->values[0] > 0 ? 1U : 0U", "compiler"),
    ],
)
def test_c(tmp_path: Path, file: str, before: str, after: str, by: str) -> None:
    bench = c.Bench(tmp_path, ("one output, step",), tests=False)
    path = next(tmp_path.rglob(file))
    made = mutant(file, path.read_text(), before, after)
    bench.holders[made.key] = [(path, made)]
    assert (bench.kill(made) or "") == by
    assert made.apply("") is not None and before in path.read_text()  # put back


@pytest.mark.parametrize(
    ("file", "before", "after", "by"),
    [
        ("snn_edge.v", "// the layer", "// a layer", ""),
        ("snn_bank.v", "w_ready = level_q != BANKS", "w_ready = level_q == BANKS", "mismatch"),
        ("snn_layer.v", "state_q == WAIT && (o_ready || !emits)", "state_q == WAIT && (o_ready || !emits", "compiler"),
        ("snn_bank.v", "w_ready = level_q != BANKS", "w_ready = level_q == 0", "cycles"),
        ("snn_readout.v", "state_q == VALUE && sent && end_word", "state_q == VALUE && end_word", "stalls"),
    ],
)
def test_rtl(tmp_path: Path, file: str, before: str, after: str, by: str) -> None:
    bench = rtl.Bench(tmp_path, ("skip, count",), tests=False)
    made = mutant(file, (bench.rtl / file).read_text(), before, after)
    assert bench.kill(made) == by


@pytest.mark.parametrize(
    ("before", "after", "by"),
    [
        ("Calibration: one float run", "Calibration: a float run", ""),
        ("low < largest <= value", "low < largest < 0", "tests/lower/test_calibrate.py"),
        ("count) - 1)", "count) - 2)", "tests/lower/test_calibrate.py"),
        ("import math\n", "import\n", "tests/lower/test_calibrate.py"),
    ],
)
def test_python(tmp_path: Path, before: str, after: str, by: str) -> None:
    file = "snncc/lower/calibrate.py"
    bench = python.Bench(tmp_path, {file: (["tests/lower/test_calibrate.py"],)})
    whole = (bench.tree.folder / file).read_text()
    assert bench.kill(mutant(file, whole, before, after)) == by
    assert (bench.tree.folder / file).read_text() == whole


def test_every_survivor_is_explained() -> None:
    """The page lists exactly the survivors of the published figures, line by line, and quotes the figures."""
    kinds = json.loads((ROOT / "benchmarks" / "results" / "mutants.json").read_text())["kinds"]
    page = (ROOT / "docs" / "design" / "mutants.md").read_text()
    least, titles = {"c": 60, "rtl": 60, "python": 40}, {"c": "C", "rtl": "RTL", "python": "Python"}
    survivors = [survivor for figures in kinds.values() for survivor in figures["survivors"]]
    assert {s["key"] for s in survivors} == set(explained())
    assert all(f"`{s[side]}`".replace("|", "\\|") in page for s in survivors for side in ("before", "after"))
    for kind, number in least.items():
        made, killed, left = kinds[kind]["made"], kinds[kind]["killed"], len(kinds[kind]["survivors"])
        assert made >= number and made == killed + left
        assert f"| {titles[kind]} | {kinds[kind]['possible']:,} | {made} | {killed} | {left} |" in page
    assert all(len(reason) > 15 for reason in explained().values())
