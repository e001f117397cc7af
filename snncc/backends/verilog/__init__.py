"""The Verilog backend."""
