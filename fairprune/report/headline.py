"""What a study shows, in sentences that claim no more than its comparisons do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from fairprune.report import words
from fairprune.summary import Comparison, Panel, Summary

_SAID = {"better": "better than {}", "worse": "worse than {}", "not separated": "not separated from {}"}

_NAMED = 40  # methods in a sentence
_SIZED = 12  # methods in a sentence that says how much


@dataclass(frozen=True)
class Statement:
    """Sentences about one task under one recipe; `where` is empty for those about the whole study."""

    where: str
    sentences: tuple[str, ...]


def headline(summary: Summary) -> list[Statement]:
    """How far the study is, then what each task and recipe shows."""
    progress = _progress(summary)
    found = [Statement("", (progress,))] if progress else []
    if summary.done:
        found += [Statement(where(panel), tuple(_panel(panel, words.digits(summary)))) for panel in summary.panels]
    return found


def where(panel: Panel) -> str:
    """The panel's name."""
    return f"{panel.task}, {panel.recipe}"


def detectable(summary: Summary, panel: Panel) -> str:
    """The differences that this panel could have found, smallest and largest over its comparisons."""
    found = sorted(c.detectable for c in panel.comparisons if c.detectable is not None)
    if not found:
        return "No difference could have been detected: no comparison has replicates enough."
    family = max(c.family for c in panel.comparisons)
    least, most = (words.number(value, words.digits(summary)) for value in (found[0], found[-1]))
    span = least if least == most else f"{least} to {most}"
    depends = "" if least == most else ", depending on method and target,"
    return (
        f"A true difference of {span} {words.points_of(summary)}{depends} would have been found with "
        f"{summary.power:.0%} power (Bonferroni over {words.plural(family, 'comparison')})."
    )


def _progress(summary: Summary) -> str:
    if summary.done == summary.expected:
        return ""
    others = words.unfinished(summary.counts)
    if not summary.done:
        return f"No run has ended yet ({others} of {summary.expected:,})."
    return f"{summary.done:,} of {summary.expected:,} runs ended ({others}). What follows rests on those that ended."


def _panel(panel: Panel, decimals: int) -> list[str]:
    comparisons = panel.comparisons
    if not comparisons and panel.scratch:
        return ["Trained from scratch without a control of its own: see the exploratory comparison with retraining."]
    if not comparisons:
        return ["Nothing is compared here: every method is the control."]
    unlike = {(beside.method, ranking.target) for ranking in panel.rankings for beside in ranking.beside}
    by_verdict: defaultdict[tuple[str, str, bool], dict[str, list[Comparison]]] = defaultdict(dict)
    for c in comparisons:
        by_verdict[c.verdict, c.control, (c.method, c.target) in unlike].setdefault(c.method, []).append(c)
    targets = Counter(c.method for c in comparisons)
    sentences = []
    for verdict in ("better", "worse", "not separated"):
        for (said, control, apart), methods in sorted(by_verdict.items(), key=lambda item: item[0][2]):
            if said == verdict:
                but = ", but not like with like (see beside the ranking)" if apart else ""
                of = _methods(methods, targets, decimals)
                sentences.append(f"{words.capital(_SAID[verdict].format(control))}{but}: {of}.")
    lost = sum(c.verdict == "not estimable" for c in comparisons)
    if lost:
        reasons = sorted({c.reason for c in comparisons if c.verdict == "not estimable"})
        more = f" and {words.plural(len(reasons) - 2, 'more reason')}" if len(reasons) > 2 else ""
        sentences.append(f"Not estimable: {lost} of {len(comparisons)} ({'; '.join(reasons[:2])}{more}).")
    return [*sentences, _behind(panel)]


def _methods(methods: Mapping[str, list[Comparison]], targets: Mapping[str, int], decimals: int) -> str:
    """Names with their targets, and, of a few, with the size of the difference."""
    sized = len(methods) <= _SIZED
    names = [
        _at(name, group, targets[name]) + (_size(group, decimals) if sized else "") for name, group in methods.items()
    ]
    return "; ".join(names[:_NAMED]) + (f"; and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")


def _at(name: str, group: list[Comparison], targets: int) -> str:
    if len(group) == targets:
        return f"{name} at every target" if targets > 1 else name
    suffix = "" if group[0].target.startswith("ratio") else "x"
    return f"{name} at {words.listed(f'{c.amount:g}{suffix}' for c in group)}"


def _size(group: list[Comparison], decimals: int) -> str:
    """From the lowest to the highest end of the differences' intervals."""
    lows, highs = ([end for c in group if (end := getattr(c, side)) is not None] for side in ("low", "high"))
    if not lows:
        return ""
    ends = [words.number(end, decimals, "+") for end in (min(lows), max(highs))]
    return f" [{ends[0]},\N{NO-BREAK SPACE}{ends[1]}]"


def _behind(panel: Panel) -> str:
    """How many runs and bases each point rests on; runs that share a base are no independent sample of bases."""
    runs = sorted({cell.done for cell in panel.cells})
    bases = sorted({cell.bases for cell in panel.cells})
    given = ""
    if any(cell.bases < cell.done for cell in panel.cells) or bases == [1]:
        given = " Intervals hold given this one base." if bases[-1] == 1 else " Intervals hold given these bases."
    return f"Each point rests on {_span(runs, 'run')} from {_span(bases, 'base model')}.{given}"


def _span(counts: list[int], noun: str) -> str:
    """`3 runs`, or `1 to 3 runs`."""
    return (f"{counts[0]:,} to " if counts[0] < counts[-1] else "") + words.plural(counts[-1], noun)
