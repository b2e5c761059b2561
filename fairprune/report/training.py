"""Curves of training as small pictures: one line a run, over epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from fairprune.report import words
from fairprune.report.figures.elements import add, element, path, text_of
from fairprune.report.shown import Epochs, Trained
from fairprune.summary import Cell, Replicate, Summary

_STAGES = {
    "pretrain": "pretraining",
    "sparsify": "training that prunes",
    "retrain": "retraining",
    "scratch": "from scratch",
}
_MOST_RUNS, _MOST_EPOCHS = 12, 60  # lines of a picture, points of a line
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 300.0, 110.0, 38.0, 8.0, 8.0, 20.0

Line = Sequence[tuple[float, float]]  # epoch, value


@dataclass(frozen=True)
class Picture:
    """A stage's curves: an SVG that is escaped already, and a sentence that says the same."""

    title: str
    svg: str
    text: str


def pictures(summary: Summary, cell: Cell, trained: Trained) -> Iterator[Picture]:
    """A picture for each stage that trained the cell's networks, by validation; the base's where it is dense."""
    ended = [run for run in cell.runs if run.state == "done" and run.id in trained]
    factor = 100.0 if summary.unit == "%" else 1.0
    for stage, name in _STAGES.items():
        if stage == "pretrain" and cell.target:
            continue
        lines = [
            [*_before(run, stage), *line]
            for run in ended[:_MOST_RUNS]
            if (line := _line(trained[run.id].get(stage, ()), summary.endpoint, factor))
        ]
        if any(len(line) > 1 for line in lines):
            more = f" ({len(lines)} of {len(ended)} runs)" if len(ended) > _MOST_RUNS else ""
            unit = f", {summary.unit}" if summary.unit else ""
            title = f"{words.capital(name)}: validation {words.endpoint(summary)}{unit}{more}"
            yield Picture(title, _svg(lines, words.digits(summary)), _said(lines, words.digits(summary)))


def _before(run: Replicate, stage: str) -> Line:
    """Where retraining begins: with what pruning left."""
    return [(0.0, run.pruned)] if stage == "retrain" and run.pruned is not None else []


def _line(rows: Epochs, column: str, factor: float) -> Line:
    """One run's curve, thinned where it is long; without epochs whose value is not there or not finite."""
    known = [
        (epoch, value * factor)
        for row in rows
        if (epoch := row.get("epoch")) is not None and (value := row.get(column)) is not None
    ]
    step = -(-len(known) // _MOST_EPOCHS) or 1
    kept = known[::step]
    return kept if not known or kept[-1] == known[-1] else [*kept, known[-1]]


def _svg(lines: Sequence[Line], decimals: int) -> str:
    values = [value for line in lines for _, value in line]
    low, high, last = min(values), max(values), max(line[-1][0] for line in lines)
    root = element("svg", class_="training", viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}", aria_hidden="true")
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    add(root, "path", d=path([(_LEFT, _TOP), (_LEFT, bottom), (right, bottom)]), class_="frame")
    _text(root, words.number(high, decimals), _LEFT - 4, _TOP + 6, "end")
    if high > low:
        _text(root, words.number(low, decimals), _LEFT - 4, bottom, "end")
    _text(root, "0", _LEFT, _HEIGHT - 6, "middle")
    _text(root, f"{last:.3g} epochs", right, _HEIGHT - 6, "end")

    def place(epoch: float, value: float) -> tuple[float, float]:
        share = (value - low) / (high - low) if high > low else 0.5
        return _LEFT + (right - _LEFT) * epoch / last, bottom - (bottom - _TOP - 3) * share

    for line in lines:
        places = [place(*point) for point in line]
        if len(places) > 1:
            add(root, "path", d=path(places), class_="run")
        if len(places) < 10:
            for x, y in places:
                add(root, "circle", cx=x, cy=y, r=2.0)
    return text_of(root)


def _text(root: Element, text: str, x: float, y: float, anchor: str) -> None:
    add(root, "text", text, x=x, y=y, text_anchor=anchor)


def _said(lines: Sequence[Line], decimals: int) -> str:
    """From where to where the runs went; before retraining means right after pruning."""

    def span(values: Sequence[float]) -> str:
        low, high = (words.number(value, decimals) for value in (min(values), max(values)))
        return low if low == high else f"{low} to {high}"

    first, last = span([line[0][1] for line in lines]), span([line[-1][1] for line in lines])
    epochs = max(line[-1][0] for line in lines)
    since = "before" if all(line[0][0] == 0 for line in lines) else "after the first epoch"
    return f"{first} {since}, {last} after {epochs:.3g} epochs."
