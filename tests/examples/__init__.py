"""What is added to snncc by way of example: two patches, with the programs that prove them, and two packages."""

from __future__ import annotations

import subprocess
from pathlib import Path

EXAMPLES = Path(__file__).parent


def touched(toy: str) -> dict[str, int]:
    """File -> lines added: of a patch as git counts them, of a package its files."""
    folder = EXAMPLES / toy
    if folder.is_dir():
        files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
        return {str(path.relative_to(folder)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    command = ["git", "apply", "--numstat", EXAMPLES / f"{toy}.patch"]
    counted = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {file: int(added) for added, _, file in map(str.split, counted.splitlines())}
