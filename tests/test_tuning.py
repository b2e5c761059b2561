"""Tuning: what is tried, what is chosen, the study that is written, and that test images are left alone."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairprune import schedules
from fairprune.audit.measured import from_record
from fairprune.drafts.tuned import tuned_study
from fairprune.errors import SpecError
from fairprune.expand import Point, Resolver, expand
from fairprune.record import Metric, Record
from fairprune.spec import Target, Tuned
from fairprune.store import open_store
from fairprune.study import Chosen, Study, parse_study
from fairprune.summary.tuning import tried
from fairprune.tuning import trials

TEXT = """# what is asked
name = "s"
targets = [2, 4]
seeds = 2
demand = "S1"
task = { data = "digits", network = "digits_cnn", pretrain = { schedule = "constant:5e-2 total:1" } }

[methods.l1]
criterion = "l1_norm"

[retraining.short]
schedule = "0:1e-2,1:1e-3 total:2"

[retraining.scratch]
kind = "scratch-e"

[tuning]
rates = [3e-2, 1e-2]
seeds = [7, 8]

[controls]
random = false
magnitude = false
"""
RESOLVER = Resolver(lambda _: {"train": "a", "validation": "b", "test": "c"}, lambda _: "")


def study(**changes: Any) -> Study:
    return parse_study({**tomllib.loads(TEXT), **changes})


def chosen(l1_at_2: float = 0.03, retraining: str = "short") -> dict[str, list[Chosen]]:
    rates = {("dense", None): 0.01, ("l1", 2.0): l1_at_2, ("l1", 4.0): 0.03}
    return {retraining: [Chosen(task="digits-digits_cnn", method=m, target=t, rate=r) for (m, t), r in rates.items()]}


def test_every_rate_is_tried_for_every_method_with_seeds_of_their_own() -> None:
    trial, named = trials(study())
    assert named == {"short@0.03": ("short", 0.03), "short@0.01": ("short", 0.01)}
    points = expand(trial, RESOLVER)
    runs = {(p.labels["method"], str(p.spec.target or ""), p.labels["retraining"], p.spec.run_seed) for p in points}
    places = [("dense", ""), ("l1", "compression 2x"), ("l1", "compression 4x")]
    assert runs == {(*place, label, seed) for place in places for label in named for seed in (7, 8)}
    assert {p.spec.retraining.recipe.schedule for p in points if p.labels["retraining"] == "short@0.03"} == {
        "0:3e-2,1:3e-3 total:2"
    }
    assert {point.spec.metrics.split for point in points} == {"validation"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tuning": None}, r"study s has no table \[tuning\]: expected one with rates"),
        ({"tuning": {"rates": [1, 2], "seeds": [7], "retraining": ["long"]}}, "no retraining to tune among short, scr"),
        ({"tuning": {"rates": [1, 2], "seeds": [1, 7]}}, "seed 1 is used for tuning and for results"),
        ({"tuning": {"rates": [1], "seeds": [7]}}, "tuning.rates"),
        ({"retraining": {"new": {"kind": "scratch-e", "rate": 0.1}}}, "scratch-e has no use for 'rate'"),
    ],
)
def test_what_cannot_be_tuned_is_one_line(changes: dict[str, Any], message: str) -> None:
    given = {key: value for key, value in tomllib.loads(TEXT).items() if changes.get(key, "") is not None}
    with pytest.raises(SpecError, match=message):
        trials(parse_study({**given, **{key: value for key, value in changes.items() if value is not None}}))


def test_the_study_that_is_written_says_both_and_shares_what_is_the_same() -> None:
    text = tuned_study(TEXT, study(), chosen(l1_at_2=0.01))
    assert text.startswith('# what is asked\nname = "s-tuned"\n')
    points = expand(parse_study(tomllib.loads(text)), RESOLVER)
    at = {(p.labels["retraining"], p.labels["method"], p.spec.target): p for p in points if p.spec.run_seed == 0}
    two, four = (Target(axis="compression", value=value) for value in (2.0, 4.0))
    same, other = at["short-tuned", "l1", two], at["short-tuned", "l1", four]
    assert same.spec.retraining.recipe == at["short", "l1", two].spec.retraining.recipe
    assert other.spec.retraining.recipe.schedule == "0:3e-2,1:3e-3 total:2"
    assert {p.spec.retraining.tuned for p in (same, other)} == {Tuned(rates=(0.03, 0.01), seeds=(7, 8))}
    assert at["short", "l1", two].spec.retraining.tuned is None
    assert same.id != at["short", "l1", two].id  # how a rate was come by is part of a result
    fixed = {p.id for p in expand(study(), RESOLVER)}
    assert fixed < {p.id for p in points}
    with pytest.raises(SpecError, match="retraining short-tuned of study s-tuned is tuned already"):
        trials(parse_study(tomllib.loads(text)))


def test_a_rate_that_is_missing_is_named() -> None:
    rates = chosen()
    rates["short"].pop()
    text = tuned_study(TEXT, study(), rates)
    with pytest.raises(SpecError, match="no rate was chosen for l1 at compression 4x on digits-digits_cnn"):
        expand(parse_study(tomllib.loads(text)), RESOLVER)


def test_a_file_that_cannot_be_added_to_is_refused() -> None:
    tables = '[retraining.short]\nschedule = "0:1e-2,1:1e-3 total:2"\n\n[retraining.scratch]\nkind = "scratch-e"\n'
    inline = 'retraining = { short = { schedule = "0:1e-2,1:1e-3 total:2" }, scratch = { kind = "scratch-e" } }\n'
    for text in (TEXT.replace('name = "s"', '"name" = "s"'), inline + TEXT.replace(tables, "")):
        assert parse_study(tomllib.loads(text)) == study()
        with pytest.raises(SpecError, match="study s cannot be added to: expected its name on a line of its own"):
            tuned_study(text, study(), chosen())


def test_names_may_be_anything() -> None:
    key = 'a "b" \\ é [c]'
    text = TEXT.replace("[retraining.short]", f"[retraining.{json.dumps(key)}]")
    new = parse_study(tomllib.loads(tuned_study(text, parse_study(tomllib.loads(text)), chosen(retraining=key))))
    assert f"{key}-tuned" in new.retraining


def test_the_best_is_that_of_validation_and_the_smallest_of_equals(record: Callable[..., Record]) -> None:
    trial, named = trials(study())
    points = expand(trial, RESOLVER)
    values = {  # by method and amount: of the small rate, of the large one; seeds differ by 0.02 around them
        ("dense", None): (0.5, 0.5),
        ("l1", 2.0): (0.5, 0.6),
        ("l1", 4.0): (0.5, 0.6),
    }

    def run(point: Point) -> Record:
        amount = point.spec.target.value if point.spec.target else None
        method, seed = point.labels["method"], point.spec.run_seed
        value = values[method, amount][point.labels["retraining"] == "short@0.03"] + (0.01 if seed == 7 else -0.01)
        diverged = (amount, point.labels["retraining"], seed) == (4.0, "short@0.03", 8)
        metrics = (
            Metric(name="top1", split="validation", value=value, when="final", direction="higher", unit="fraction"),
            Metric(name="top1", split="test", value=1 - value, when="final", direction="higher", unit="fraction"),
        )
        return record(id=point.id, spec=point.spec, metrics=metrics, status="diverged" if diverged else "done")

    found = {
        (t.method, t.target and t.target.value): t for t in tried(trial, named, points, {p.id: run(p) for p in points})
    }
    assert {key: each.best for key, each in found.items()} == {
        ("dense", None): 0.01,
        ("l1", 2.0): 0.03,
        ("l1", 4.0): 0.01,  # the larger rate diverged with one seed
    }
    assert found["l1", 4.0].means == pytest.approx((50.0, None), abs=1e-9)
    assert found["l1", 2.0].means == pytest.approx((50.0, 60.0))
    assert found["l1", 2.0].rates == (0.01, 0.03)
    assert all(each.edge for each in found.values())  # there are but two


def test_the_audit_knows_how_many_were_tried(record: Callable[..., Record]) -> None:
    fixed = record()
    retraining = fixed.spec.retraining.model_copy(update={"tuned": Tuned(rates=(1e-1, 1e-2, 1e-3), seeds=(7,))})
    tuned = record(spec=fixed.spec.model_copy(update={"retraining": retraining}))
    assert [from_record(each).tuning_trials for each in (fixed, tuned)] == [1, 3]


@pytest.mark.parametrize(
    ("text", "rate", "expected"),
    [
        ("0:1e-1,8:1e-2 total:12", 0.03, "0:0.03,8:0.003 total:12"),
        ("cosine:1e-2->1e-4 total:8 warmup:1", 0.1, "cosine:0.1->0.001 total:8 warmup:1"),
        ("constant:3e-3 total:4", 0.003, "constant:3e-3 total:4"),
    ],
)
def test_a_schedule_at_another_rate(text: str, rate: float, expected: str) -> None:
    assert schedules.same(schedules.parse(text).with_peak(rate), schedules.parse(expected))
    with pytest.raises(SpecError, match="cannot be scaled to a largest rate"):
        schedules.parse("constant:0 total:4").with_peak(rate)


def test_the_command_tries_chooses_and_writes(tmp_path: Path, fairprune: Callable[..., tuple[int, str, str]]) -> None:
    (tmp_path / "s.toml").write_text(TEXT.replace("targets = [2, 4]", "targets = [4]"))
    where = ["--store", tmp_path / "store", "--jobs", "1", "--threads", "1"]
    code, out, err = fairprune("tune", tmp_path / "s.toml", *where, "--json")
    assert code == 0, err
    said = json.loads(out)
    store = open_store(tmp_path / "store")
    records = [record for key in store.statuses() if (record := store.record(key))]
    assert len(records) == 2 * 2 * 2  # rates, seeds, with the dense network
    assert sum(entry.test_looks for record in records for entry in record.ledger) == 0
    assert {metric.split for record in records for metric in record.metrics} <= {"validation", "train"}
    (l1,) = [each for each in said["tried"] if each["method"] == "l1"]
    assert l1["best"] == l1["rates"][l1["means"].index(max(l1["means"]))]
    written = parse_study(tomllib.loads(Path(said["study"]).read_text()))
    assert [rate.rate for rate in written.retraining["short-tuned"].rates if rate.method == "l1"] == [l1["best"]]
    code, out, err = fairprune("tune", tmp_path / "s.toml", *where)
    assert code == 0, err
    assert f"{l1['best']:g}" in out
    code, out, err = fairprune("plan", said["study"], *where)
    assert code == 0, err
