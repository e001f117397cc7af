"""Mutation tests: one small fault at a time in the generated C, the RTL and the Python that they must agree with.

`python -m tests.mutants` (`make mutants`) makes them, runs what has to notice them, and writes
benchmarks/results/mutants.json. docs/design/mutants.md lists the survivors and says why each is equivalent.
"""
