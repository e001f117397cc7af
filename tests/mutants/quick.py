"""A pytest plugin for mutants: properties are not shrunk to their smallest example, which nobody would read.

SNNCC_MUTANT = [file, before, after, number] puts a mutant of generated C into every folder that the tests export.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VARIABLE = "SNNCC_MUTANT"


def pytest_configure() -> None:
    from hypothesis import Phase, settings

    settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate])
    settings.load_profile("mutants")
    if os.environ.get(VARIABLE):
        _mutate_exports(*json.loads(os.environ[VARIABLE]))


def replaced(text: str, before: str, after: str, number: int) -> str:
    """The text with its place `number` of `before` (the last, where there are fewer) made `after`."""
    parts = text.split(before)
    at = min(number, len(parts) - 2) + 1
    return text if at < 1 else before.join(parts[:at]) + after + before.join(parts[at:])


def _mutate_exports(name: str, before: str, after: str, number: int) -> None:
    from snncc.backends import c

    emit = c.emit

    def emit_mutant(network: Any, folder: Path, options: Mapping[str, Any]) -> None:
        emit(network, folder, options)
        file = folder / name
        if file.exists():
            file.write_text(replaced(file.read_text(), before, after, number))

    c.emit = emit_mutant
