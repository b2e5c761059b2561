"""What a page says of a point: the runs behind it, what they kept, how they trained, and what reproduces them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fairprune.record import Record
from fairprune.report import words
from fairprune.report.remarks import Remark, Remarks
from fairprune.report.rows import anchor
from fairprune.report.shown import Trained
from fairprune.report.training import Picture, pictures
from fairprune.summary import Cell, Comparison, Panel, Summary

MOST_RUNS = 2_000  # of a study, from which the runs of a point are one line
MOST_POINTS = 300  # of a study, from which points are rows of the table alone


@dataclass(frozen=True)
class Layer:
    """How many of a layer's units were kept: shares from 0 to 1, mean, least and most over runs, and in words."""

    name: str
    mean: float
    least: float
    most: float
    text: str


@dataclass(frozen=True)
class Detail:
    """A point: its cell and comparison, the spec of one of its runs but for the seeds, and what else is known of it."""

    anchor: str
    cell: Cell
    comparison: Comparison | None
    spec: str  # JSON; empty where no run has a record
    layers: tuple[Layer, ...]
    training: tuple[Picture, ...]
    pairs: Mapping[str, float]  # run id -> its endpoint minus that of the control's run with the same seeds
    remarks: tuple[Remark, ...]


def details(
    summary: Summary, panel: Panel, records: Mapping[str, Record], trained: Trained, remarks: Remarks
) -> Iterator[Detail]:
    """The points of a panel, the dense control first."""
    compared = {(c.method, c.target): c for c in panel.comparisons}
    values = {(c.method, c.target): _by_seeds(c) for c in (*panel.cells, *([panel.dense] if panel.dense else []))}
    cells = [(None, panel.dense)] if panel.dense else []
    for index, cell in [*cells, *enumerate(panel.cells)]:
        where = anchor(summary, panel, index)
        comparison = compared.get((cell.method, cell.target))
        known = [records[run.id] for run in cell.runs if run.id in records]
        yield Detail(
            anchor=where,
            cell=cell,
            comparison=comparison,
            spec=_spec(known),
            layers=tuple(_layers(known)),
            training=tuple(pictures(summary, cell, trained)),
            pairs=_pairs(cell, values, comparison.control) if comparison else {},
            remarks=remarks.at(where),
        )


def folded(summary: Summary) -> bool:
    """Whether a study has too many runs to list each."""
    return summary.expected > MOST_RUNS


def unlisted(summary: Summary) -> bool:
    """Whether it has too many points to tell more of each than its row does."""
    return sum(len(panel.cells) for panel in summary.panels) > MOST_POINTS


def in_a_line(cell: Cell, decimals: int) -> str:
    """The runs of a point that are not listed."""
    values = [run.value for run in cell.runs if run.value is not None]
    pairs = [f"{run.base_seed}/{run.run_seed}" for run in cell.runs]
    seeds = f"base and run seeds {pairs[0]} to {pairs[-1]}" if len(pairs) > 1 else f"seeds {pairs[0]}"
    if not values:
        return f"{words.runs(cell)} runs; {seeds}."
    low, high = (words.number(value, decimals) for value in (min(values), max(values)))
    median = words.number(statistics.median(values), decimals)
    return f"{words.runs(cell)} runs; {seeds}; from {low} to {high}, median {median}."


def _by_seeds(cell: Cell) -> dict[tuple[int, int], float]:
    return {(r.base_seed, r.run_seed): r.value for r in cell.runs if r.state == "done" and r.value is not None}


def _pairs(
    cell: Cell, values: Mapping[tuple[str, str], Mapping[tuple[int, int], float]], control: str
) -> dict[str, float]:
    """What each run is above the control's of its seeds. A dense control has no target and serves all."""
    others = values.get((control, cell.target)) or values.get((control, "")) or {}
    own = _by_seeds(cell)
    seeds = {run.id: (run.base_seed, run.run_seed) for run in cell.runs}
    return {run: own[pair] - others[pair] for run, pair in seeds.items() if pair in own and pair in others}


def _spec(records: Sequence[Record]) -> str:
    """The resolved spec that the cell's runs share, as JSON; what differs is their seeds."""
    if not records:
        return ""
    shared = records[0].spec.model_dump(mode="json", exclude={"base_seed", "run_seed"}, exclude_none=True)
    return json.dumps(shared, indent=2, ensure_ascii=False)


def _layers(records: Sequence[Record]) -> Iterator[Layer]:
    """Layers or groups in the network's order, over the runs that ended."""
    ended = [record for record in records if record.status == "done" and record.kept]
    for name in ended[0].kept if ended else ():
        found = [record.kept[name] for record in ended if name in record.kept]
        shares = [kept / max(size, 1) for kept, size in found]
        least, most = min(kept for kept, _ in found), max(kept for kept, _ in found)
        span = f"{least:,}" if least == most else f"{least:,}–{most:,}"
        yield Layer(name, statistics.fmean(shares), min(shares), max(shares), f"{span} of {found[0][1]:,}")
