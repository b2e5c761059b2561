"""The commands and their help. Heavy imports happen inside commands, so that `--help` and completion are fast."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import typer

from fairprune.cli.loading import add_command, asked

_COMMANDS = (
    "studies.demo",
    "studies.plan",
    "studies.run",
    "crossing.cross",
    "tuning.tune",
    "results.status",
    "results.show",
    "results.table",
    "audits.audit",
    "linting.lint",
    "reports.report",
    "components.ls",
    "networks.cost",
    "schedules.schedule",
    "pruning.prune",
    "components.check",
)
_GROUPS = ("new", "claims", "corpus")


def app(words: Sequence[str] = ()) -> typer.Typer:
    """The command `fairprune`: with all that there is below it, or with that alone which the words begin with.

    All of it takes a sixth of a second to build, most of it for options that nobody asked for.
    """
    built = typer.Typer(
        name="fairprune",
        help="Fair, standardised benchmarking of neural-network pruning.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        epilog="Exit codes: 0 done; 1 runs failed or a check did not pass; 2 the request cannot be met; "
        "130 interrupted.",
    )
    built.callback(invoke_without_command=True)(_version)
    places = asked((*_COMMANDS, *_GROUPS), words)
    below = words[1:] if len(places) == 1 else ()
    for place in places:
        if place in _COMMANDS:
            add_command(built, place)
        else:
            group = import_module(f"fairprune.cli.{place}").app
            built.add_typer(group if isinstance(group, typer.Typer) else group(below), name=place)
    return built


def _version(
    show: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Fair, standardised benchmarking of neural-network pruning."""
    if show:
        from fairprune import __version__

        typer.echo(__version__)
        raise typer.Exit
