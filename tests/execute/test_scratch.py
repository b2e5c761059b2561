"""Scratch-E and Scratch-B: the epochs of both readings."""

import pytest

from fairprune.execute.training import scratch_schedule
from fairprune.schedules import parse

BASE = parse("0:1e-1,80:1e-2,120:1e-3 total:160")


def rule(kind, more=0.0, most=None):
    return {"kind": kind, "more_epochs": more, "max_factor": most}


def test_scratch_e_trains_as_long_as_the_base():
    assert scratch_schedule(BASE, rule("scratch-e"), 3.0) == BASE


def test_scratch_e_of_wang_has_the_epochs_of_the_whole_pipeline():
    assert scratch_schedule(BASE, rule("scratch-e", more=40), 3.0).total == 200


def test_scratch_b_of_liu_is_220_epochs_for_resnet56_b():
    found = scratch_schedule(BASE, rule("scratch-b"), 125.49 / 90.91)
    assert found.total == 220
    assert [epoch for epoch, _ in found.stages()] == pytest.approx([0, 110, 165])


def test_scratch_b_of_wang_adds_the_retraining():
    assert scratch_schedule(BASE, rule("scratch-b", more=40), 2.0).total == 360


def test_scratch_b_is_capped_where_the_rule_says_so():
    assert scratch_schedule(parse("constant:0.1 total:90"), rule("scratch-b", most=2.0), 3.0).total == 180
    assert scratch_schedule(parse("constant:0.1 total:90"), rule("scratch-b", most=2.0), 1.5).total == 135


def test_a_whole_budget_is_not_lost_to_rounding():
    assert scratch_schedule(parse("constant:0.1 total:10"), rule("scratch-b"), 1.1).total == 11
