"""C99 for microcontrollers: the network as a program. target.py is what is known of it outside."""
