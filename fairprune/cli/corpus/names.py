"""Names in the corpus, as a shell completes them, and options that take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fairprune.corpus.schema import TableName
    from fairprune.corpus.tables import Corpus

Completed = Callable[[typer.Context, str], list[str]]


def keys_of(table: TableName) -> Completed:
    """What completes the beginning of a key of a table; nothing where the corpus cannot be read."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        found = _corpus(context, table)
        return [key for key in found[table]["key"] if key.startswith(incomplete)] if found else []

    return complete


def columns_of(table: TableName) -> Completed:
    """What completes the last of several columns of a table, separated by commas."""

    def complete(_context: typer.Context, incomplete: str) -> list[str]:
        from fairprune.corpus.schema import SCHEMA

        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in SCHEMA[table] if name.startswith(last)]

    return complete


def origins(context: typer.Context, incomplete: str) -> list[str]:
    """What completes an origin."""
    found = _corpus(context, "papers")
    return [name for name in found.origins if name.startswith(incomplete)] if found else []


def names_of_tables(incomplete: str) -> list[str]:
    """What completes the name of a table."""
    from fairprune.corpus.schema import TABLES

    return [name for name in TABLES if name.startswith(incomplete)]


def _corpus(context: typer.Context, table: TableName) -> Corpus | None:
    from fairprune.corpus.tables import SHIPPED, load
    from fairprune.errors import CorpusError

    try:
        return load(context.params.get("corpus") or SHIPPED, [table])
    except CorpusError:
        return None


Network = Annotated[
    list[str] | None, typer.Option("--network", help="By key or name; repeatable.", autocompletion=keys_of("networks"))
]
Dataset = Annotated[
    list[str] | None, typer.Option("--dataset", help="By key or name; repeatable.", autocompletion=keys_of("datasets"))
]
Method = Annotated[
    list[str] | None, typer.Option("--method", help="By key or name; repeatable.", autocompletion=keys_of("methods"))
]
