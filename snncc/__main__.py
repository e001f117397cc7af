"""`python -m snncc` is `snncc`."""

from snncc.cli import main

main()
