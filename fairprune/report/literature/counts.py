"""What can be counted: comparisons between papers, combinations of network and data set, points on a curve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from fairprune.corpus.stats import CURVE, combination_counts, compares_with, comparisons, counted, points
from fairprune.corpus.tables import Corpus
from fairprune.report import words
from fairprune.report.figures import axes
from fairprune.report.figures.values import Figure, Panel, Point, Series

_COMBINATIONS = 15  # that are named


def compared(_corpus: Corpus, counting: Corpus) -> Figure:
    """With how many papers each compares, and how many compare with it (Blalock et al. 2020, figure 2)."""
    outwards = compares_with(counting)
    found = Counter(comparisons(counting)["compared_to"])
    inwards = {paper: found[paper] for paper in outwards}
    nobody, few = list(outwards.values()).count(0), sum(n <= 3 for n in outwards.values())
    unseen = list(inwards.values()).count(0)
    return Figure(
        key="comparisons",
        title="How many papers compare with each other",
        caption=f"Of {len(outwards)} papers, {nobody} compare with none of the others and {few} with three or fewer; "
        f"with {unseen} none of the others compares. A comparison counts if it is with another paper of the corpus.",
        panels=(
            _histogram("Comparing", "papers that a paper compares with", outwards.values()),
            _histogram("Compared with", "papers that compare with a paper", inwards.values()),
        ),
        columns=2,
        least=20,
        names="none",
    )


def combinations(_corpus: Corpus, counting: Corpus) -> Figure:
    """The most common combinations of network and data set, and how common the others are."""
    used = combination_counts(counting)
    most = list(used.items())[:_COMBINATIONS]
    listed = [place.replace("/", " / ") for place, _ in most]
    bars = tuple(Point(n, i, f"{listed[i]}: {words.plural(n, 'paper')}", label=str(n)) for i, (_, n) in enumerate(most))
    named = Panel(
        "The most common",
        axes.counts("papers", used.values()),
        axes.names("", listed),
        (Series("papers", bars, kind="rows"),),
    )
    once = sum(n == 1 for n in used.values())
    return Figure(
        key="combinations",
        title="Networks and data sets in use",
        caption=f"{len(used)} combinations of network and data set, {once} of them in one paper alone. "
        "Networks that only share a name (LeNet-5 and LeNet-5-Caffe, the VGGs of CIFAR-10) are told apart.",
        panels=(named, _histogram("All", "papers that use a combination", used.values(), "combinations")),
        columns=2,
        least=28,
        names="none",
    )


def per_curve(_corpus: Corpus, counting: Corpus) -> Figure:
    """Points per curve: how many operating points a paper shows on one network and data set."""
    curves = points(counted(counting)).group_by(CURVE).len()["len"].to_list()
    single, few = curves.count(1), sum(n < 5 for n in curves)
    share = f"{100 * few / len(curves):.0f} %" if curves else "none"
    return Figure(
        key="points",
        title="Points on a curve",
        caption=f"Points of one paper on one network and data set that give an accuracy and a size or rate: "
        f"{len(curves)} curves, {single} of them a single point; {share} have fewer than the five that Blalock et al. "
        "recommend.",
        panels=(_histogram("", "points on a curve", curves, "curves"),),
        least=20,
        aspect=0.4,
        names="none",
    )


def _histogram(title: str, what: str, values: Iterable[int], of: str = "papers") -> Panel:
    tally: Mapping[int, int] = dict(sorted(Counter(values).items()))
    bars = tuple(Point(v, n, f"{what}: {v}\n{of}: {n}", label=str(n)) for v, n in tally.items())
    low, high = min(tally, default=0) - 0.6, max(tally, default=1) + 0.6
    return Panel(title, axes.span(what, low, high), axes.counts(of, tally.values()), (Series(of, bars, kind="bars"),))
