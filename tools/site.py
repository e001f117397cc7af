"""Hooks of mkdocs.yml: the pages are written for a checkout, as GitHub shows them, and this makes a site of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\[([^\[\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")
ITEM = re.compile(r"(- |\d+\. )")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """The page with its links as the site has them, and its lists as Python-Markdown wants them."""
    here = (ROOT / "docs" / page.file.src_uri).parent
    return spaced(LINK.sub(lambda found: link(found, here, config, files), markdown))


def link(found: re.Match[str], here: Path, config: Any, files: Any) -> str:
    """One link: a folder becomes its README or plain text, a file outside docs/ a copy of it as text in source/."""
    text, path, _ = found.groups()
    target = (here / path).resolve()
    if target.is_dir():
        return f"[{text}]({path.rstrip('/')}/README.md)" if (target / "README.md").is_file() else text
    if target.is_relative_to(ROOT / "docs") or not target.is_file():
        return found[0]
    copy = f"source/{target.relative_to(ROOT)}.txt"
    if copy not in files.src_uris:
        files.append(File.generated(config, copy, abs_src_path=str(target)))
    up = "../" * len(here.relative_to(ROOT / "docs").parts)
    return f"[{text}]({up}{copy})"


def spaced(markdown: str) -> str:
    """A blank line before every list that follows a paragraph: CommonMark needs none, Python-Markdown does."""
    lines, fenced, before = [], False, ""
    for line in markdown.splitlines():
        if ITEM.match(line) and not fenced and before and not before.startswith(" ") and not ITEM.match(before):
            lines.append("")
        fenced ^= line.startswith("```")
        lines.append(line)
        before = line
    return "\n".join(lines) + "\n"
