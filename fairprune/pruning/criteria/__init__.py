"""Criteria: one paper, one short file."""
