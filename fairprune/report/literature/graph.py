"""Who compares with whom, papers in the order in which they came out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from fairprune.corpus.stats import comparisons
from fairprune.corpus.tables import Corpus
from fairprune.report import words
from fairprune.report.figures import axes
from fairprune.report.figures.values import GREY, Axis, Figure, Panel, Point, Series
from fairprune.report.literature.papers import Library, library

_NAMED = 6  # of those compared with most


def graph(corpus: Corpus, counting: Corpus) -> Figure:
    """A mark for each comparison: the column is the paper compared with, the row the one that compares."""
    papers = library(corpus)
    among = set(counting["papers"]["key"])
    order = {paper: at for at, paper in enumerate(paper for paper in papers.rows if paper in among)}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for paper, other in comparisons(counting).iter_rows():
        found[other].append(paper)
    most = sorted(found, key=lambda other: (-len(found[other]), order[other]))
    famous = most[:_NAMED]
    columns = {other: _column(other, found[other], order, papers, other in famous) for other in most}
    bright = [point for other in famous for point in columns[other]]
    number = sum(map(len, found.values()))
    x, y = (_axis(f"the paper that {what}, by date", order, papers) for what in ("is compared with", "compares"))
    dots = (
        Series("others", tuple(p for other in most[_NAMED:] for p in columns[other]), GREY, kind="dots", size=0.6),
        Series("with those compared with most", tuple(bright), kind="dots", size=0.6),
    )
    return Figure(
        key="graph",
        title="Who compares with whom",
        caption=f"{words.plural(number, 'comparison')} between {words.plural(len(order), 'paper')}, in the order in "
        f"which they came out. A column holds the comparisons with one paper: {len(bright)} of all are with the "
        f"{words.plural(len(famous), 'paper')} that are named. Below the diagonal, papers compare with later ones.",
        panels=(Panel("", x, y, dots if found else ()),),
        least=20,
        aspect=0.8,
    )


def _axis(title: str, order: Mapping[str, int], papers: Library) -> Axis:
    """Papers by their place in time, years where they begin."""
    years: dict[str, float] = {}
    for paper, at in order.items():
        years.setdefault(str(papers.rows[paper]["year"]), float(at))
    return axes.marked(title, -1.0, max(len(order), 1) * 1.02, years)


def _column(
    other: str, comparing: Sequence[str], order: Mapping[str, int], papers: Library, named: bool
) -> list[Point]:
    """The papers that compare with one; its name stands beside the first of them."""
    ordered = sorted(comparing, key=order.__getitem__)
    return [
        Point(
            order[other],
            order[paper],
            f"{papers.short[paper]} compares with {papers.short[other]}\n{papers.rows[paper]['title']}\n"
            f"with {papers.rows[other]['title']}",
            link=papers.link(paper),
            label=papers.short[other] if named and paper == ordered[0] else "",
        )
        for paper in ordered
    ]
