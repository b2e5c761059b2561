"""Published results as curves under a study's own: thin and grey."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fairprune.audit.setups import Rate
from fairprune.corpus.beside import Published
from fairprune.report import published, words
from fairprune.report.figures.palette import SHAPES
from fairprune.report.figures.values import GREY, Point, Series
from fairprune.report.literature.papers import Library
from fairprune.report.published import UNKNOWN, Shelf
from fairprune.summary import Panel

_SIZE = 0.6
_FURTHEST = 2.0  # times our largest factor


@dataclass(frozen=True)
class Laid:
    """What of a panel's published results is drawn, and a sentence on that and on what is not."""

    series: tuple[Series, ...]
    note: str


NOTHING = Laid((), "")


def laid(shelf: Shelf, panel: Panel, rate: Rate, largest: float, heights: tuple[float, float]) -> Laid:
    """A panel's published results over a rate, a curve for each method and setting of a paper.

    Where a paper gives a change of accuracy alone, it is added to our base, and the mark is hollow. What lies further
    away from ours than these are apart, or beyond twice the `largest` factor of ours, would press ours together: it is
    left out.
    """
    base = panel.base.mean if panel.base else None
    points = [(one, point) for one in shelf.of(panel) if (point := _point(one, rate, base, shelf.papers))]
    low, high = heights
    room = max(high - low, 1.0)
    near = [(one, p) for one, p in points if p.x <= _FURTHEST * largest and low - room <= p.y <= high + room]
    papers = list(dict.fromkeys(one.row["paper"] for one, _ in near))
    found: defaultdict[tuple[str, str], list[Point]] = defaultdict(list)
    for one, point in near:
        found[one.row["paper"], f"{published.method_of(one)}, {published.paper_of(one, shelf.papers)}"].append(point)
    series = tuple(_series(name, points, papers.index(paper)) for (paper, name), points in found.items())
    return Laid(series, _note(len(shelf.of(panel)), len(points), [point for _, point in near], len(papers), rate))


def _series(name: str, points: Sequence[Point], shape: int) -> Series:
    ordered = tuple(sorted(points, key=lambda point: point.x))
    return Series(name, ordered, GREY, shape % len(SHAPES), named=False, size=_SIZE)


def _point(one: Published, rate: Rate, base: float | None, papers: Library) -> Point | None:
    factor = one.result.compression if rate == "compression" else one.result.speedup
    moved = None if base is None or one.change is None else base + one.change
    height = moved if one.value is None else one.value
    if factor is None or height is None:
        return None
    text = "\n".join(_hover(one))
    return Point(max(factor, 1.0), height, text, link=papers.link(one.row["paper"]), open=one.value is None)


def _hover(one: Published) -> Iterator[str]:
    yield f"reported: {published.accuracy_of(one)}" + (", added to our base" if one.value is None else "")
    yield f"runs behind it: {published.runs_of(one)}"
    rates = (published.rate_of(rate) or UNKNOWN for rate in (one.result.compression, one.result.speedup))
    yield "compression {}, speedup {}".format(*rates)
    yield str(one.row["source"])
    reached = f" with {one.nearest.name}" if one.nearest and one.verdict and one.verdict.setup else ""
    yield f"setup against ours: {published.setup_of(one)}{reached}"
    blocked = published.blocked_of(one)
    if blocked:
        yield blocked


def _note(all_of_them: int, placed: int, near: Sequence[Point], papers: int, rate: Rate) -> str:
    """What is thin and grey, and how many are not drawn."""
    number = f"{words.plural(len(near), 'published result')} of {words.plural(papers, 'paper')}"
    said = [f"Thin and grey: {number}, as reported, not measured here and not ranked."] if near else []
    if any(point.open for point in near):
        said.append("Hollow: a change of accuracy alone is reported; it is added to our base.")
    others = [(placed - len(near), "too far from ours"), (all_of_them - placed, f"without an accuracy or a {rate}")]
    rest = " and ".join(f"{count} {why}" for count, why in others if count)
    return " ".join([*said, f"Not drawn: {rest}."] if rest else said)
