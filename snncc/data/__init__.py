"""Data of users: arrays in memory and on file, folders, batches that come once. No file is ever executed."""

from snncc.data.arrays import CALIBRATION, IMAGES, LABELS, array, optional, split
from snncc.data.rows import Held, Rows, optional_rows, rows
from snncc.data.source import Batches, Block, Source, Stored, source

__all__ = [
    "CALIBRATION",
    "IMAGES",
    "LABELS",
    "Batches",
    "Block",
    "Held",
    "Rows",
    "Source",
    "Stored",
    "array",
    "optional",
    "optional_rows",
    "rows",
    "source",
    "split",
]
