"""The command that finds results, or answers SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fairprune.cli.comparing import AssumeEqual, Tau, assumed
from fairprune.cli.corpus.names import Dataset, Method, Network, columns_of, keys_of, origins
from fairprune.cli.corpus.options import CorpusFolder
from fairprune.cli.names import among
from fairprune.cli.options import AsJson

if TYPE_CHECKING:
    import polars as pl

_SHOWN = 40  # rows in the terminal
_NARROWEST = 10  # characters that a column of words has there, if it needs them
_FIRST_TO_GO = ("setting", "variant", "top5", "top1_std", "kind")  # where the terminal is too narrow for all columns

Names = list[str] | None


def query(
    network: Network = None,
    dataset: Dataset = None,
    method: Method = None,
    paper: Annotated[Names, typer.Option("--paper", help="By key.", autocompletion=keys_of("papers"))] = None,
    origin: Annotated[Names, typer.Option("--origin", help="What brought the row.", autocompletion=origins)] = None,
    kind: Annotated[
        Names,
        typer.Option("--kind", help="prune, scratch or dense.", autocompletion=among("prune", "scratch", "dense")),
    ] = None,
    year: Annotated[str, typer.Option("--year", help="Of the paper: 2018, or 2017..2019.", show_default=False)] = "",
    metric: Annotated[
        Names, typer.Option("--metric", help="A column that is not null.", autocompletion=columns_of("results"))
    ] = None,
    setup: Annotated[
        Literal["S1", "S2", "S3.1", "S3.2", "S4.1", "S4.2"] | None,
        typer.Option("--setup", help="Reached, at least, with a result of another method."),
    ] = None,
    tau: Tau = 0.05,
    assume_equal: AssumeEqual = "",
    columns: Annotated[
        str,
        typer.Option("--columns", help="Separated by commas, and `year`.", autocompletion=columns_of("results")),
    ] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, help=f"Rows at most; 0: all. In the terminal {_SHOWN}.")
    ] = None,
    statement: Annotated[str, typer.Option("--sql", metavar="SELECT ...", help="Over all tables, instead.")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of text.")] = False,
    corpus: CorpusFolder = None,
    as_json: AsJson = False,
) -> None:
    """Results that pass all filters, where a filter that is repeated takes any of its values; or what a SELECT gives.

    `fairprune corpus tables` says which tables there are, `fairprune corpus tables results` their columns. CSV and JSON
    have all columns, unless `--columns` says which.

    Example: `fairprune corpus query --network ResNet-50 --dataset ImageNet --year 2017..2019 --metric top1`

    Example: `fairprune corpus query --sql "SELECT network, COUNT(DISTINCT paper) AS n FROM results GROUP BY network"`
    """
    from fairprune.corpus import query as asking
    from fairprune.corpus.tables import SHIPPED, load
    from fairprune.errors import SpecError

    filters = asking.Filters(
        network=tuple(network or ()),
        dataset=tuple(dataset or ()),
        method=tuple(method or ()),
        paper=tuple(paper or ()),
        origin=tuple(origin or ()),
        kind=tuple(kind or ()),
        metrics=tuple(metric or ()),
        years=asking.parse_years(year) if year else None,
        setup=setup,
        tau=tau,
        assume_equal=assumed(tau, assume_equal),
    )
    if statement and (filters != asking.Filters() or columns):
        raise SpecError("--sql stands alone, but for --limit: its WHERE takes the place of filters")
    if statement:
        found = asking.sql(corpus or SHIPPED, statement)
    else:
        found = asking.query(load(corpus or SHIPPED, asking.NEEDED), filters)
        asked = [name.strip() for name in columns.split(",") if name.strip()]
        found = asking.chosen(found, asked or (asking.COLUMNS if as_csv or as_json else ()))
    if as_json:
        typer.echo(found.head(limit or found.height).write_json())
    elif as_csv:
        typer.echo(_flat(found.head(limit or found.height)).write_csv(), nl=False)
    else:
        _print(found, _SHOWN if limit is None else limit, single=not (statement or columns))


def _flat(found: pl.DataFrame) -> pl.DataFrame:
    """Lists as text, which is all that CSV and a terminal can show."""
    import polars as pl

    lists = [name for name, kind in found.schema.items() if isinstance(kind, pl.List)]
    return found.with_columns(pl.col(lists).cast(pl.List(pl.String)).list.join("; "))


def _print(found: pl.DataFrame, most: int, single: bool) -> None:
    """A table; where columns were not asked for, one that holds the same in all rows is told once."""
    from fairprune.cli.printing import console, print_table

    shown = _flat(found.head(most or found.height))
    if single:
        shown = shown.select(name for name in shown.columns if shown[name].null_count() < shown.height)
    same = [name for name in shown.columns if single and shown.height > 1 and shown[name].n_unique() == 1]
    columns = [name if shown[name].dtype.is_numeric() else f"{name} " for name in shown.columns if name not in same]
    if same:
        console().print("all: " + ", ".join(f"{name} {_cell(shown[name][0])}" for name in same) + "\n")
    rows = [[_cell(value) for value in row] for row in shown.drop(same).iter_rows()]
    fitting = fit(columns, rows, console().width)
    if columns and rows:
        print_table([columns[n] for n in fitting], ([row[n] for n in fitting] for row in rows))
    hidden = [column.strip() for n, column in enumerate(columns) if n not in fitting]
    if hidden and rows:
        more = f"{len(hidden)} more column{'s' * (len(hidden) != 1)}"
        console().print(f"{more} in a wider terminal, by --columns, --csv or --json: {', '.join(hidden)}")
    number = f"{found.height:,} row{'s' * (found.height != 1)}"
    console().print(number if shown.height == found.height else f"{number}, {shown.height} shown (--limit 0: all)")


def fit(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """The columns that a terminal so wide has room for, by index: numbers whole, words folded to some characters.

    Details go first, then columns from the right; one stays.
    """
    needed = [max(map(len, (column, *(row[n] for row in rows)))) for n, column in enumerate(columns)]
    needed = [min(need, _NARROWEST) if columns[n].endswith(" ") else need for n, need in enumerate(needed)]
    names = [column.strip() for column in columns]
    stays = list(range(len(columns)))
    leaving = [names.index(name) for name in _FIRST_TO_GO if name in names]
    for n in [*leaving, *(n for n in reversed(stays) if n not in leaving)]:
        if len(stays) == 1 or sum(needed[n] + 2 for n in stays) - 2 <= width:
            break
        stays.remove(n)
    return stays


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)
