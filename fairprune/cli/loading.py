"""Commands by the places of their functions, so that one command need not wait for the others to be built."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import typer


def asked(places: Sequence[str], words: Sequence[str]) -> Sequence[str]:
    """Of places of functions (`module.function`), that of the command which the words begin with; all where none is."""
    found = [place for place in places if _name(place) in words[:1]]
    return found or places


def add_command(app: typer.Typer, place: str) -> None:
    """Add the command whose function stands at a place in `fairprune.cli`."""
    module, _, function = place.rpartition(".")
    command = getattr(import_module(f"fairprune.cli.{module}"), function)
    app.command(_name(place), epilog=getattr(command, "epilog", None))(command)


def _name(place: str) -> str:
    return place.rpartition(".")[2].rstrip("_")
