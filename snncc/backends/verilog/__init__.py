"""Verilog for FPGAs: the network as a pipeline of layers. target.py is what is known of it outside."""
