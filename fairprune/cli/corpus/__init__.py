"""Commands about the literature, `fairprune corpus ...`."""

from __future__ import annotations

from fairprune.cli.corpus.app import app

__all__ = ["app"]
