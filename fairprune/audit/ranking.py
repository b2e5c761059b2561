"""Ranks within classes of comparable results, for every panel and target of a summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairprune import stats
from fairprune.audit.classes import Terms, form, terms, unmatched
from fairprune.audit.measured import result_of
from fairprune.audit.result import Result
from fairprune.record import Record
from fairprune.study import Demand
from fairprune.summary import Beside, Cell, Panel, Rank, Ranking, State, Summary
from fairprune.summary.compare import control_of, values


@dataclass(frozen=True)
class _Group:
    """Cells of one panel, target and granularity, and their control, which may be dense; None: there is none."""

    panel: int
    cells: tuple[Cell, ...]
    control: Cell | None

    @property
    def table(self) -> dict[str, Mapping[Any, float]]:
        """Every method's endpoint by seeds: the table in which the declared comparisons are made."""
        cells = {cell.method: cell for cell in (*self.cells, *([self.control] if self.control else []))}
        return {name: values(cell) for name, cell in cells.items()}


@dataclass(frozen=True)
class _Runs:
    """The results that ended, of every cell."""

    summary: Summary
    by_id: Mapping[str, Result]

    def of(self, cell: Cell) -> list[Result]:
        return [self.by_id[run.id] for run in cell.runs if run.state == "done"]

    def anew(self, panel: Panel, cell: Cell) -> list[Result]:
        """The scratch runs of the cell's method at its target."""
        others = (c for p in self.summary.panels if p.task == panel.task and p.scratch for c in p.cells)
        return [run for c in others if (c.method, c.target) == (cell.method, cell.target) for run in self.of(c)]


def ranked(summary: Summary, records: Mapping[str, Record | Result], demand: Demand, tau: float = 0.05) -> Summary:
    """The summary with its rankings. `records`, or their results, are by run id; for the rest see `classes.terms`.

    Methods of different granularities are not ranked together. All methods that share a control are compared, each two
    of them, as one family over the study, those beside a class as well: so no rank contradicts a declared comparison.
    """
    runs = _Runs(summary, {id: result_of(records[id]) for id in _ended(summary)})
    groups = [group for index in range(len(summary.panels)) for group in _groups(summary, index)]
    tables = {str(index): group.table for index, group in enumerate(groups)}
    pairs = stats.all_pairs(tables, summary.confidence, higher_is_better=summary.direction != "lower")
    found: list[list[Ranking]] = [[] for _ in summary.panels]
    for index, group in enumerate(groups):
        found[group.panel].append(_ranking(group, pairs[str(index)], runs, demand, tau))
    panels = (p.model_copy(update={"rankings": tuple(own)}) for p, own in zip(summary.panels, found, strict=True))
    return summary.model_copy(update={"panels": tuple(panels)})


def _ended(summary: Summary) -> Iterator[str]:
    return (run.id for panel in summary.panels for cell in panel.cells for run in cell.runs if run.state == "done")


def _groups(summary: Summary, index: int) -> Iterator[_Group]:
    panel = summary.panels[index]
    every = [*panel.cells, *([panel.dense] if panel.dense else [])]
    for target, granularity in dict.fromkeys((cell.target, cell.granularity) for cell in panel.cells):
        cells = tuple(cell for cell in panel.cells if (cell.target, cell.granularity) == (target, granularity))
        name = control_of(granularity, summary.control, every)
        control = next((cell for cell in every if cell.method == name and cell.target in (target, "")), None)
        yield _Group(index, cells, control)


def _ranking(group: _Group, pairs: stats.Judged, runs: _Runs, demand: Demand, tau: float) -> Ranking:
    panel, first = runs.summary.panels[group.panel], group.cells[0]
    asked = terms(demand, scratch=panel.scratch, tau=tau)
    unfit = {cell.method: why for cell in group.cells if (why := _unfit(panel, cell, runs, asked))}
    fit = {cell.method: runs.of(cell) for cell in group.cells if cell.method not in unfit}
    found = form(fit, group.control.method if group.control else "", asked)
    why_not = {**unfit, **found.apart}
    reason = _unrankable(found.members, pairs, runs.summary)
    higher = runs.summary.direction != "lower"
    placed = () if reason else stats.ranks(pairs, found.members, higher_is_better=higher)
    return Ranking(
        target=first.target,
        amount=first.amount or 0.0,
        granularity=first.granularity,
        setup=str(asked),
        tau=tau,
        around=found.around,
        ranks=tuple(Rank(method=rank.method, best=rank.best, worst=rank.worst) for rank in placed),
        beside=tuple(Beside(method=c.method, reason=why_not[c.method]) for c in group.cells if c.method in why_not),
        reason=reason,
    )


def _unfit(panel: Panel, cell: Cell, runs: _Runs, asked: Terms) -> str:
    """Why a method cannot be ranked, whatever it is compared with; empty where it can.

    A run that diverged or failed is not missing by chance, so the mean of the others would flatter the method.
    """
    lost: tuple[State, ...] = ("diverged", "failed")
    for state in lost:
        if cell.counts.get(state):
            return f"{cell.counts[state]} of {cell.expected} runs {state}"
    if not cell.done:
        return "no run ended"
    return unmatched(runs.of(cell), runs.anew(panel, cell) if asked.anew else (), asked)


def _unrankable(members: Sequence[str], pairs: stats.Judged, summary: Summary) -> str:
    """Why a class has no ranks; empty where it has."""
    if len(members) < 2:
        return "no two are comparable"
    if summary.direction == "none":
        return f"{summary.endpoint} has no better direction"
    return stats.why_unknown(pairs, members) or ""
