"""The target `c`: plain C99 with the weights as const arrays. docs/guide/c.md describes the folder and its API."""

from snncc.backends.c.emit import check, emit, memory

__all__ = ["check", "emit", "memory"]
