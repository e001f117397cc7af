"""The command line. Each command parses, calls the API and prints; nothing else happens here."""

from snncc.cli.main import cli, main

__all__ = ["cli", "main"]
