"""`make notebooks`: every block of a guide that runs is a cell, in its order, as it stands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, read, shell_lines
from tests.docs.running import FILE

GUIDES = sorted((ROOT / "docs" / "guide").glob("*.md"))


def test_every_block_is_a_cell(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "notebooks.py", tmp_path, *GUIDES], check=True)
    assert len(list(tmp_path.glob("*.ipynb"))) == len(GUIDES)
    cells = 0
    for guide in GUIDES:
        made = json.loads((tmp_path / f"{guide.stem}.ipynb").read_text(encoding="utf-8"))
        assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
        assert len({cell["id"] for cell in made["cells"]}) == len(made["cells"])
        codes = ["".join(cell["source"]) for cell in made["cells"] if cell["cell_type"] == "code"]
        fences = [f for f in read(f"docs/guide/{guide.name}").fences if f.language in ("python", "sh")]
        assert len(codes) == len(fences), guide.name
        for code, fence in zip(codes, fences, strict=True):
            file = FILE.match(fence.text)
            if fence.language == "sh":
                assert [line.partition("#")[0].strip() for line in code.splitlines()] == [
                    f"!{line}" for line, _ in shell_lines(fence)
                ]
            elif file:
                assert code == f"%%writefile {file[1]}\n{fence.text.strip()}"
            else:
                assert code == fence.text.strip()
        cells += len(codes)
    assert cells > 40
