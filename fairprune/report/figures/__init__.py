"""Figures as values, drawn one way: inside pages, and as SVG, PDF and PNG in a paper's sizes."""
