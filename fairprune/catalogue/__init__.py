"""Pages generated from the registry and from docstrings: docs/methods.md, `fairprune ls methods`, docs/reference.md."""

from fairprune.catalogue.methods import KINDS, Kind, Method, catalogue
from fairprune.catalogue.page import text
from fairprune.catalogue.reference import reference

__all__ = ["KINDS", "Kind", "Method", "catalogue", "reference", "text"]
