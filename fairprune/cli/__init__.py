"""The command `fairprune`."""
