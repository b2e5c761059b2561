"""The command that lays the results of two methods side by side."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairprune.cli.comparing import AssumeEqual, Tau, assumed
from fairprune.cli.corpus.names import keys_of
from fairprune.cli.corpus.options import CorpusFolder
from fairprune.cli.options import AsJson

if TYPE_CHECKING:
    from fairprune.corpus.compare import Compared, Comparison

_OF_A_PLACE = 10  # pairs in the terminal
_BLOCKS = 8  # reasons
_COLUMNS = ("a ", "b ", "setup ", "rate ", "of a", "of b", "a, %", "b, %", "a - b", "of changes")

Method = Annotated[
    str, typer.Argument(help="By key or name; METHOD:VARIANT for one variant.", autocompletion=keys_of("methods"))
]


def compare(
    a: Method,
    b: Method,
    tau: Tau = 0.05,
    assume_equal: AssumeEqual = "",
    corpus: CorpusFolder = None,
    as_json: AsJson = False,
) -> None:
    """Every pair of results of two methods that can be compared at all: at which setup, and what blocks the next.

    They need the same network and data set, and rates that match. Single runs of one setting count as their mean.

    Example: `fairprune corpus compare thinet-channel-norms pruning-filters`
    """
    from fairprune.corpus.compare import compare as compared
    from fairprune.corpus.tables import SHIPPED, load

    tables = load(corpus or SHIPPED, ("methods", "networks", "datasets", "results"))
    found = compared(tables, a, b, tau, assumed(tau, assume_equal))
    if as_json:
        typer.echo(json.dumps(_to_json(found), indent=2))
    else:
        _print(found)


def _to_json(found: Comparison) -> dict[str, Any]:
    from fairprune.cli.judged import pair_json

    return {
        "a": found.a,
        "b": found.b,
        "results": found.results,
        "pairs": [
            pair_json(each.pair)
            | {"network": each.pair.a.network, "dataset": each.pair.a.dataset}
            | {name: {"a": a, "b": b, "difference": round(a - b, 6)} for name, (a, b) in each.metrics.items()}
            for each in found.pairs
        ],
        "incomparable": sum(found.incomparable.values()),
        "reasons": found.incomparable,
        "conventions": {"tau": found.tau, "assume_equal": sorted(found.assume_equal)},
    }


def _print(found: Comparison) -> None:
    from fairprune.cli.judged import SHOWN, tally, tolerance
    from fairprune.cli.printing import console, print_table
    from fairprune.corpus.compare import places

    out = console()
    out.print(f"a: {found.a}, {found.results[0]} results; b: {found.b}, {found.results[1]} results\n")
    left = SHOWN
    for place, pairs in places(found.pairs).items():
        shown = pairs[: min(_OF_A_PLACE, left)]
        left -= len(shown)
        if shown:
            print_table(_COLUMNS, map(_row, shown), title=place)
            out.print("")
    if len(found.pairs) > SHOWN - left:
        out.print(f"and {len(found.pairs) - SHOWN + left} more pairs, all of them with --json\n")
    for number, reason in _blocks(found):
        out.print(f"{number} pair{'s' * (number > 1)} {reason}")
    out.print(tally([each.pair for each in found.pairs], sum(found.incomparable.values())))
    if found.incomparable:
        reasons = sorted(found.incomparable.items(), key=lambda item: -item[1])
        out.print("below S1: " + ", ".join(f"{number} {reason}" for reason, number in reasons))
    out.print(f"\n{tolerance(found.tau, found.assume_equal)}")
    out.print(
        "Accuracies are top-1, or top-5 (5). Of changes: final minus base of a, less final minus base of b, in points."
    )


def _blocks(found: Comparison) -> list[tuple[int, str]]:
    """What keeps how many pairs from the next setup."""
    from fairprune.cli.judged import next_level

    counted = Counter(next_level(each.pair) for each in found.pairs)
    said = [(number, f"kept from {reason}") for reason, number in counted.most_common(_BLOCKS) if reason]
    rest = sum(counted.values()) - sum(number for number, _ in said) - counted[""]
    return said + [(rest, "kept by something else, said with --json")] * bool(rest)


def _row(each: Compared) -> tuple[str, ...]:
    from fairprune.cli.judged import level

    pair, metrics = each.pair, each.metrics
    top = next((name for name in ("top1", "top5") if name in metrics), "")
    change = next((name for name in ("top1_change", "top5_change") if name in metrics), "")
    sides = zip((pair.a, pair.b), metrics.get(top, (None, None)), strict=True)
    accuracies = (_accuracy(value, side.top1_std if top == "top1" else None, top) for side, value in sides)
    differences = (_difference(metrics.get(top)), _difference(metrics.get(change)))
    return *each.labels, level(pair), ", ".join(pair.verdict.matched), *_rates(each), *accuracies, *differences


def _rates(each: Compared) -> tuple[str, str]:
    """The first rate that matched, of both results; it may be assumed."""
    values = (getattr(result, each.pair.verdict.matched[0]) for result in (each.pair.a, each.pair.b))
    a, b = ("?" if value is None else f"{value:.4g}x" for value in values)
    return a, b


def _accuracy(value: float | None, deviation: float | None, metric: str) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" + ("" if deviation is None else f"±{deviation:.2f}") + (" (5)" if metric == "top5" else "")


def _difference(sides: tuple[float, float] | None) -> str:
    return "" if sides is None else f"{sides[0] - sides[1]:+.2f}"
