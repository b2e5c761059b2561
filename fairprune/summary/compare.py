"""Comparisons: every method against the declared control of its granularity, and scratch against retraining."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairprune import stats
from fairprune.study import answers
from fairprune.summary.cells import Scale
from fairprune.summary.values import Cell, Comparison, Panel

_CONTROL = "control"  # the one name under which the controls of all granularities enter the statistics


@dataclass(frozen=True)
class Inference:
    """What a study's statistics are asked for; `margin` (in the summary's unit) for equivalence, None: not asked."""

    confidence: float
    power: float
    margin: float | None


Tables = dict[str, dict[str, dict[Hashable, float]]]  # target -> method -> pair of seeds -> value


def control_of(granularity: str, pattern: str, cells: Iterable[Cell]) -> str | None:
    """The control of a granularity: the first method of it that the pattern names, else the dense control."""
    matching = [c for c in cells if answers(pattern, c.method, granularity)]
    own = [c.method for c in matching if c.granularity == granularity]
    return next(iter(own or [c.method for c in matching if not c.granularity]), None)


def declared(panels: Sequence[Panel], pattern: str, scale: Scale, asked: Inference) -> list[tuple[Comparison, ...]]:
    """Every method but the controls against its control, for each panel; all of them corrected as one family.

    One additive model per panel, target and granularity, since only methods of one granularity share a control.
    """
    tables: Tables = {}
    rows: list[tuple[int, Cell, str, str]] = []  # panel, cell, its table, its control's name
    for index, panel in enumerate(panels):
        every = [*panel.cells, *([panel.dense] if panel.dense else [])]
        controls = {g: control_of(g, pattern, every) for g in sorted({cell.granularity for cell in panel.cells})}
        for cell in panel.cells:
            control = controls[cell.granularity]
            if cell.method == control or (control is None and panel.scratch):
                continue  # scratch runs without a control of their own answer to finetuned ones (against_retraining)
            key = f"{index}, {cell.target}, {cell.granularity}"
            rows.append((index, cell, key, control or ""))
            if control:
                start = {_CONTROL: _control_values(every, control, cell.target)}
                tables.setdefault(key, start)[cell.method] = values(cell)
    found = _judged(tables, scale, asked)
    return [
        tuple(_comparison(p, cell, name, found.get((key, cell.method)), asked) for i, cell, key, name in rows if i == n)
        for n, p in enumerate(panels)
    ]


def against_retraining(panels: Sequence[Panel], scale: Scale, asked: Inference) -> tuple[Comparison, ...]:
    """Training from scratch against retraining the same method, for each of a task's recipes: exploratory."""
    scratch = [panel for panel in panels if panel.scratch]
    found: list[Comparison] = []
    for reference in (panel for panel in panels if panel not in scratch):
        tables: Tables = {}
        rows: list[tuple[Panel, Cell, str]] = []
        own = {(cell.method, cell.target): cell for cell in reference.cells}
        for panel in scratch:
            for cell in panel.cells:
                if (cell.method, cell.target) in own:
                    key = f"{cell.method}, {cell.target}"
                    rows.append((panel, cell, key))
                    start = {_CONTROL: values(own[cell.method, cell.target])}
                    tables.setdefault(key, start)[panel.recipe] = values(cell)
        judged = _judged(tables, scale, asked)
        found += [
            _comparison(panel, cell, reference.recipe, judged.get((key, panel.recipe)), asked, exploratory=True)
            for panel, cell, key in rows
        ]
    return tuple(found)


def values(cell: Cell) -> dict[Hashable, float]:
    """The endpoint of every run that ended, by its pair of seeds."""
    return {(r.base_seed, r.run_seed): r.value for r in cell.runs if r.state == "done" and r.value is not None}


def _control_values(cells: Iterable[Cell], control: str, target: str) -> dict[Hashable, float]:
    """The control's runs at this target; the dense control has none and serves all."""
    return next((values(c) for c in cells if c.method == control and c.target in (target, "")), {})


def _judged(tables: Mapping[str, stats.Table], scale: Scale, asked: Inference) -> dict[tuple[str, str], stats.Contrast]:
    if not tables:
        return {}
    found = stats.families(tables, _CONTROL, asked.confidence, higher_is_better=scale.direction != "lower")
    return {(key, contrast.method): contrast for key, contrasts in found.items() for contrast in contrasts}


def _comparison(
    panel: Panel, cell: Cell, control: str, found: stats.Contrast | None, asked: Inference, *, exploratory: bool = False
) -> Comparison:
    names: dict[str, Any] = {"task": panel.task, "recipe": panel.recipe, "method": cell.method, "target": cell.target}
    fields = names | {"control": control, "amount": cell.amount, "exploratory": exploratory}
    if found is None:
        return Comparison(**fields, reason="the study has no control of this granularity")
    return Comparison(
        **fields,
        n=found.pairs,
        family=found.family,
        verdict=found.verdict,
        reason=found.reason.replace(f"'{_CONTROL}'", control),
        difference=found.difference,
        low=found.low,
        high=found.high,
        p=found.p,
        adjusted=found.p_adjusted,
        detectable=_detectable(found, asked.power),
        equivalent=stats.equivalence(found, asked.margin, asked.confidence).equivalent if asked.margin else None,
    )


def _detectable(found: stats.Contrast, power: float) -> float | None:
    if not found.std_error or not found.df:
        return None
    return stats.detectable(found.std_error, found.df, found.level, power, found.family)
