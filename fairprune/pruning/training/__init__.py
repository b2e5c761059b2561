"""Methods that prune while they train: one paper, one short file."""
