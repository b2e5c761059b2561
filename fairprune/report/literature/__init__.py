"""Figures of the literature: from the tables of a corpus to figures, each with its data."""
