from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from fairprune.audit.study import audit_study, facts_of
from fairprune.expand import Point, Resolver, expand
from fairprune.record import Metric, Record
from fairprune.study import Study, parse_study
from fairprune.summary import summarise

STUDY = """
name = "tiny"
targets = [2, 4]
axis = "speedup"
seeds = 2
task = {data = "digits", network = "lenet300", pretrain = {schedule = "constant:1e-1 total:4"}}
methods = {magnitude = {criterion = "magnitude"}, random = {criterion = "random"}}
retraining = {tune = {schedule = "constant:1e-3 total:4"}}
"""
ACCURACY = {"dense": (0.9, 0.9), "magnitude": (0.8, 0.6), "random": (0.7, 0.7)}


@pytest.fixture
def study() -> Study:
    return parse_study(tomllib.loads(STUDY))


@pytest.fixture
def points(study: Study) -> tuple[Point, ...]:
    resolver = Resolver(lambda _: {"train": "1", "validation": "2", "test": "3"}, lambda _: "")
    return expand(study, resolver)


@pytest.fixture
def records(points: tuple[Point, ...], record: Callable[..., Record]) -> dict[str, Record]:
    """Every point done on its target, under names of another study that ran them first."""

    def done(point: Point) -> Record:
        seed, target = point.spec.run_seed, point.spec.target
        top1 = ACCURACY[point.labels["method"]][seed]
        full = record(
            id=point.id,
            spec=point.spec,
            labels={"method": "elsewhere", "task": "elsewhere", "retraining": "elsewhere", "study": "elsewhere"},
            metrics=tuple(
                Metric(name="top1", split="test", value=top1, unit="fraction", n=100, when=when)
                for when in ("base", "final")
            ),
            kept={"a": (2, 4)},
        )
        small = full.dense.model_copy(update={"macs": round(full.dense.macs / target.value)}) if target else full.dense
        base = full.stages[0].model_copy(update={"digest": f"base-{seed}"})
        return full.model_copy(update={"small": small, "stages": (base, *full.stages[1:])})

    return {point.id: done(point) for point in points}


def test_what_a_study_declares(study: Study) -> None:
    facts = facts_of(study)
    assert (facts.axis, facts.targets, facts.endpoint, facts.control, facts.seeds) == (
        "speedup",
        (2.0, 4.0),
        "top1",
        "random",
        2,
    )
    assert facts.switched_off == frozenset()
    controls = study.controls.model_copy(update={"dense": False, "random": False})
    assert facts_of(study.model_copy(update={"controls": controls})).switched_off == {"dense", "random"}


def test_findings_of_a_study_under_its_own_names(
    study: Study, points: tuple[Point, ...], records: dict[str, Record]
) -> None:
    findings = {f.rule: f for f in audit_study(study, points, records, summarise(study, points, records))}
    assert set(findings) == {"few-seeds", "missing-like-control", "not-separated", "few-targets", "few-tasks"}
    assert findings["few-seeds"].text.endswith("5 of 5 points do not rest on 3 runs: 5 on 2 (2 seeds were declared)")
    assert findings["not-separated"].text.startswith("digits-lenet300, tune, speedup ")
    assert "magnitude not separated" in findings["not-separated"].text
    assert len(findings["not-separated"].ids) == 2


def test_runs_that_are_not_there_yet_are_no_evidence(study: Study, points: tuple[Point, ...]) -> None:
    findings = audit_study(study, points, {}, summarise(study, points, {}))
    assert {finding.rule for finding in findings} <= {"not-estimable"}


@pytest.mark.parametrize("reading", ["liu", "wang", "ticket"])
def test_scratch_runs_are_counted_as_the_study_reads_them(
    study: Study, points: tuple[Point, ...], records: dict[str, Record], trained: Callable[..., Any], reading: Any
) -> None:
    """Scratch-B by Liu's count, without the 4 epochs of retraining: 6 epochs of 100 are 12 of 50 multiply-adds."""
    entry = study.retraining["tune"].model_copy(update={"kind": "scratch-b", "reading": reading})
    both = study.model_copy(update={"retraining": {**study.retraining, "anew": entry}})
    pruned = next(p for p in points if p.labels["method"] == "random" and p.spec.target.value == 2)
    read = {"kind": "scratch", "retraining": pruned.spec.retraining.model_copy(update={"reading": reading})}
    anew = Point(pruned.spec.model_copy(update=read), {**pruned.labels, "retraining": "anew"}, "anew")
    base = trained("pretrain", "constant:1e-1 total:6", 6, 100)
    tuned = records[pruned.id].model_copy(update={"ledger": (base, *records[pruned.id].ledger[1:])})
    scratch = (*tuned.ledger[:4], trained("scratch", "constant:1e-1 total:12", 12, 50), tuned.ledger[5])
    runs = {pruned.id: tuned, "anew": tuned.model_copy(update={"id": "anew", "spec": anew.spec, "ledger": scratch})}
    findings = audit_study(both, (pruned, anew), runs, summarise(study, (pruned,), runs))
    assert any(f.rule == "scratch-budget" for f in findings) == (reading == "wang")
