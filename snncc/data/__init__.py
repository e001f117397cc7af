"""Data of users: arrays in memory and on file, folders, batches that come once. No file is ever executed."""

from snncc.data.arrays import CALIBRATION, IMAGES, LABELS, array, optional, split
from snncc.data.blocks import Batches, Block, Source, Stored, block_size, source
from snncc.data.stored import Held, Rows, optional_rows, rows

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
    "block_size",
    "optional",
    "optional_rows",
    "rows",
    "source",
    "split",
]
