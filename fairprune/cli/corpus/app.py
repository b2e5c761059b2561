"""The group of commands about published results. Heavy imports happen inside commands."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from fairprune.cli.loading import add_command, asked

_COMMANDS = (
    "corpus.tables.tables",
    "corpus.stats.stats",
    "corpus.query.query",
    "corpus.compare.compare",
    "corpus.graph.graph",
    "corpus.figures.figures",
    "corpus.holes.holes",
    "corpus.checking.check",
    "corpus.lint.lint",
    "corpus.importing.import_",
)


def app(words: Sequence[str] = ()) -> typer.Typer:
    """The group: all commands, or that alone which the words begin with."""
    built = typer.Typer(help="Published results as data: ask, compare, draw, extend.", no_args_is_help=True)
    for place in asked(_COMMANDS, words):
        add_command(built, place)
    return built
