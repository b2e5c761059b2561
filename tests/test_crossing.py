"""The 2 x 2 split: by hand, its verdicts; and the study that it derives."""

import json
import math

import numpy as np
import pytest
from scipy.stats import t

from fairprune import stats
from fairprune.crossing import crossed
from fairprune.errors import SpecError
from fairprune.study import parse_study

A1, A2, B1, B2 = (0, 0), (0, 1), (1, 0), (1, 1)


def four(a1, a2, b1, b2):
    return {cell: dict(enumerate(values)) for cell, values in zip((A1, A2, B1, B2), (a1, a2, b1, b2), strict=True)}


def test_effects_by_hand():
    found = stats.cross(four([90, 92], [80, 84], [88, 89], [81, 83]))
    assert found.seeds == 2
    assert found.method.mean == pytest.approx(((2 - 1) / 2 + (3 + 1) / 2) / 2)  # under each recipe: 2, 3 and -1, 1
    assert found.recipe.mean == pytest.approx(((10 + 7) / 2 + (8 + 6) / 2) / 2)
    assert found.interaction.mean == pytest.approx(((2 + 1) + (3 - 1)) / 2)
    half = float(t.ppf(0.975, 1)) * np.std([3, 2], ddof=1) / math.sqrt(2)
    assert found.interaction.high - found.interaction.mean == pytest.approx(half)
    assert found.simple[0].mean == 2.5
    assert found.simple[0].level == 0.975
    assert not found.flips


def test_swapping_methods_or_recipes_turns_signs():
    table = four([90, 92, 91], [80, 84, 85], [88, 89, 92], [81, 83, 80])
    one = stats.cross(table)
    methods = stats.cross({(1 - m, r): v for (m, r), v in table.items()})
    recipes = stats.cross({(m, 1 - r): v for (m, r), v in table.items()})
    assert methods.method.mean == pytest.approx(-one.method.mean)
    assert methods.recipe.mean == pytest.approx(one.recipe.mean)
    assert recipes.recipe.mean == pytest.approx(-one.recipe.mean)
    assert recipes.interaction.mean == pytest.approx(-one.interaction.mean)


@pytest.mark.parametrize(
    ("table", "verdict", "flips"),
    [
        (four([90, 91, 92], [80, 81, 82], [80, 81.1, 82.2], [70, 71.2, 72.1]), "the first method", False),
        (four([80, 81.1, 82.2], [70, 71.2, 72.1], [90, 91, 92], [80, 81, 82]), "the second method", False),
        (four([90, 91, 92], [70, 71, 72], [80, 81.1, 82.2], [80, 81.2, 82.1]), "an interaction", True),
        (four([90, 91, 92], [80.1, 81, 82], [80, 81.1, 82.2], [80, 81.2, 81.9]), "an interaction", True),
        (four([90, 80, 70], [60, 70, 80], [71, 90, 75], [75, 66, 77]), "not separated", True),
        (four([90], [80], [70], [60]), "not estimable", False),
    ],
)
def test_verdicts(table, verdict, flips):
    found = stats.cross(table)
    assert (found.verdict, found.flips) == (verdict, flips)


def test_lower_may_be_better():
    table = four([90, 91, 92], [80, 81, 82], [80, 81.1, 82.2], [70, 71.2, 72.1])
    assert stats.cross(table, higher_is_better=False).verdict == "the second method"


def test_only_seeds_with_all_four_count():
    table = four([90, 91, 92], [80, 81, 82], [80, 81, 82], [70, 71, 72])
    del table[B2][1]
    assert stats.cross(table).seeds == 2
    with pytest.raises(KeyError):
        stats.cross({A1: {0: 1.0}})


STUDY = {
    "name": "s",
    "targets": [2.0],
    "seeds": 2,
    "task": {"data": "digits", "network": "digits_cnn", "pretrain": {"schedule": "constant:0.05 total:1"}},
    "methods": {
        "l1": {"criterion": "l1_norm"},
        "like": {"criterion": "random", "granularity": "channel", "allocation": "like:taylor", "reduce": "first"},
        "taylor": {"criterion": "taylor"},
    },
    "retraining": {
        "small": {"schedule": "constant:0.001 total:1", "methods": ["l1"]},
        "large": {"schedule": "constant:0.01 total:1", "methods": ["taylor", "like"]},
        "scratch": {"kind": "scratch-e"},
    },
}


def test_the_study_has_the_four_combinations_and_nothing_else():
    found = crossed(parse_study(STUDY), ("l1", "small"), ("like", "large"))
    assert set(found.methods) == {"l1", "like", "taylor"}  # taylor lends its amounts
    assert {name: entry.methods for name, entry in found.retraining.items()} == {
        "small": ("l1", "like"),
        "large": ("l1", "like"),
    }
    assert not any((found.controls.dense, found.controls.random, found.controls.magnitude))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (("l2", "small"), ("like", "large"), "unknown method of study s 'l2'"),
        (("l1", "smal"), ("like", "large"), "did you mean 'small'"),
        (("l1", "small"), ("l1", "large"), "l1 is on both sides"),
        (("l1", "small"), ("like", "small"), "both methods have the retraining small"),
        (("l1", "small"), ("like", "scratch"), "expected finetuning or rewinding"),
    ],
)
def test_what_cannot_be_crossed_is_one_line(first, second, message):
    with pytest.raises(SpecError, match=message):
        crossed(parse_study(STUDY), first, second)


TOML = """
name = "s"
targets = [2.0]
seeds = 2
task = { data = "digits", network = "digits_cnn", pretrain = { schedule = "constant:5e-2 total:1" } }
[methods.l1]
criterion = "l1_norm"
[methods.largest]
criterion = "l1_largest"
[retraining.small]
schedule = "constant:1e-4 total:1"
[retraining.large]
schedule = "constant:1e-2 total:1"
"""


def test_the_command_runs_four_combinations_and_splits(tmp_path):
    from typer.testing import CliRunner

    from fairprune.cli.app import app

    (tmp_path / "s.toml").write_text(TOML)
    where = ["--store", str(tmp_path / "store"), "--jobs", "1", "--threads", "1"]
    command = ["cross", str(tmp_path / "s.toml"), "l1:small", "largest:large", *where]
    outcome = CliRunner().invoke(app(), [*command, "--json"])
    assert outcome.exit_code == 0, outcome.output
    (found,) = json.loads(outcome.stdout)["crossings"]
    assert found["methods"] == ["l1", "largest"]
    assert found["seeds"] == 2
    (a, b), (c, d) = found["means"]
    assert found["effects"]["method"]["mean"] == pytest.approx((a - c + b - d) / 2)
    assert found["effects"]["interaction"]["mean"] == pytest.approx(a - c - b + d)
    shown = CliRunner().invoke(app(), command)
    assert shown.exit_code == 0
    assert found["text"] in " ".join(shown.stdout.split())
