"""What this installation is: its version, and where the templates and the hand-written RTL are (wheel or checkout)."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from snncc.errors import OutputError

if TYPE_CHECKING:
    import jinja2

PACKAGE = Path(__file__).resolve().parent


def tool_version() -> str:
    """The version of snncc."""
    try:
        return version("snncc")
    except PackageNotFoundError:
        return "0+unknown"


def resource(folder: Literal["templates", "hw_sim"]) -> Path:
    """The folder `templates` or `hw_sim`: snncc/_<folder> in a wheel, else beside the package."""
    for place in (PACKAGE / f"_{folder}", PACKAGE.parent / folder):
        if place.is_dir():
            return place
    raise OutputError(f"this installation of snncc lacks its folder {folder}: install it again")


def templates(folder: str, html: bool = False) -> jinja2.Environment:
    """The one template environment, on one folder of `templates`: an undefined name is an error.

    `html`: what is printed is escaped.
    """
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource("templates") / folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=html,  # noqa: S701 (C and Verilog are not HTML)
    )
