"""Measures: accuracy and cost."""
