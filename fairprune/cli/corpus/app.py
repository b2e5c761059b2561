"""The group of commands about published results. Heavy imports happen inside commands."""

from __future__ import annotations

import typer

from fairprune.cli.corpus import checking, compare, figures, graph, holes, importing, lint, query, stats, tables

app = typer.Typer(help="Published results as data: ask, compare, draw, extend.", no_args_is_help=True)
for command in (
    tables.tables,
    stats.stats,
    query.query,
    compare.compare,
    graph.graph,
    figures.figures,
    holes.holes,
    checking.check,
    lint.lint,
):
    app.command()(command)
app.command("import")(importing.import_)
