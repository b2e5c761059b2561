"""The table of methods, generated from the registry and from docstrings: docs/methods.md and `fairprune ls methods`."""

from fairprune.catalogue.methods import KINDS, Kind, Method, catalogue
from fairprune.catalogue.page import text

__all__ = ["KINDS", "Kind", "Method", "catalogue", "text"]
