"""The commands and their help. Heavy imports happen inside commands, so that `--help` and completion are fast."""

from __future__ import annotations

import typer

from fairprune.cli import (
    audits,
    claims,
    components,
    corpus,
    crossing,
    linting,
    networks,
    new,
    pruning,
    reports,
    results,
    schedules,
    studies,
)

app = typer.Typer(
    name="fairprune",
    help="Fair, standardised benchmarking of neural-network pruning.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog="Exit codes: 0 done; 1 runs failed or a check did not pass; 2 the request cannot be met; 130 interrupted.",
)

for command in (
    studies.demo,
    studies.plan,
    studies.run,
    crossing.cross,
    results.status,
    results.show,
    results.table,
    audits.audit,
    linting.lint,
    reports.report,
    components.ls,
    networks.cost,
    schedules.schedule,
    pruning.prune,
    components.check,
):
    app.command(epilog=getattr(command, "epilog", None))(command)
app.add_typer(new.app, name="new")
app.add_typer(claims.app, name="claims")
app.add_typer(corpus.app, name="corpus")


@app.callback(invoke_without_command=True)
def version(
    show: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Fair, standardised benchmarking of neural-network pruning."""
    if show:
        from fairprune import __version__

        typer.echo(__version__)
        raise typer.Exit
