"""What results say of a claim: the effects of its tests, seed by seed, and the verdict."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from fairprune.claims.values import Cell, Claim, Scale, Test
from fairprune.errors import SpecError, unknown
from fairprune.expand import Point
from fairprune.record import Record
from fairprune.stats import Expectation, Outcome, expectation

T = TypeVar("T")
Points: TypeAlias = Mapping[str, Sequence[Point]]  # study -> its runs


@dataclass(frozen=True)
class Tested:
    """A test, and its effect in `unit`."""

    test: Test
    unit: str
    found: Expectation


@dataclass(frozen=True)
class Judgement:
    """A claim at one scale. `tests` are in the claim's order."""

    claim: Claim
    scale: Scale
    level: float
    tests: tuple[Tested, ...]

    @property
    def verdict(self) -> Outcome:
        """Contradicted by one test, reproduced only by all of them."""
        outcomes = [tested.found.outcome for tested in self.tests]
        if "contradicted" in outcomes:
            return "contradicted"
        return "reproduced" if all(outcome == "reproduced" for outcome in outcomes) else "undecided"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "claim": self.claim.name,
            "text": self.claim.claim,
            "source": self.claim.source,
            "scale": self.scale,
            "level": self.level,
            "verdict": self.verdict,
            "tests": [
                {
                    "name": tested.test.name,
                    "expect": tested.test.expect,
                    "margin": tested.test.margin or None,
                    "unit": tested.unit,
                    "effect": vars(tested.found.seen) if tested.found.seen else None,
                    "p": tested.found.p,
                    "p_contrary": tested.found.p_contrary,
                    "outcome": tested.found.outcome,
                }
                for tested in self.tests
            ],
        }


def check(claim: Claim, scale: Scale, points: Points) -> None:
    """Raise SpecError for a cell of the tests that the scale's studies do not have, or have several of."""
    for test in claim.tests[scale]:
        for cell in (*test.plus, *test.minus):
            found_by(claim, scale, cell, points)


def judge(claim: Claim, scale: Scale, points: Points, records: Mapping[str, Record], level: float = 0.95) -> Judgement:
    """The claim's tests on the records there are, by run id. Seeds that lack one of a test's cells are left out.

    All tests have to hold, each at its level, so that reproducing needs no correction (an intersection-union test); one
    contradiction is enough, so that its level is divided by the number of tests (Bonferroni).
    """
    tests = claim.tests[scale]

    def tested(test: Test) -> Tested:
        plus, minus = (
            [_values(claim, scale, cell, points, records) for cell in side] for side in (test.plus, test.minus)
        )
        units = {unit for _, unit in (*plus, *minus) if unit is not None}
        if len(units) > 1:
            raise SpecError(f"claim {claim.name}: test '{test.name}' adds up {' and '.join(sorted(units))}")
        tables = [values for values, _ in (*plus, *minus)]
        seeds = [seed for seed in tables[0] if all(seed in values for values in tables)]
        effects = [sum(v[seed] for v, _ in plus) - sum(v[seed] for v, _ in minus) for seed in seeds]
        found = expectation(effects, test.expect, test.margin, level, len(tests))
        return Tested(test, next(iter(units), ""), found)

    return Judgement(claim, scale, level, tuple(tested(test) for test in tests))


def _values(
    claim: Claim, scale: Scale, cell: Cell, points: Points, records: Mapping[str, Record]
) -> tuple[dict[Hashable, float], str | None]:
    """Pair of seeds -> value, and its unit ("points" for fractions); no unit without a value."""
    name = cell.metric or claim.studies[scale][_study(claim, scale, cell)].endpoint
    values, unit = dict[Hashable, float](), None
    for point in found_by(claim, scale, cell, points):
        record, seed = records.get(point.id), (point.spec.base_seed, point.spec.run_seed)
        if record is None or record.status != "done" or seed in values:
            continue
        for metric in record.metrics:
            if (metric.name, metric.split, metric.when) == (name, cell.split, cell.when):
                percent = metric.unit == "fraction"
                values[seed], unit = metric.value * (100 if percent else 1), "points" if percent else metric.unit
    return values, unit


def found_by(claim: Claim, scale: Scale, cell: Cell, points: Points) -> list[Point]:
    """The runs of a cell, one for each pair of seeds; several only for `when = "base"`, which they share.

    Raises SpecError where the study has none, or what the cell leaves out is not the only one.
    """
    study = _study(claim, scale, cell)
    found, base = list(points[study]), cell.when == "base"
    where = f"claim {claim.name}, scale {scale}"
    for label, wanted in (("task", cell.task), ("method", cell.method), ("retraining", cell.retraining)):
        known = dict.fromkeys(point.labels[label] for point in found)
        if not wanted and label != "task" and base:
            continue
        if not wanted:
            # the method that is meant is the study's own, not one of its controls
            own = [name for name in known if label != "method" or name in claim.studies[scale][study].methods]
            wanted = _only(where, label, own)
        if wanted not in known:
            raise SpecError(f"{where}: {unknown(label, wanted, known)}")
        found = [point for point in found if point.labels[label] == wanted]
    if base or cell.method == "dense":
        return found
    targets = {point.spec.target.value for point in found if point.spec.target}
    target = float(_only(where, "target", sorted(targets))) if cell.target is None else cell.target
    if target not in targets:
        raise SpecError(f"{where}: {unknown('target', f'{target:g}', [f'{value:g}' for value in targets])}")
    return [point for point in found if point.spec.target and point.spec.target.value == target]


def _study(claim: Claim, scale: Scale, cell: Cell) -> str:
    studies, where = claim.studies[scale], f"claim {claim.name}, scale {scale}"
    name = cell.study or str(_only(where, "study", list(studies)))
    if name not in studies:
        raise SpecError(f"{where}: {unknown('study', name, studies)}")
    return name


def _only(where: str, what: str, known: Sequence[T]) -> T:
    if len(known) != 1:
        raise SpecError(f"{where}: a cell has to name its {what}: one of {', '.join(map(str, known)) or 'none'}")
    return known[0]
