"""The pages that people read, taken apart: fenced blocks, inline code, tables, links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PATTERNS = ("*.md", "docs/**/*.md", "templates/*.md", "hw_sim/*.md", "tests/golden/*/*.md")
PAGES = sorted(str(path.relative_to(ROOT)) for pattern in PATTERNS for path in ROOT.glob(pattern))


@dataclass(frozen=True)
class Fence:
    """A fenced block: its language tag, its text, the line it begins at."""

    language: str
    text: str
    line: int


@dataclass
class Page:
    """What a page holds, in its order. A table is its rows, a row its cells as they are written."""

    fences: list[Fence] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)

    def table(self, first: str) -> list[list[str]]:
        """The rows below the table head whose first cell is `first`."""
        (found,) = [table[1:] for table in self.tables if table[0][0] == first]
        return found


def parse(text: str) -> Page:
    """A page from its Markdown (CommonMark with tables). An indented block counts as a fence without a tag."""
    page = Page()
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for i, token in enumerate(tokens):
        match token.type:
            case "fence" | "code_block":
                page.fences.append(Fence(token.info.strip(), token.content, (token.map or [0])[0] + 1))
            case "table_open":
                page.tables.append([])
            case "tr_open":
                page.tables[-1].append([])
            case "inline":
                opened = tokens[i - 1].type
                if opened in ("th_open", "td_open"):
                    page.tables[-1][-1].append(token.content)
                elif opened == "heading_open":
                    page.headings.append(token.content)
                _spans(token, page)
    return page


def _spans(token: Token, page: Page) -> None:
    for child in token.children or []:
        if child.type == "code_inline":
            page.codes.append(child.content)
        elif child.type == "link_open":
            page.links.append(str(child.attrGet("href")))


def read(name: str) -> Page:
    """A page of the project by its path."""
    return parse((ROOT / name).read_text(encoding="utf-8"))


def text(name: str) -> str:
    """A page's Markdown with its line breaks within paragraphs made spaces."""
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def shell_lines(fence: Fence) -> Iterator[tuple[str, str]]:
    """(command, comment) of each line of a shell block; a line that ends in a backslash goes on in the next."""
    for line in fence.text.replace("\\\n", " ").splitlines():
        command, _, comment = line.partition("#")
        if command.strip():
            yield command.strip(), comment.strip()
