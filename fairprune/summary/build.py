"""From a study, its points and their records to the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from fairprune.expand import Point
from fairprune.record import Record
from fairprune.study import Study
from fairprune.summary.briefs import Brief, Kinds, brief
from fairprune.summary.cells import Scale, base_spread, cell, scale_of
from fairprune.summary.compare import Inference, against_retraining, declared
from fairprune.summary.cost import charges, places, timed
from fairprune.summary.images import Answers, Correct, over_images, resampled
from fairprune.summary.values import Cell, Comparison, Panel, Summary


def summarise(
    study: Study,
    points: Sequence[Point],
    records: Mapping[str, Record | Brief],
    confidence: float = 0.95,
    power: float = 0.8,
    correct: Correct | Answers | None = None,
) -> Summary:
    """Everything that tables and reports show of a study, complete or not.

    `records`, or what `brief` takes from them, are by run id and may hold others. `power` is for the differences that
    the study could have detected. `correct` reads per-example correctness (`correct_in(store)`); without it, no
    interval holds the sampling of images.
    """
    own = briefs(points, records)
    scale = scale_of(study.endpoint, own.values())
    answers = correct if isinstance(correct, Answers) or correct is None else Answers(correct)
    asked = Inference(confidence, power, study.margin)
    bare = [_panel(group, own, scale, asked, answers) for group in _grouped(points, "task", "retraining")]
    compared = declared(bare, study.control, scale, asked)
    panels = tuple(
        p.model_copy(update={"comparisons": _over_images(p, c, own, scale, asked, answers) if answers else c})
        for p, c in zip(bare, compared, strict=True)
    )
    tasks = {panel.task: [p for p in panels if p.task == panel.task] for panel in panels}
    costs = charges(own.values())
    runs = [run for p in panels for c in (*p.cells, *([p.dense] if p.dense else [])) for run in c.runs]
    return Summary(
        name=study.name,
        question=study.question,
        axis=study.axis,
        targets=study.targets,
        endpoint=study.endpoint,
        direction=scale.direction,
        unit=scale.unit,
        control=study.control,
        confidence=confidence,
        power=power,
        margin=study.margin,
        counts=dict(Counter(run.state for run in runs)),
        samples=_samples({id(run.kinds): run.kinds for run in own.values()}.values()),
        panels=panels,
        exploratory=tuple(c for group in tasks.values() for c in against_retraining(group, scale, asked)),
        charges=costs,
        places=places(own.values()),
        timed=timed(own.values()),
        test_looks=sum(charge.test_looks for charge in costs),
    )


def briefs(points: Iterable[Point], records: Mapping[str, Record | Brief]) -> dict[str, Brief]:
    """The records of some runs in brief, as far as they are there, by run id."""
    found = ((point.id, records[point.id]) for point in points if point.id in records)
    return {id: record if isinstance(record, Brief) else brief(record) for id, record in found}


def _panel(
    points: Sequence[Point],
    records: Mapping[str, Brief],
    scale: Scale,
    asked: Inference,
    answers: Answers | None,
) -> Panel:
    """A task under a recipe, nothing compared yet. A method's targets stand together, in the study's order."""
    dense = [point for point in points if point.spec.kind == "dense"]
    pruned = [point for point in points if point.spec.kind != "dense"]

    def made(group: Sequence[Point]) -> Cell:
        plain = cell(group, records, scale, asked.confidence)
        done = [records[run.id] for run in plain.runs if run.state == "done"]
        sampled = resampled(done, scale, asked.confidence, answers) if answers else None
        return plain.model_copy(update={"resampled": sampled})

    by_method = (group for method in _grouped(pruned, "method") for group in _by_target(method))
    return Panel(
        task=points[0].labels["task"],
        recipe=points[0].labels["retraining"],
        kind=points[0].spec.retraining.kind,
        cells=tuple(made(group) for group in by_method),
        base=base_spread(points, records, scale, asked.confidence),
        dense=made(dense) if dense else None,
    )


def _over_images(
    panel: Panel,
    comparisons: Sequence[Comparison],
    records: Mapping[str, Brief],
    scale: Scale,
    asked: Inference,
    answers: Answers,
) -> tuple[Comparison, ...]:
    """The panel's comparisons with the sampling of test images. A dense control has no target and serves all."""
    cells = {(c.method, c.target): c for c in (*panel.cells, *([panel.dense] if panel.dense else []))}

    def done(method: str, target: str) -> list[Brief]:
        found = cells.get((method, target)) or cells.get((method, ""))
        return [records[run.id] for run in found.runs if run.state == "done"] if found else []

    return tuple(
        over_images(c, done(c.method, c.target), done(c.control, c.target), scale, asked.confidence, answers)
        for c in comparisons
    )


def _grouped(points: Iterable[Point], *labels: str) -> list[list[Point]]:
    groups: dict[tuple[str, ...], list[Point]] = {}
    for point in points:
        groups.setdefault(tuple(point.labels[label] for label in labels), []).append(point)
    return list(groups.values())


def _by_target(points: Iterable[Point]) -> list[list[Point]]:
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(str(point.spec.target), []).append(point)
    return list(groups.values())


def _samples(kinds: Iterable[Kinds]) -> dict[str, int]:
    """Samples behind the metrics of each split; the largest where tasks differ. Of the training split none is whole."""
    found: dict[str, int] = {}
    for kind in (kind for each in kinds for kind in each.every):
        if kind.n and kind.split in ("validation", "test"):
            found[kind.split] = max(kind.n, found.get(kind.split, 0))
    return found
