"""Execution: what each stage computes, and the runner that takes every stage from the store or computes it."""
