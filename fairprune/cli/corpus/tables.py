"""The command that says what the corpus holds."""

from __future__ import annotations

import json

import typer

from fairprune.cli.corpus.names import names_of_tables
from fairprune.cli.corpus.options import CorpusFolder
from fairprune.cli.options import AsJson


def tables(
    name: str = typer.Argument(
        "", help="A table, for its columns; without one, all tables with their rows.", autocompletion=names_of_tables
    ),
    corpus: CorpusFolder = None,
    as_json: AsJson = False,
) -> None:
    """The tables of the corpus, with their rows by origin; or the columns of one, and what they mean.

    Example: `fairprune corpus tables results`
    """
    from fairprune.cli.printing import print_table
    from fairprune.corpus.schema import SCHEMA, TABLES
    from fairprune.corpus.tables import SHIPPED, load
    from fairprune.errors import SpecError, unknown

    if not name:
        found = load(corpus or SHIPPED)
        rows = {
            table: {origin: found[table].filter(origin=origin).height for origin in found.origins} for table in TABLES
        }
        if as_json:
            typer.echo(json.dumps(rows, indent=2))
        else:
            counts = [(origin, *(rows[table][origin] for table in TABLES)) for origin in found.origins]
            print_table(("origin ", *TABLES), [*counts, ("all", *(sum(rows[table].values()) for table in TABLES))])
        return
    columns = next((columns for table, columns in SCHEMA.items() if table == name), None)
    if columns is None:
        raise SpecError(unknown("table", name, TABLES))
    listed = {column: {"type": str(c.type), "meaning": c.meaning, "needed": c.needed} for column, c in columns.items()}
    if as_json:
        typer.echo(json.dumps(listed, indent=2))
    else:
        print_table(("column ", "type ", "meaning "), [(c, v["type"], v["meaning"]) for c, v in listed.items()])
