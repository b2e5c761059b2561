"""Networks by name, their initialisation, and checkpoints read without executing code."""
