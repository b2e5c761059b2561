"""Where methods stand in their class, in words: ranks, and what stands beside them and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fairprune.report import words
from fairprune.summary import Cell, Panel, Ranking


@dataclass(frozen=True)
class Standing:
    """What belongs under a panel's table: what is ranked, and a line for every reason why something is not."""

    about: tuple[str, ...]
    beside: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """The ranks that the data allow, best to worst, of so many methods."""

    best: int
    worst: int
    of: int

    @property
    def text(self) -> str:
        """What a bracket over these ranks means."""
        if self.best == self.worst:
            return f"rank {self.best} of {self.of}, separated from all others of its class"
        return (
            f"any rank from {self.best} to {self.worst} of {self.of} is possible: not separated from some of the others"
        )


def places(panel: Panel) -> dict[tuple[str, str], Place]:
    """The places of all that is ranked, by method and target."""
    return {
        (rank.method, ranking.target): Place(rank.best, rank.worst, len(ranking.ranks))
        for ranking in panel.rankings
        for rank in ranking.ranks
    }


def rank(panel: Panel, cell: Cell) -> str:
    """`2 of 9`, or `1–3 of 9` where several are allowed; `beside`, `–` where a class has no ranks; else nothing."""
    if not _begun(panel):
        return ""
    ranking = next((r for r in panel.rankings if (r.target, r.granularity) == (cell.target, cell.granularity)), None)
    if ranking is None:
        return ""
    if any(beside.method == cell.method for beside in ranking.beside):
        return "beside"
    found = next((r for r in ranking.ranks if r.method == cell.method), None)
    if found is None:
        return "–"
    return f"{found.best}{f'–{found.worst}' if found.worst > found.best else ''} of {len(ranking.ranks)}"


def standing(panel: Panel) -> Standing:
    """What is ranked in a panel, and why the rest is not; nothing while no run has ended."""
    if not _begun(panel):
        return Standing((), ())
    return Standing(tuple(_about(panel.rankings)), tuple(_beside(panel.rankings)))


def _begun(panel: Panel) -> bool:
    return any(cell.done for cell in panel.cells)


def _about(rankings: Iterable[Ranking]) -> Iterator[str]:
    """`Ranked at 2x and 4x: METHODS that reach S3.2 with METHOD`, and likewise what is not."""
    classes: dict[tuple[str, str], list[Ranking]] = {}
    for r in rankings:
        kind = f"{r.granularity} methods" if r.granularity else "methods"
        reached = f"{kind} that reach {r.setup} with {r.around} (rates within {r.tau:.1%})"
        said = ("Ranked", reached) if r.ranks else ("Not ranked", f"{kind} ({r.reason})")
        classes.setdefault(said, []).append(r)
    for (how, what), group in classes.items():
        yield f"{how} at {_targets(group)}: {what}."


def _beside(rankings: Iterable[Ranking]) -> Iterator[str]:
    """`METHOD, METHOD at 2x and 4x: REASON`."""
    places: dict[tuple[str, str], list[Ranking]] = {}
    for ranking in rankings:
        for beside in ranking.beside:
            places.setdefault((beside.method, beside.reason), []).append(ranking)
    alike: dict[tuple[str, str], list[str]] = {}
    for (method, reason), group in places.items():
        alike.setdefault((_targets(group), reason), []).append(method)
    return (f"{', '.join(methods)} at {targets}: {reason}" for (targets, reason), methods in alike.items())


def _targets(rankings: Iterable[Ranking]) -> str:
    return words.listed(dict.fromkeys(words.amount_of(r.target, r.amount) for r in rankings))
