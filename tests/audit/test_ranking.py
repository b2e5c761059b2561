from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairprune.audit.ranking import ranked
from fairprune.expand import Point, Resolver, expand
from fairprune.record import LedgerEntry, Metric, Parent, Record
from fairprune.study import parse_study
from fairprune.summary import Ranking, Summary, summarise

NOISE = (0.001, -0.002, 0.001, 0.002, -0.002, 0.0)  # added crosswise, so that methods differ in more than their means
FAR = {"magnitude": 0.9, "lamp": 0.8, "random": 0.7}
CLOSE = {"magnitude": 0.9, "lamp": 0.901, "random": 0.7}
Change = Callable[[Point, Record], Record]


@pytest.fixture
def make(record: Callable[..., Record]) -> Callable[..., Summary]:
    """make({method: top1}, change, demand, fields of the study) -> the ranked summary of a study whose runs all ended.

    `change` returns the record that is to be there instead, or None for none.
    """

    def of(
        top1: dict[str, float], change: Callable[[Point, Record], Record | None] = lambda _, r: r, demand: Any = "",
        **fields: Any,
    ) -> Summary:  # fmt: skip
        table = {
            "name": "tiny",
            "axis": "speedup",
            "targets": [2],
            "task": {"data": "digits", "network": "lenet300", "pretrain": {"schedule": "constant:1e-1 total:4"}},
            "methods": {name: {"criterion": name} for name in ("magnitude", "lamp", "random")},
            "retraining": {"tune": {"schedule": "constant:1e-3 total:4"}},
            "controls": {"like": False},
        }
        study = parse_study(table | fields)
        resolver = Resolver(lambda _: {"train": "1", "validation": "2", "test": "3"}, lambda _: "")
        points = expand(study, resolver)
        records = {p.id: change(p, _record(record, p, top1.get(p.labels["method"], 0.95))) for p in points}
        known = {id: found for id, found in records.items() if found}
        return ranked(summarise(study, points, known), known, demand)

    return of


def _record(record: Callable[..., Record], point: Point, top1: float) -> Record:
    seed, shift = point.spec.run_seed, len(point.labels["method"])
    values = {"base": 0.95, "final": top1 + 0.02 * seed + NOISE[(seed + shift) % len(NOISE)]}
    metrics = (Metric(name="top1", split="test", value=v, unit="fraction", n=99, when=w) for w, v in values.items())
    labels = {"method": "elsewhere", "task": "elsewhere", "retraining": "elsewhere"}
    full = record(id=point.id, spec=point.spec, labels=labels, metrics=tuple(metrics))
    return _based(full, f"base-{seed}")


def _based(record: Record, digest: str) -> Record:
    first: Parent = record.stages[0].model_copy(update={"digest": digest})
    return record.model_copy(update={"stages": (first, *record.stages[1:])})


def only(summary: Summary) -> Ranking:
    ((ranking,),) = (panel.rankings for panel in summary.panels)
    return ranking


def ranges(ranking: Ranking) -> dict[str, tuple[int, int]]:
    return {rank.method: (rank.best, rank.worst) for rank in ranking.ranks}


def beside(ranking: Ranking) -> dict[str, str]:
    return {one.method: one.reason for one in ranking.beside}


def to(method: str, **changes: Any) -> Change:
    """Changes the records of one method."""
    return lambda p, r: r.model_copy(update=changes) if p.labels["method"] == method else r


def test_clear_separation_gives_each_method_one_rank(make: Callable[..., Summary]) -> None:
    found = only(make(FAR))
    assert ranges(found) == {"magnitude": (1, 1), "lamp": (2, 2), "random": (3, 3)}
    assert [rank.method for rank in found.ranks] == ["magnitude", "lamp", "random"]
    assert (found.target, found.amount, found.granularity) == ("speedup 2x", 2, "weight")
    assert (found.setup, found.tau, found.around, found.beside, found.reason) == ("S3.2", 0.05, "random", (), "")


def test_methods_that_are_not_separated_share_ranks_and_dense_is_none_of_them(make: Callable[..., Summary]) -> None:
    summary = make(CLOSE)
    assert ranges(only(summary)) == {"lamp": (1, 2), "magnitude": (1, 2), "random": (3, 3)}
    assert summary.panels[0].dense is not None
    assert Summary.model_validate_json(summary.model_dump_json()) == summary


def test_lower_is_better_where_the_endpoint_says_so(make: Callable[..., Summary]) -> None:
    def lower(_: Point, r: Record) -> Record:
        metrics = (m.model_copy(update={"direction": "lower"}) for m in r.metrics)
        return r.model_copy(update={"metrics": tuple(metrics)})

    assert ranges(only(make(FAR, lower))) == {"random": (1, 1), "lamp": (2, 2), "magnitude": (3, 3)}

    def neither(_: Point, r: Record) -> Record:
        metrics = (m.model_copy(update={"direction": "none"}) for m in r.metrics)
        return r.model_copy(update={"metrics": tuple(metrics)})

    assert only(make(FAR, neither)).reason == "top1 has no better direction"


def test_another_base_schedule_or_size_stands_beside(make: Callable[..., Summary]) -> None:
    def other(p: Point, r: Record) -> Record:
        return _based(r, "another") if p.labels["method"] == "lamp" else r

    found = only(make(FAR, other))
    assert ranges(found) == {"magnitude": (1, 1), "random": (2, 2)}
    assert beside(found) == {"lamp": "against random, S2 needs one base_checkpoint, not 'another' and 'base-0'"}
    assert ranges(only(make(FAR, other, demand="S1"))).keys() == {"magnitude", "lamp", "random"}

    def hotter(p: Point, r: Record) -> Record:
        entries = (e.model_copy(update={"schedule": "constant:1e-2 total:4"}) if e.stage == "retrain" else e
                   for e in r.ledger)  # fmt: skip
        late = p.labels["method"] == "lamp" and p.spec.run_seed == 2
        return r.model_copy(update={"ledger": tuple(entries)}) if late else r

    assert beside(only(make(FAR, hotter))) == {
        "lamp": "against random, S3.2 needs one retrain_schedule, not 'constant:1e-2 total:4' and "
        "'constant:1e-3 total:4' (at 1 of 3 seeds)"
    }
    small = {"params": 500, "macs": 60}
    found = only(make(FAR, lambda p, r: to("lamp", small=r.small and r.small.model_copy(update=small))(p, r)))
    assert beside(found) == {"lamp": "against random, S1 needs one speedup within 5.0%, not 1.67x and 2x"}


def test_runs_that_are_missing_are_no_flaw_and_those_that_diverged_are(make: Callable[..., Summary]) -> None:
    def lost(p: Point, r: Record) -> Record | None:
        return None if p.labels["method"] == "lamp" and p.spec.run_seed else r

    assert ranges(only(make(FAR, lost))).keys() == {"magnitude", "lamp", "random"}

    def none(p: Point, r: Record) -> Record | None:
        return None if p.labels["method"] == "lamp" else r

    assert beside(only(make(FAR, none))) == {"lamp": "no run ended"}
    assert beside(only(make(FAR, lambda _p, _r: None))) == dict.fromkeys(FAR, "no run ended")

    def diverged(p: Point, r: Record) -> Record:
        return r if p.spec.run_seed else to("lamp", status="diverged")(p, r)

    assert beside(only(make(FAR, diverged))) == {"lamp": "1 of 3 runs diverged"}
    assert beside(only(make(FAR, to("lamp", status="failed")))) == {"lamp": "3 of 3 runs failed"}


def test_where_the_control_cannot_be_ranked_the_largest_class_is(make: Callable[..., Summary]) -> None:
    found = only(make(FAR, to("random", status="diverged")))
    assert (found.around, ranges(found)) == ("magnitude", {"magnitude": (1, 1), "lamp": (2, 2)})
    dense = only(make(FAR, control="dense"))
    assert (dense.around, ranges(dense).keys()) == ("magnitude", {"magnitude", "lamp", "random"})


def test_too_few_runs_give_no_rank_and_say_so(make: Callable[..., Summary]) -> None:
    found = only(make(FAR, seeds=1))
    assert (found.ranks, found.reason) == (
        (),
        "too few seeds: nothing is left to estimate the variance from",
    )
    alone = only(make(FAR, lambda p, r: to("magnitude", status="failed")(p, to("lamp", status="failed")(p, r))))
    assert (alone.around, alone.ranks, alone.reason) == ("random", (), "no two are comparable")


def test_every_target_and_granularity_has_a_class_of_its_own(make: Callable[..., Summary]) -> None:
    methods = {name: {"criterion": "random", "granularity": "weight"} for name in ("random", "again")}
    methods |= {"filters": {"criterion": "random", "granularity": "channel"}}
    (panel,) = make(FAR, methods=methods, targets=[2, 4], control="random*").panels
    assert sorted((r.granularity, r.target) for r in panel.rankings) == [
        (granularity, target) for granularity in ("channel", "weight") for target in ("speedup 2x", "speedup 4x")
    ]
    for ranking in panel.rankings:
        own = {c.method for c in panel.cells if (c.target, c.granularity) == (ranking.target, ranking.granularity)}
        assert {r.method for r in ranking.ranks} | beside(ranking).keys() == own


def anew(trained: Callable[..., LedgerEntry], epochs: int) -> Change:
    """Gives scratch runs a training of so many epochs."""
    scratch = trained("scratch", f"constant:1e-1 total:{epochs}", epochs, 50)

    def change(p: Point, r: Record) -> Record:
        return r.model_copy(update={"ledger": (*r.ledger[:4], scratch, r.ledger[5])}) if p.spec.kind == "scratch" else r

    return change


@pytest.mark.parametrize(
    ("epochs", "reason"), [(16, ""), (12, "SX-A is demanded, and none of its scratch runs reaches it")]
)
def test_a_demanded_flag_is_reached_with_scratch_runs_of_ones_own(
    make: Callable[..., Summary], trained: Callable[..., LedgerEntry], epochs: int, reason: str
) -> None:
    """12 epochs of the base and 4 of retraining are 16."""
    recipes = {"tune": {"schedule": "constant:1e-3 total:4"}, "anew": {"kind": "scratch-e"}}
    tune, scratch = make(FAR, anew(trained, epochs), demand="SX-A", retraining=recipes).panels
    assert (scratch.rankings[0].setup, len(scratch.rankings[0].ranks)) == ("S1 and SX-A", 3)
    assert set(beside(tune.rankings[0]).values()) == ({reason} if reason else set())
    assert len(tune.rankings[0].ranks) == (0 if reason else 3)
