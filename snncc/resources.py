"""Where the templates and the hand-written RTL are: inside a wheel, or at the top of a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from snncc.errors import OutputError

PACKAGE = Path(__file__).resolve().parent


def resource(folder: Literal["templates", "hw_sim"]) -> Path:
    """The folder `templates` or `hw_sim`: snncc/_<folder> in a wheel, else beside the package."""
    for place in (PACKAGE / f"_{folder}", PACKAGE.parent / folder):
        if place.is_dir():
            return place
    raise OutputError(f"this installation of snncc lacks its folder {folder}: install it again")
