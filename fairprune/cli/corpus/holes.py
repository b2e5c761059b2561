"""The command that finds what was never measured."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairprune.cli.corpus.names import Dataset, Method, Network
from fairprune.cli.corpus.options import CorpusFolder
from fairprune.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairprune.corpus.filling import Components
    from fairprune.corpus.holes import Hole, Literature

_NAMED = 3  # methods that a hole joins, in the terminal


def holes(
    network: Network = None,
    dataset: Dataset = None,
    method: Method = None,
    least: Annotated[
        int, typer.Option("--least", min=1, help="Papers that use each method, network and data set, at least.")
    ] = 3,
    top: Annotated[int, typer.Option("--top", min=1, help="How many holes.")] = 20,
    runnable: Annotated[bool, typer.Option("--runnable", help="Only what fairprune can run.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A study (.toml) that fills those that it can run.", show_default=False),
    ] = None,
    corpus: CorpusFolder = None,
    as_json: AsJson = False,
) -> None:
    """What the literature never measured: methods on networks and data sets, ordered by how much each would connect.

    Two methods are comparable at all where both were measured on one network and data set. A hole is a method where
    others were measured and it was not; filled, it makes the method comparable with those of them that it shares no
    network and data set with yet. The first hole makes most pairs of methods comparable; the next one most of those
    that no hole above it has, and so on. Of holes that make as many, the network and data set in more papers goes
    first, then the method in more papers. A paper uses a method if it has a result of it or compares with its paper.

    Example: `fairprune corpus holes --runnable --dataset MNIST --top 5 -o holes.toml && fairprune plan holes.toml`
    """
    from fairprune.corpus.filling import components
    from fairprune.corpus.holes import NEEDED, first, literature
    from fairprune.corpus.holes import holes as find
    from fairprune.corpus.naming import naming
    from fairprune.corpus.tables import SHIPPED, load
    from fairprune.errors import SpecError
    from fairprune.files import check_place

    if output:
        if output.suffix.lower() != ".toml":
            raise SpecError(f"-o {output}: expected a name that ends in .toml")
        check_place(output)
    tables = load(corpus or SHIPPED, NEEDED)
    called, ours = naming(tables), components(tables)
    networks = {called["network"].key("network", name) for name in network or ()}
    datasets = {called["dataset"].key("dataset", name) for name in dataset or ()}
    methods = {called["method"].key("method", name) for name in method or ()}

    def wanted(name: str, place: tuple[str, str]) -> bool:
        fits = all(
            not keys or key in keys for key, keys in zip((name, *place), (methods, networks, datasets), strict=True)
        )
        return fits and (ours.runs(name, place) or not (runnable or output))

    known = literature(tables, least)
    found = first(find(known, wanted), top)
    chosen = _chosen(found, ours) if output else ()
    if as_json:
        typer.echo(json.dumps(_to_json(known, found, ours, least), indent=2))
    else:
        _print(known, found, ours, least)
    if output:
        _write(output, chosen, len(found) - len(chosen), ours)


def _to_json(known: Literature, found: Sequence[Hole], ours: Components, least: int) -> dict[str, object]:
    from fairprune.corpus.holes import together

    return {
        "least": least,
        "methods": len(known.methods),
        "places": len(known.places),
        "measured": known.measured,
        "pairs": known.pairs,
        "comparable": known.comparable,
        "comparable_then": known.comparable + together(known, found),
        "holes": [
            {
                "method": hole.method,
                "network": hole.network,
                "dataset": hole.dataset,
                "new_pairs": len(hole.joins),
                "new_pairs_alone": hole.alone,
                "comparable_then_with": hole.joins,
                "papers_there": hole.papers,
                "runnable": ours.runs(hole.method, (hole.network, hole.dataset)),
            }
            for hole in found
        ],
    }


def _print(known: Literature, found: Sequence[Hole], ours: Components, least: int) -> None:
    from fairprune.cli.printing import console, print_table
    from fairprune.corpus.holes import together

    out, names = console(), ours.names
    cells = len(known.methods) * len(known.places)
    out.print(
        f"{len(known.methods)} methods, each in {least} papers or more, and {len(known.places)} pairs of network and "
        f"data set likewise: {known.measured} of {cells:,} combinations are measured. {known.comparable} of "
        f"{known.pairs:,} pairs of methods share a network and data set, so that they can be compared at all.\n"
    )
    rows = [
        (
            names["methods"][hole.method],
            f"{names['networks'][hole.network]} on {names['datasets'][hole.dataset]}",
            hole.papers,
            len(hole.joins),
            _joined([names["methods"][other] for other in hole.joins]),
        )
        for hole in found
    ]
    if rows:
        print_table(("method ", "where ", "papers there", "new pairs", "comparable then with "), rows)
        out.print("")
    out.print(
        f"All {len(found)} filled, {together(known, found)} more pairs can be compared, those of two holes at one "
        "place among them. New pairs are those that the holes above do not make comparable."
    )


def _joined(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _chosen(found: Sequence[Hole], ours: Components) -> Sequence[Hole]:
    """The holes that go into the study. Raises CorpusError where there is none."""
    from fairprune.corpus.filling import fitting
    from fairprune.errors import CorpusError

    chosen = fitting(found, ours)
    if not chosen:
        raise CorpusError("no hole that fairprune can run: expected other filters, or a smaller --least")
    return chosen


def _write(output: Path, chosen: Sequence[Hole], left: int, ours: Components) -> None:
    """The study, and on standard error how many holes it could not take."""
    from fairprune.corpus.filling import study
    from fairprune.files import write_text

    write_text(output, study(chosen, ours, shlex.join(["fairprune", *sys.argv[1:]])))
    typer.echo(
        f"{output}: {len(chosen)} holes" + (f"; {left} need another recipe, or do not fit" if left else ""), err=True
    )
