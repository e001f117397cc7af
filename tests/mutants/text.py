"""Faults for C and Verilog by pattern, outside comments and strings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.mutants.sites import Mutant, mutants

New = str | Callable[[re.Match[str]], str]


@dataclass(frozen=True)
class Rule:
    """Every match of `pattern` in the code (comments and strings blanked) becomes `new`; by default group 0 does."""

    operator: str
    pattern: str
    new: New


def blanked(text: str) -> str:
    """The text with every character of comments and strings as a space; newlines stay."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def _swap(pairs: dict[str, str]) -> Callable[[re.Match[str]], str]:
    return lambda m: m[0].replace(m[1], pairs[m[1]])


def _one_more(m: re.Match[str]) -> str:
    return str(int(m[1]) + 1) + m[2]


RELATION = _swap({"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="})
COMMON = (
    Rule("logical", r" (&&|\|\|) ", _swap({"&&": "||", "||": "&&"})),
    Rule(
        "arithmetic",
        r"(?<=[\w)\]]) ([-+*/%]) (?=[\w({*])(?!0\b)",
        _swap({"+": "-", "-": "+", "*": "+", "/": "*", "%": "/"}),
    ),
    Rule("minus swapped", r"\b(\w+) - (\w+)\b(?![\[(.])", lambda m: f"{m[2]} - {m[1]}"),
    Rule("condition dropped", r"(?<=if )\(([^;{}\n]*)\)(?= [{\w])", "(1)"),
    Rule("choice negated", r"\b([\w.]+(?:\[\w+\])?) \? ", lambda m: f"!{m[1]} ? "),
    Rule("not dropped", r"!(?=[\w(])(?!=)", ""),
)
C = (
    *COMMON,
    Rule("relation", r" (<=|>=|==|!=|<|>) ", RELATION),
    Rule("compound assignment", r" (\+=|-=|\|=|&=) ", _swap({"+=": "-=", "-=": "+=", "|=": "&=", "&=": "|="})),
    Rule("constant one more", r"(?<![\w.])(\d+)(U?)(?=[\s;,)\]}])", _one_more),
    Rule("constant zero", r"(?<![\w.])[1-9]\d*(?=U?[;,)\] ])", "0"),
    Rule("loop bound", r"(?<= < )([^;{}\n]+)(?=; )", lambda m: f"{m[1]} - 1"),
    Rule("statement dropped", r"(?<=[;{}\n])\s*[\w>*.-]+(?:\[[^;=\n]*\])? ?(?:\+=|-=|\|=|=|\+\+)[^;\n]*;(?=\n)", " ;"),
    Rule("call dropped", r"(?<=[;{}]\n) +\w+\([^;\n]*\);(?=\n)", ";"),
    Rule("cast dropped", r"\((?:u?int\d+_t|size_t)\)(?=[\w(])", ""),
    Rule("narrower", r"\bint(32|64)_t\b", lambda m: f"int{int(m[1]) // 2}_t"),
    Rule("unsigned", r"\bint(\d+)_t\b", lambda m: f"uint{m[1]}_t"),
    Rule("index shifted", r"(?<=\w)\[([^\]\n]+)\](?! = \{)", lambda m: f"[{m[1]} + 1]"),
    Rule("scale dropped", r" \* scale\b", ""),
    Rule("continue or break", r"\bcontinue\b", "break"),
)
VERILOG = (
    *COMMON,
    Rule("relation", r" (>=|==|!=|<|>) ", RELATION),
    Rule("term dropped", r" && !?[\w.]+(?:\[[^\]\n]+\])?(?! [=<>!+-])", ""),
    Rule("term dropped", r"(?<=[(=] )!?\w+ && |(?<=\()!?\w+ && ", ""),
    Rule("bit flipped", r"1'b([01])", lambda m: f"1'b{1 - int(m[1])}"),
    Rule("constant one more", r"(?<![\w'.:-])(\d+)()(?=[ ;,)\]}])", _one_more),
    Rule("reset value", r"(?<=<= )0(?=;)", "1"),
    Rule("assignment dropped", r"(?<=[)\n ])[a-z]\w* <= [^;]*;", ";"),
    Rule("blocking", r"(?<=[a-z_q]) <= (?=[^;\n]*;)", " = "),
    Rule("one bit less", r"\[(\w+)-1:0\](?= *[a-z])", lambda m: f"[{m[1]}-2:0]"),
    Rule("sign dropped", r"\b(wire|reg) +signed\b", lambda m: m[1]),
    Rule("shift", r" (<<<|>>>|<<|>>) ", _swap({"<<<": ">>>", ">>>": "<<<", "<<": ">>", ">>": "<<"})),
    Rule("else dropped", r"\belse (?=if|[a-z]\w* <=)", ""),
    Rule("state", r"(?<=_q <= )([A-Z]{3,6})(?=;)", lambda m: {"IDLE": "DONE"}.get(m[1], "2'd0")),
)
ASM = (
    Rule("instruction", r"\b(sxtb16|sadd16|pkhbt|sxtab|bic|mla)\b", lambda m: {
        "sxtb16": "uxtb16", "sadd16": "ssub16", "pkhbt": "pkhtb", "sxtab": "uxtab", "bic": "orr", "mla": "mls",
    }[m[1]]),
    Rule("rotation", r"ror #(8|16)\b", lambda m: f"ror #{24 - int(m[1])}"),
)  # fmt: skip
"""Inside the strings of inline assembly."""


def _matches(code: str, rules: tuple[Rule, ...]) -> Iterator[tuple[str, tuple[int, int, str]]]:
    for rule in rules:
        for m in re.finditer(rule.pattern, code):
            new = rule.new if isinstance(rule.new, str) else rule.new(m)
            yield rule.operator, (m.start(), m.end(), new)


def verilog(file: str, text: str) -> list[Mutant]:
    """Faults of one module, defaults of parameters apart: every instance sets them."""
    code = re.sub(r"^ +parameter .*$", lambda m: " " * len(m[0]), blanked(text), flags=re.M)
    code = re.sub(r"`ifndef SYNTHESIS.*?`endif", lambda m: re.sub(r"[^\n]", " ", m[0]), code, flags=re.S)
    return mutants(file, text, ((operator, edit, "") for operator, edit in _matches(code, VERILOG)))


def c(file: str, text: str) -> list[Mutant]:
    """Faults of one C file. `where` is "arm" in code that only the DSP extension compiles; tracing is left out."""
    code, places = blanked(text), regions(text)
    found = [*_matches(code, C), *(f for f in _matches(text, ASM) if places[text.count("\n", 0, f[1][0])] == "arm")]

    def placed() -> Iterator[tuple[str, tuple[int, int, str], str]]:
        for operator, edit in found:
            place = places[text.count("\n", 0, edit[0])]
            if place in ("", "arm"):
                yield operator, edit, place

    return mutants(file, text, placed())


def regions(text: str) -> list[str]:
    """For every line: "" everyone's, "arm", or "no" for directives, tracing, tables and what is compiled as C++."""
    places: list[str] = []
    stack: list[str] = []
    for line in text.split("\n"):
        word = line.lstrip()
        if word.startswith(("#if", "#ifdef", "#ifndef")):
            arm = ("_DSP" in word and "ifndef" not in word) or "__ARM_FEATURE_DSP" in word
            stack.append("arm" if arm else "no" if "_TRACE" in word or "__cplusplus" in word else "")
        elif word.startswith("#else"):
            stack[-1] = {"arm": "", "no": "", "": "no"}[stack[-1]]
        elif word.startswith("#endif"):
            stack.pop()
        constant = word.startswith("#define") and re.search(r" \(?-?\d+U?\)?( +/\*.*)?$", word)
        inner = "no" if "no" in stack else "arm" if "arm" in stack else ""
        skipped = (word.startswith("#") and not constant) or "_TRACE_" in word or re.fullmatch(r"[-\d,]+", word)
        places.append("no" if skipped else inner)
    return places
