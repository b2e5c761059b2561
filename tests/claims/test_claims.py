"""Claims: read, checked against their studies, and judged on records that were drawn."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from fairprune.claims import SCALES, check, claim_names, find_claim, judge, read_claim
from fairprune.errors import FairpruneError, SpecError
from fairprune.expand import Resolver, expand
from fairprune.record import LedgerEntry, Metric, Parent, Record
from fairprune.report import claims as page

SHIPPED = Path(__file__).parents[2] / "studies" / "claims"
RESOLVER = Resolver(
    lambda spec: {name: f"{name}-{spec.name}" for name in ("train", "validation", "test")}, lambda _: "0" * 64
)
CLAIM = """
    claim = "Large beats small."
    source = "Nobody 2020"

    [[tests]]
    name = "large minus small"
    at = { method = "magnitude", target = 4 }
    plus = [{ retraining = "large" }]
    minus = [{ retraining = "small" }]
    expect = "positive"

    [[tests]]
    name = "drop"
    plus = [{ when = "base" }]
    minus = [{ retraining = "large", target = 2 }]
    expect = "zero"
    margin = 0.5

    [study]
    targets = [2, 4]
    seeds = 4
    controls = { random = false, magnitude = false, dense = false }
    methods.magnitude = { criterion = "magnitude" }
    retraining.large = { schedule = "constant:1e-1 total:1" }
    retraining.small = { schedule = "constant:1e-2 total:1" }

    [scales.smoke]
    takes = "a moment"
    margin = 2.0
    study.task = { like = "shared", pretrain = { batch_size = 32 } }

    [scales.cpu.study]
    seeds = 3
    task = { like = "shared" }
"""
TASKS = """
    [shared]
    data = "digits"
    network = "digits_cnn"
    pretrain = { schedule = "constant:1e-2 total:2", batch_size = 64 }
"""


@pytest.fixture
def write(tmp_path):
    def write(text=CLAIM, tasks=TASKS):
        (tmp_path / "tasks.toml").write_text(textwrap.dedent(tasks))
        path = tmp_path / "larger.toml"
        path.write_text(textwrap.dedent(text))
        return path

    return write


def points(claim, scale):
    return {name: expand(study, RESOLVER) for name, study in claim.studies[scale].items()}


def record(point, value, base=0.95, status="done"):
    metrics = tuple(
        Metric(name="top1", split="test", value=number, unit="fraction", n=100, when=when)
        for number, when in ((base, "base"), (value, "final"))
    )
    return Record(
        id=point.id,
        status=status,
        spec=point.spec,
        labels=dict(point.labels),
        metrics=metrics if status == "done" else (),
        stages=(Parent(stage="pretrain", key=f"k{point.spec.base_seed}", digest=""),),
        ledger=(LedgerEntry(stage="pretrain", seconds=36.0),),
    )


def drawn(found, gain):
    """Records in which the large rate gains that many points, a little more with every seed."""
    return {
        p.id: record(p, 0.90 + (p.labels["retraining"] == "large") * (gain + 0.1 * p.spec.run_seed) / 100)
        for p in found[""]
    }


def test_scales_are_laid_over_what_they_share(write):
    claim = read_claim(write())
    smoke, cpu = claim.studies["smoke"][""], claim.studies["cpu"][""]
    assert (smoke.name, smoke.seeds, cpu.name, cpu.seeds) == ("larger.smoke", (0, 1, 2, 3), "larger.cpu", (0, 1, 2))
    (task,) = smoke.tasks.values()
    assert (task.pretrain.batch_size, task.pretrain.schedule) == (32, "constant:1e-2 total:2")
    assert [test.margin for test in claim.tests["smoke"]] == [0, 2.0]
    assert [test.margin for test in claim.tests["cpu"]] == [0, 0.5]
    assert claim.takes == {"smoke": "a moment", "cpu": ""}


def test_effects_are_taken_within_seeds(write):
    claim = read_claim(write())
    found = points(claim, "smoke")
    judged = judge(claim, "smoke", found, drawn(found, gain=1.0))
    first, second = judged.tests
    assert (first.found.seen.n, first.unit) == (4, "points")
    assert first.found.seen.mean == pytest.approx(1.15)  # 1.0, 1.1, 1.2, 1.3
    assert first.found.outcome == "reproduced"
    assert second.found.seen.mean == pytest.approx(3.85)
    assert (second.found.outcome, judged.verdict) == ("contradicted", "contradicted")


def test_seeds_that_lack_a_cell_are_left_out(write):
    claim = read_claim(write())
    found = points(claim, "cpu")
    records = drawn(found, 2.0)
    (lost,) = [
        p for p in found[""] if (p.labels["retraining"], p.spec.target.value, p.spec.run_seed) == ("small", 4, 1)
    ]
    records[lost.id] = record(lost, 0, status="diverged")
    judged = judge(claim, "cpu", found, records)
    assert [tested.found.seen.n for tested in judged.tests] == [2, 3]
    assert judge(claim, "cpu", found, {}).verdict == "undecided"


def test_all_tests_have_to_hold(write):
    claim = read_claim(write())
    found = points(claim, "smoke")
    held = judge(claim, "smoke", found, drawn(found, gain=5.0))
    assert held.verdict == "reproduced"
    one_lost = drawn(found, gain=5.0)
    for p in found[""]:
        if p.labels["retraining"] == "small" and p.spec.run_seed:
            one_lost.pop(p.id)
    assert judge(claim, "smoke", found, one_lost).verdict == "undecided"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'retraining = "large" }',
            'retraining = "larg" }',
            "scale smoke: unknown retraining 'larg'; did you mean 'large'",
        ),
        ("target = 4 }", "target = 8 }", "unknown target '8'"),
        ('retraining = "large", target = 2', 'retraining = "large"', "a cell has to name its target: one of 2.0, 4.0"),
        ('minus = [{ retraining = "small" }]', "minus = [{ method = 'magnitude' }]", "has to name its retraining"),
        ('at = { method = "magnitude"', 'at = { study = "two", method = "magnitude"', "unknown study 'two'"),
    ],
)
def test_a_cell_that_the_study_does_not_have_is_refused(write, old, new, message):
    claim = read_claim(write(CLAIM.replace(old, new)))
    with pytest.raises(SpecError, match=message.replace("(", r"\(")):
        check(claim, "smoke", points(claim, "smoke"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[scales.smoke]", "[scales.smoky]", "unknown scale 'smoky'; did you mean 'smoke'"),
        ('takes = "a moment"', 'take = "a moment"', "unknown key of scale smoke 'take'"),
        ('expect = "zero"', 'expect = "positive"', "margin"),
        ('like = "shared", pre', 'like = "share", pre', "unknown task of tasks.toml 'share'; did you mean 'shared'"),
        ('expect = "positive"', "expect = positive", "not valid TOML"),
        ('claim = "Large', 'klaim = "Large', "unknown key 'klaim'"),
        ("targets = [2, 4]", "targets = []", "scale smoke: targets"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(write, old, new, message):
    with pytest.raises(SpecError, match=message.replace("[", r"\[")):
        read_claim(write(CLAIM.replace(old, new)))


def test_names_are_those_of_the_folder(write):
    folder = write().parent
    assert claim_names(folder) == ["larger"]
    with pytest.raises(SpecError, match="unknown claim 'large'; did you mean 'larger'"):
        find_claim(folder, "large")
    with pytest.raises(SpecError, match="no claims in"):
        claim_names(folder / "nowhere")


def test_the_page_says_the_verdict_and_what_is_behind_it(write):
    claim = read_claim(write())
    found = points(claim, "smoke")
    records = drawn(found, gain=5.0)
    content = page.content(judge(claim, "smoke", found, records), list(records.values()), len(found[""]), "fairprune x")
    text = page.page(content, "A *note*.")
    assert "# larger at scale smoke: reproduced" in text
    assert r"A \*note\*." in text
    assert r"| large minus small | +5.15 \[" in text
    assert "16 asked, 16 done" in text
    assert "0.04 hours" in text  # four bases of 36 seconds, each once
    assert page.sentences(content).splitlines()[0] == "larger, smoke: reproduced"


@pytest.mark.parametrize("name", claim_names(SHIPPED))
def test_every_claim_that_ships_has_all_scales_and_its_tests_fit_its_studies(name):
    claim = find_claim(SHIPPED, name)
    assert set(claim.studies) == set(SCALES)
    for scale in SCALES:
        try:
            check(claim, scale, points(claim, scale))
        except FairpruneError as error:  # pragma: no cover
            pytest.fail(f"{name}, {scale}: {error}")
