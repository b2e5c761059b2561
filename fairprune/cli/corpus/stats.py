"""The command that counts what the literature reports."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from fairprune.cli.corpus.names import origins
from fairprune.cli.corpus.options import CorpusFolder
from fairprune.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fairprune.corpus.stats import Spread, Stats

_SHOWN = 12  # combinations
_WIDEST = 5  # spreads
_METRICS = {"top1": "top-1 accuracy", "top5": "top-5 accuracy", "params": "parameters", "flops": "operations"}


def stats(
    origin: Annotated[
        str, typer.Option("--origin", help="The rows that this origin brought.", autocompletion=origins)
    ] = "blalock-2020",
    everything: Annotated[bool, typer.Option("--all", help="All rows, whatever brought them.")] = False,
    corpus: CorpusFolder = None,
    as_json: AsJson = False,
) -> None:
    """Papers, data sets, networks, their combinations, comparisons and metrics, counted as Blalock et al. 2020 count.

    Without options it counts their 81 papers. A result counts if its data set and network are known, and if the
    subject of its paper is pruning; a comparison, if it is with another paper of those counted. A metric is reported
    where one counted result gives it: as a value, a change or a ratio. A point gives an accuracy and a size or rate.

    Example: `fairprune corpus stats --all --json`
    """
    from fairprune.corpus.stats import RULES
    from fairprune.corpus.stats import stats as count
    from fairprune.corpus.tables import SHIPPED, load, of_origin

    found = load(corpus or SHIPPED, ("papers", "networks", "datasets", "results", "comparisons"))
    counts = count(found if everything else of_origin(found, origin))
    counted = "all" if everything else origin
    if as_json:
        typer.echo(json.dumps({"origin": counted, **asdict(counts), "rules": RULES}, indent=2))
    else:
        _print(counts, counted, RULES)


def _print(counts: Stats, origin: str, rules: Iterable[str]) -> None:
    from fairprune.cli.printing import console, print_table

    out = console()
    print_table((f"{origin} ", "number", " "), _rows(counts))
    used = list(counts.combination_counts.items())
    out.print("")
    print_table(("network/data set ", "papers"), used[:_SHOWN])
    if used[_SHOWN:]:
        out.print(f"and {len(used) - _SHOWN} more, all of them with --json")
    for title, widths in _distributions(counts).items():
        out.print(f"\n{title}: " + ", ".join(f"{number} ({papers})" for number, papers in widths.items()))
    for what, spreads in (
        ("base accuracy, %", counts.base_top1),
        ("operations of the dense network, 10^9", counts.base_flops),
    ):
        if spreads:
            out.print("")
            print_table((f"{what} ", "papers", "least", "most"), map(_spread, spreads[:_WIDEST]))
    out.print("\nCounted so:")
    for rule in rules:
        out.print(f"- {rule}")


def _rows(c: Stats) -> Iterable[tuple[str, str, str]]:
    said: list[tuple[str, float, str]] = [
        ("papers", c.papers, f"{c.papers_since_2010} since 2010"),
        ("results", c.results, ""),
        ("data sets", c.datasets, ""),
        ("architectures", c.architectures, ""),
        ("combinations of the two", c.combinations, f"{c.combinations_of_one_paper} in one paper alone"),
        ("papers that compare with no other", c.compares_to_none, ""),
        ("papers that compare with exactly one", c.compares_to_one, ""),
        ("papers that compare with three or fewer", c.compares_to_three_or_fewer, f"median {c.median_compared_to:g}"),
        ("papers that no other compares with", c.never_compared_to, ""),
        ("papers without ImageNet", c.papers_without_imagenet, ""),
        ("papers without a ResNet on ImageNet", c.papers_without_resnet_on_imagenet, ""),
        ("papers that give a standard deviation", c.papers_with_deviation, ""),
    ]
    said += [(f"papers that report {_METRICS[name]}, %", 100 * part, "") for name, part in c.reporting.items()]
    return [(what, f"{number:.0f}", more) for what, number, more in said]


def _distributions(c: Stats) -> Mapping[str, Mapping[int, int]]:
    return {
        "year (papers)": c.papers_by_year,
        "combinations in a paper (papers)": c.combinations_per_paper,
        "metrics of top-1, top-5, parameters and operations in a paper (papers)": c.metrics_per_paper,
        "points on a curve of one paper, network and data set (curves)": c.points_per_curve,
    }


def _spread(spread: Spread) -> tuple[str, int, str, str]:
    return spread.place, spread.papers, f"{spread.least:.4g}", f"{spread.most:.4g}"
