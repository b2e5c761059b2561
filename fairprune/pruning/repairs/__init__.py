"""Repairs: new weights for what pruning has kept. One paper, one short file."""
