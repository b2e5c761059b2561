"""Published results beside a study's own, in words: as reported, never as ranked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairprune.audit.classes import WANTED
from fairprune.audit.setups import ORDER, RATES, Blocked, strictness
from fairprune.corpus.beside import Beside, Published
from fairprune.corpus.tables import Corpus
from fairprune.report import words
from fairprune.report.literature.papers import Library, library
from fairprune.schedules import Schedule
from fairprune.summary import Panel

UNKNOWN = "unknown"
_DIGEST = re.compile("[0-9a-f]{32,}")
_BELOW, _NONE = "below S1", "no run of ours"


@dataclass(frozen=True)
class Shelf:
    """Published results by a study's tasks, with the papers they are of. `metric` is the endpoint: top1 or top5."""

    tasks: Mapping[str, Beside]
    papers: Library
    metric: str

    def of(self, panel: Panel) -> list[Published]:
        """What belongs into a panel: scratch runs beside scratch runs, pruned networks beside pruned ones."""
        kind = "scratch" if panel.scratch else "prune"
        on = self.tasks[panel.task].results if panel.task in self.tasks else ()
        return [one for one in on if one.result.kind == kind]


@dataclass(frozen=True)
class Line:
    """A published result in words: one row of a table. `link` leads to the paper, or is empty."""

    paper: str
    method: str
    compression: str
    speedup: str
    accuracy: str
    runs: str
    setup: str
    blocked: str
    source: str
    link: str


def shelf(corpus: Corpus, found: Iterable[Beside], metric: str) -> Shelf:
    """What was found, with the papers of the corpus."""
    return Shelf({one.task.name: one for one in found}, library(corpus), metric)


def lines(beside: Beside, papers: Library) -> list[Line]:
    """A task's published results that give an accuracy or its change, by year, paper, method and rate."""
    given = (one for one in beside.results if one.value is not None or one.change is not None)
    return [
        Line(
            paper=paper_of(one, papers),
            method=method_of(one),
            compression=rate_of(one.result.compression),
            speedup=rate_of(one.result.speedup),
            accuracy=accuracy_of(one),
            runs=runs_of(one),
            setup=setup_of(one),
            blocked=blocked_of(one),
            source=one.row["source"],
            link=papers.link(one.row["paper"]),
        )
        for one in given
    ]


def about(beside: Beside, metric: str) -> list[str]:
    """What a reader must know of a task's published results, in sentences."""
    task, found = beside.task, beside.results
    papers = len({one.row["paper"] for one in found})
    names = words.listed(network["name"] for network in beside.networks)
    said = [
        f"{words.plural(len(found), 'published result')} of {words.plural(papers, 'paper')} on {names} and "
        f"{beside.dataset['name']}, as reported: none of them was measured here.",
        *(f"{network['name']}: {network['about']}." for network in beside.networks if network["about"]),
        _reached(found),
    ]
    if not task.official:
        said.append("Our accuracies are of a test split of our own, which is another data set: no setup is reached.")
    if task.network != task.component:
        said.append(f"Ours is {task.network}, not {task.component} as it is by default: no setup is reached.")
    lost = sum(one.value is None and one.change is None for one in found)
    if lost:
        said.append(f"{lost} of them {'give' if lost > 1 else 'gives'} neither {metric} nor its change: not listed.")
    return said


def _reached(found: Sequence[Published]) -> str:
    """How many reach which setup, and that none of them is ranked."""
    levels = Counter(map(setup_of, found))
    counted = ", ".join(f"{level} ({levels[level]})" for level in (*reversed(ORDER), _BELOW, _NONE) if levels[level])
    most = max((strictness(one.verdict) for one in found if one.verdict), default=-1)
    ranked = (
        f"None reaches {WANTED}, so none is ranked with ours."
        if most < ORDER.index(WANTED)
        else "Ranks are among our own runs all the same."
    )
    tau = next((f"{one.verdict.tau:.0%}" for one in found if one.verdict), "")
    within = f" (rates within {tau})" if tau else ""
    return f"Strictest setup with a run of ours{within}: {counted}. {ranked}"


def setup_of(one: Published) -> str:
    """The strictest setup with a run of ours."""
    return _NONE if one.verdict is None else one.verdict.setup or _BELOW


def blocked_of(one: Published) -> str:
    """`S1: our nearest speedup is 4x`: what keeps it from the next setup; empty where nothing does."""
    rates = [block for block in one.blocked_by if block.field in RATES]
    said = [_differs(block) for block in one.blocked_by if block.field not in RATES]
    if rates:
        ours = ", ".join(f"{block.field} is {words.times(block.a)}" for block in rates if block.a and block.b)
        said.insert(0, f"our nearest {ours}" if ours else "no rate in common")
    return f"{one.blocked_by[0].setup}: {', '.join(said)}" if said else ""


def _differs(block: Blocked) -> str:
    field = block.field.replace("_", " ")
    unknown = [whose for whose, value in (("of ours", block.a), ("in print", block.b)) if value is None]
    if unknown:
        return f"{field} {UNKNOWN}" + (f" {unknown[0]}" if len(unknown) == 1 else "")
    return f"{field} {_brief(block.a)} against {_brief(block.b)}"


def _brief(value: Any) -> str:
    """The value; of a digest, its first digits."""
    text = f"{value:g}" if isinstance(value, float) else f"{value}"
    return text[:8] if _DIGEST.fullmatch(text) else text or "none"


def paper_of(one: Published, papers: Library) -> str:
    """`Luo 2017`."""
    return papers.short.get(one.row["paper"], str(one.row["paper"]))


def method_of(one: Published) -> str:
    """The method, with what tells its results apart."""
    kind = "from scratch" if one.result.kind == "scratch" else None
    return ", ".join(text for text in (one.result.name, one.row["setting"], kind) if text)


def rate_of(value: float | None) -> str:
    """`2.11x`; empty where it is not known."""
    return "" if value is None else words.times(value)


def accuracy_of(one: Published) -> str:
    """`92.26 ± 0.31`, or the change where that is all."""
    if one.value is None:
        return "" if one.change is None else f"change {words.number(one.change, 2, '+')}"
    return f"{one.value:.2f}" + ("" if one.std is None else f" ± {one.std:.2f}")


def runs_of(one: Published) -> str:
    """Runs behind the number."""
    return UNKNOWN if one.row["seeds"] is None else f"{one.row['seeds']}"


def to_json(beside: Beside) -> list[dict[str, Any]]:
    """A task's published results for programs: accuracies in percent, changes in points."""
    return [
        {
            "task": beside.task.name,
            **{name: one.row[name] for name in ("key", "paper", "source", "kind", "method", "variant", "setting")},
            "compression": one.result.compression,
            "speedup": one.result.speedup,
            **{"accuracy": one.value, "std": one.std, "change": one.change, "runs": one.row["seeds"]},
            "setup": one.verdict.setup if one.verdict else None,
            "flags": one.verdict.flags if one.verdict else (),
            "with_run": one.nearest.id if one.nearest else None,
            "blocked_by": [
                {"setup": block.setup, "field": block.field, "ours": _plain(block.a), "published": _plain(block.b)}
                for block in one.blocked_by
            ],
        }
        for one in beside.results
    ]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Schedule) else value
