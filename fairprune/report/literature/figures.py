"""All figures of the literature, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from fairprune.corpus.tables import Corpus, of_origin
from fairprune.errors import SpecError, unknown
from fairprune.report.figures.page import page as page_of
from fairprune.report.figures.values import Figure
from fairprune.report.literature.counts import combinations, compared, per_curve
from fairprune.report.literature.fragmentation import fragmentation
from fairprune.report.literature.graph import graph
from fairprune.report.literature.recipes import recipes
from fairprune.report.literature.replicates import replicates
from fairprune.report.literature.spread import spread
from fairprune.report.literature.tradeoffs import tradeoffs

# From the whole corpus, and the part of it whose papers are counted.
FIGURES: Mapping[str, Callable[[Corpus, Corpus], Figure]] = MappingProxyType(
    {
        "tradeoffs": tradeoffs,
        "comparisons": compared,
        "graph": graph,
        "combinations": combinations,
        "fragmentation": fragmentation,
        "spread": spread,
        "points": per_curve,
        "recipes": recipes,
        "replicates": replicates,
    }
)


def figures(corpus: Corpus, origin: str | None, names: Iterable[str] = ()) -> list[Figure]:
    """The figures of these names, or all. Papers of one origin are counted, or all.

    Raises SpecError for an unknown name, CorpusError for an unknown origin.
    """
    wanted = list(dict.fromkeys(names)) or list(FIGURES)
    for name in wanted:
        if name not in FIGURES:
            raise SpecError(unknown("figure", name, FIGURES))
    counting = corpus if origin is None else of_origin(corpus, origin)
    return [FIGURES[name](corpus, counting) for name in wanted]


def page(drawn: Sequence[Figure]) -> str:
    """Figures of the literature as one HTML file."""
    return page_of(
        "The literature of pruning, in figures",
        "What papers report, drawn from the tables of the corpus.",
        "Nothing here was measured again. A mark leads to its paper, where its address is known; pointing at it, or "
        "the keys Tab and arrows, show what the paper prints. Under each figure are its data.",
        drawn,
    )
