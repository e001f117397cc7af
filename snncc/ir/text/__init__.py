"""A whole network as text that a person reads, and back to an equal network. docs/reference/ir.md has the grammar.

The classes of snncc.ir.network are its grammar: a block per struct, a line per field, an expression per view. So a new
field, projection or view needs nothing here, and no parser library would know more than those classes say.
"""

from snncc.ir.text.dump import dump
from snncc.ir.text.parse import parse

__all__ = ["dump", "parse"]
