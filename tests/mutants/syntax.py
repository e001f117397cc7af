"""Faults for Python by syntax tree, each as a replacement in the text."""

from __future__ import annotations

import ast
import re

from tests.mutants.sites import Mutant, mutants

COMPARE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "is not": "is", "is": "is not",
           "not in": "in", "in": "not in"}  # fmt: skip
ARITHMETIC = {"+": "-", "-": "+", "*": "+", "/": "*", "//": "*", "%": "*", "**": "*", "&": "|", "|": "&", "@": "*"}
CALLS = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "floor": "ceil", "ceil": "floor",
         "rint": "floor", "all": "any", "any": "all", "zeros": "ones", "ones": "zeros",
         "argmax": "argmin", "abs": "positive", "floor_divide": "true_divide", "sum": "max"}  # fmt: skip
QUIET = ("copy", "reuse", "writeable", "stacklevel")
"""Arguments that change no number."""
SILENT = (ast.Raise, ast.Import, ast.ImportFrom, ast.JoinedStr)


class Finder(ast.NodeVisitor):
    """Collects (operator, edit, "") of one file. Annotations, errors, warnings and docstrings are left alone."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[tuple[str, tuple[int, int, str], str]] = []
        lines = text.splitlines(keepends=True)
        self._lines = lines
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line))
        self.visit(ast.parse(text))

    def _at(self, line: int, column: int) -> int:
        """Position of a place that ast counts in UTF-8 bytes."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._at(node.lineno, node.col_offset), self._at(end_line, end_column)

    def _add(self, operator: str, start: int, stop: int, new: str) -> None:
        self.found.append((operator, (start, stop, new), ""))

    def _between(self, operator: str, left: ast.expr, right: ast.expr, table: dict[str, str]) -> None:
        start, stop = self._span(left)[1], self._span(right)[0]
        m = re.search(r"[^\s()]+(?: not| in)?", self.text[start:stop])
        if m and m[0] in table:
            self._add(operator, start + m.start(), start + m.end(), table[m[0]])

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, SILENT) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            return
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("warnings.warn", "TypeVar", "field"):
            return
        if isinstance(node, ast.keyword) and node.arg in QUIET:
            return
        super().visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.body:
            self.visit(part)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for part in (*node.args.defaults, *node.args.kw_defaults, *node.body):
            if part is not None:
                self.visit(part)

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, right in zip([node.left, *node.comparators], node.comparators, strict=False):
            self._between("relation", left, right, COMPARE)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self._between("arithmetic", node.left, node.right, ARITHMETIC)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between("logical", left, right, {"and": "or", "or": "and"})
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        start, stop = self._span(node)
        word = 3 if isinstance(node.op, ast.Not) else 1
        self._add("sign or not dropped", start, stop, f"({self.text[start + word : stop].strip()})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add("constant flipped", *self._span(node), str(not node.value))
        elif isinstance(node.value, int):
            self._add("constant one more", *self._span(node), str(node.value + 1))

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in CALLS:
            stop = self._span(node.func)[1]
            self._add("call swapped", stop - len(name), stop, CALLS[name])
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        start, stop = self._span(node.test)
        self._add("condition negated", start, stop, f"not ({self.text[start:stop]})")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        start, stop = self._span(node.test)
        self._add("condition dropped", start, stop, "True")
        if not isinstance(node.body[0], ast.Raise):
            self._add("condition dropped", start, stop, "False")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add("statement dropped", *self._span(node), "pass")
        start, stop = self._span(node.target)[1], self._span(node.value)[0]
        old = self.text[start:stop].strip()
        table = {f"{a}=": f"{b}=" for a, b in ARITHMETIC.items()}
        if old in table:
            self._add("arithmetic", start, stop, f" {table[old]} ")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        self._add("statement dropped", *self._span(node), "pass")
        self.generic_visit(node)


def python(file: str, text: str) -> list[Mutant]:
    """Faults of one module."""
    return mutants(file, text, Finder(text).found)
