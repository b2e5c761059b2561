"""The rows of a panel's table as text: one source for terminal, Markdown and page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from fairprune.report import standing, words
from fairprune.report.rates import Rate, rates
from fairprune.summary import Cell, Comparison, Panel, Summary


@dataclass(frozen=True)
class Row:
    """One line. `first` opens a method's group of `lines`; `anchor` names the point in the page."""

    kind: Literal["base", "dense", "method"]
    method: str
    target: str
    compression: str
    speedup: str
    pruned: str
    endpoint: str
    runs: str
    rank: str = ""  # among what it is comparable with
    difference: str = ""
    verdict: str = ""
    state: str = ""  # the verdict without its mark, or "control"
    first: bool = True
    lines: int = 1
    anchor: str = ""
    note: str = ""  # why a comparison is not estimable
    measured: tuple[str, ...] = ()  # speedups, one a batch size that was timed
    place: standing.Place | None = None  # the rank as numbers
    numbers: Mapping[str, float] = field(default_factory=dict)  # what columns are sorted by; none where unknown


def rows(summary: Summary, panel: Panel) -> list[Row]:
    """The dense base, the dense control, then every method at every target."""
    decimals = words.digits(summary)
    found = []
    if panel.base:
        base = words.plural(panel.base.n, "base")
        found.append(Row("base", "dense, not pruned", "", "1x", "1x", "", words.spread(panel.base, decimals), base))
    if panel.dense:
        found.append(_row(panel.dense, "dense", "dense, retrained", None, decimals, anchor(summary, panel, None)))
    compared = {(c.method, c.target): c for c in panel.comparisons}
    controls = {c.control for c in panel.comparisons}
    lines = Counter(cell.method for cell in panel.cells)  # they stand together
    timed = [rate for rate in rates(summary) if rate.kind == "measured"]
    placed = standing.places(panel)
    before = ""
    for index, cell in enumerate(panel.cells):
        comparison = compared.get((cell.method, cell.target))
        where = anchor(summary, panel, index)
        row = _row(cell, "method", cell.method, comparison, decimals, where, cell.method != before)
        place = placed.get((cell.method, cell.target))
        row = replace(
            row,
            rank=standing.rank(panel, cell),
            lines=lines[cell.method],
            measured=tuple(words.achieved(rate.of(cell)) for rate in timed),
            place=place,
            numbers=dict(_numbers(cell, comparison, timed, place)),
        )
        found.append(replace(row, verdict="control", state="control") if cell.method in controls else row)
        before = cell.method
    return found


def _numbers(
    cell: Cell, comparison: Comparison | None, timed: Sequence[Rate], place: standing.Place | None
) -> Iterator[tuple[str, float]]:
    """What a row is sorted by, by column."""
    spreads = {"pruned": cell.pruned, "endpoint": cell.endpoint}
    ranges = {"compression": cell.compression, "speedup": cell.speedup, **{rate.key: rate.of(cell) for rate in timed}}
    yield from ((name, value.mean) for name, value in {**spreads, **ranges}.items() if value)
    yield "runs", cell.done
    if cell.amount is not None:
        yield "target", cell.amount
    if place:
        yield "rank", place.best + place.worst / 1e6
    if comparison and comparison.difference is not None:
        yield "difference", comparison.difference


def anchor(summary: Summary, panel: Panel, index: int | None) -> str:
    """The page's name of a cell: by position, so that no name of a user's gets into it."""
    return f"point-{summary.panels.index(panel)}-{'dense' if index is None else index}"


def endpoint_title(summary: Summary) -> str:
    """The endpoint with its split and unit."""
    unit = f", {summary.unit}" if summary.unit else ""
    return f"test {words.endpoint(summary)}{unit} [{summary.confidence:.0%} interval]"


def _row(
    cell: Cell,
    kind: Literal["base", "dense", "method"],
    name: str,
    comparison: Comparison | None,
    decimals: int,
    where: str,
    first: bool = True,
) -> Row:
    return Row(
        kind=kind,
        method=name,
        target=words.target(cell),
        compression=words.achieved(cell.compression),
        speedup=words.achieved(cell.speedup),
        pruned=f"{cell.pruned.mean:.{decimals}f}" if cell.pruned else ("–" if kind == "method" else ""),
        endpoint=words.spread(cell.endpoint, decimals),
        runs=words.runs(cell),
        difference=words.difference(comparison, decimals) if comparison else "",
        verdict=words.verdict(comparison),
        state=comparison.verdict if comparison else "",
        first=first,
        anchor=where,
        note=comparison.reason if comparison else "",
    )
