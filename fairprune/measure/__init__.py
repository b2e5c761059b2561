"""Measures: accuracy, cost, Jacobians."""
