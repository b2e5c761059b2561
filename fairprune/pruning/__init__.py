"""Pruning: criteria score, allocations spread a target, spaces say what can be removed and what it costs."""
