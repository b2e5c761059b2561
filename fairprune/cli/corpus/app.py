"""The group of commands about published results. Heavy imports happen inside commands."""

from __future__ import annotations

import typer

from fairprune.cli.corpus import checking, compare, graph, holes, importing, query, stats, tables

app = typer.Typer(help="Published results as data: ask, compare, draw, extend.", no_args_is_help=True)
for command in (
    tables.tables,
    stats.stats,
    query.query,
    compare.compare,
    graph.graph,
    holes.holes,
    checking.check,
):
    app.command()(command)
app.command("import")(importing.import_)
