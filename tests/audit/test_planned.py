"""What runs will cost, as far as their specs say."""

import pytest

from fairprune.audit.planned import from_point
from fairprune.expand import Resolver, expand
from fairprune.study import parse_study

RESOLVER = Resolver(
    data_digests=lambda _: {"train": "t", "validation": "v", "test": "x"}, checkpoint_digest=lambda _: "c"
)


def planned(method, axis="speedup"):
    """The result of a method's run: a base of 4 epochs, retrained for 2."""
    table = {"name": "s", "axis": axis, "targets": [4.0], "seeds": 1, "methods": {"m": method}}
    table["task"] = {"data": "digits", "network": "digits_cnn", "pretrain": {"schedule": "constant:0.1 total:4"}}
    table["retraining"] = {"r": {"schedule": "constant:0.01 total:2"}, "scratch": {"kind": "scratch-e"}}
    table["retraining"]["scratch"]["methods"] = ["l1_norm*"]
    points = expand(parse_study(table), RESOLVER)
    return next(from_point(point) for point in points if point.labels["method"] == "m")


@pytest.mark.parametrize("training", ["rigl", "set"])
def test_how_sparse_a_method_is_that_prunes_within_its_whole_training_is_unknown(training):
    found = planned({"training": training})
    assert (found.pretrain_epochs, found.prune_epochs, found.retrain_epochs) == (0, 4, 0)
    assert (found.prune_macs, found.cost()) == (None, None)


def test_a_training_that_continues_the_base_is_counted_as_dense():
    found = planned({"training": {"hook": "slimming", "schedule": "constant:0.01 total:3"}})
    assert found.cost() == 4 + 3 + 2 / 4


def test_the_rounds_of_an_iterative_method_shrink_to_the_target():
    found = planned({"criterion": "magnitude", "rounds": 2})
    assert found.retrain_epochs == 4
    assert found.cost() == pytest.approx(4 + 2 / 2 + 2 / 4)  # by a factor of two in each round


def test_multiply_adds_are_unknown_where_the_target_does_not_say_them():
    found = planned({"criterion": "magnitude"}, "compression")
    assert (found.pretrain_macs, found.prune_macs, found.retrain_macs) == (None, None, None)
