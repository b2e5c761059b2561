"""Published results beside one's own: what matches, at which setup, by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fairprune.audit.result import Result
from fairprune.corpus.beside import Task, beside
from fairprune.corpus.tables import Corpus
from fairprune.errors import CorpusError
from fairprune.schedules import parse

BASE = "b" * 64


def row(key: str, network: str = "LeNet-5", **values: Any) -> Mapping[str, Any]:
    where = {"paper": "p", "source": f"table 1, {key}", "transcribed_by": "us", "kind": "prune", "method": "m"}
    return {"key": key, **where, "network": network, "dataset": "MNIST", **values}


def own(**values: Any) -> Result:
    """A run as a paper would print it: LeNet-5 on MNIST at 2x, retrained for 10 epochs."""
    known = {"id": "ours", "method": "l1", "recipe": "finetune", "dataset": "mnist", "network": "lenet5"}
    recipe = {"retrain_schedule": parse("constant:1e-2 total:10"), "prune_epochs": 0.0, "optimizer": "sgd"}
    rates = {"compression": 3.0, "speedup": 2.0, "base_checkpoint": BASE}
    return Result(**{**known, **recipe, **rates, **values})


@pytest.fixture
def library(corpus_of: Callable[..., Corpus]) -> Callable[..., Corpus]:
    """A corpus with these results, two names of our LeNet-5, and a network that we do not have."""

    def build(*rows: Mapping[str, Any]) -> Corpus:
        networks = [
            ("LeNet-5", "lenet5"),
            ("LeNet-5 (Torch)", "lenet5"),
            ("LeNet-5-Caffe", "lenet5_caffe"),
            ("X", None),
        ]
        return corpus_of(
            papers=[{"key": "p", "title": "P", "first_author": "Poe", "year": 2017, "pruning": True}],
            methods=[{"key": "m", "name": "Method"}],
            networks=[{"key": name, "name": name, "component": component} for name, component in networks],
            datasets=[{"key": "MNIST", "name": "MNIST", "component": "mnist"}],
            results=rows,
        )

    return build


def task(*runs: Result, network: str = "lenet5", official: bool = True) -> Task:
    return Task("t", "mnist", network, runs, official)


Library = Callable[..., Corpus]


def test_what_matches(library: Library) -> None:
    rows = [row("a"), row("b", "LeNet-5 (Torch)"), row("c", "LeNet-5-Caffe"), row("d", "X"), row("e", kind="dense")]
    (found,) = beside(library(*rows), [task(own())], "top1")
    assert [one.row["key"] for one in found.results] == ["a", "b"]
    assert [network["key"] for network in found.networks] == ["LeNet-5", "LeNet-5 (Torch)"]
    assert found.dataset["name"] == "MNIST"


def test_tasks_of_which_some_match(library: Library) -> None:
    other = Task("other", "digits", "digits_cnn", ())
    (found,) = beside(library(row("a")), [other, task()], "top1")
    assert found.task.name == "t"


def test_nothing_matches(library: Library) -> None:
    rows = [row("a"), row("c", "LeNet-5-Caffe"), row("d", "X"), row("e", kind="dense")]
    with pytest.raises(CorpusError) as caught:
        beside(library(*rows), [Task("t", "digits", "digits_cnn", ()), Task("u", "mnist", "lenet300", ())], "top1")
    assert str(caught.value) == (
        "nothing is published on what the study has: digits_cnn on digits, lenet300 on mnist; "
        "the corpus has lenet5, lenet5_caffe on mnist"
    )
    with pytest.raises(CorpusError, match=r"the corpus has no results$"):
        beside(library(), [task()], "top1")


def test_an_endpoint_that_nobody_prints(library: Library) -> None:
    with pytest.raises(CorpusError, match="top1 or top5, not the study's endpoint 'loss'"):
        beside(library(row("a")), [task()], "loss")


@pytest.mark.parametrize(
    ("printed", "setup", "fields"),
    [
        ({"speedup": 2.05}, "S1", {"base_checkpoint"}),
        ({"compression": 3.1, "speedup": 9.0}, "S1", {"base_checkpoint"}),
        ({"speedup": 2.2}, None, {"compression", "speedup"}),
        ({}, None, {"compression", "speedup"}),
        ({"speedup": 2.0, "base_checkpoint": "another"}, "S1", {"base_checkpoint"}),
        ({"speedup": 2.0, "base_checkpoint": BASE}, "S2", {"retrain_epochs"}),
        ({"speedup": 2.0, "base_checkpoint": BASE, "retrain_epochs": 10.0}, "S3.1", None),
        ({"speedup": 2.0, "kind": "scratch"}, "S1", {"base_checkpoint", "kind"}),
    ],
)
def test_setups(library: Library, printed: Mapping[str, Any], setup: str | None, fields: set[str] | None) -> None:
    (found,) = beside(library(row("a", **printed)), [task(own())], "top1")
    (one,) = found.results
    assert one.verdict is not None
    assert one.verdict.setup == setup
    assert one.nearest is not None
    assert one.nearest.id == "ours"
    if fields:
        assert {block.field for block in one.blocked_by} == fields


def test_the_strictest_of_the_own_runs_counts(library: Library) -> None:
    """Of two runs at the same rate, the one from the base that is in print, with the recipe that is in print."""
    printed = {"base_checkpoint": BASE, "retrain_schedule": "constant:1e-2 total:10", "optimizer": "sgd"}
    recipe = {"momentum": 0.9, "weight_decay": 0.0, "batch_size": 64, "augmentation": "none"}
    ours = {**recipe, "augmentation": ""}
    runs = [own(id="other", base_checkpoint="c" * 64, **ours), own(id="same", **ours), own(id="far", speedup=8.0)]
    (found,) = beside(library(row("a", speedup=2.0, **printed, **recipe)), [task(*runs)], "top1")
    assert found.results[0].verdict is not None
    assert (found.results[0].verdict.setup, found.results[0].nearest and found.results[0].nearest.id) == (
        "S3.2",
        "same",
    )
    assert {block.field for block in found.results[0].blocked_by} == {"prune_epochs"}


def test_seeds_of_one_point_stand_for_each_other_and_the_nearest_rate_counts(library: Library) -> None:
    runs = [own(id="a", speedup=2.2, compression=None), own(id="b", speedup=2.04, compression=None)]
    (found,) = beside(library(row("a", speedup=2.0)), [task(*runs)], "top1")
    assert found.results[0].verdict is not None
    assert (found.results[0].nearest and found.results[0].nearest.id, found.results[0].verdict.setup) == ("b", "S1")


def test_a_test_split_of_its_own_reaches_nothing(library: Library) -> None:
    run = own(dataset="mnist@0123456789abcdef")
    (found,) = beside(library(row("a", speedup=2.0)), [task(run, official=False)], "top1")
    (one,) = found.results
    assert one.verdict is not None
    assert (one.verdict.setup, [block.field for block in one.blocked_by]) == (None, ["dataset"])


def test_a_network_with_unusual_options_reaches_nothing(library: Library) -> None:
    odd = task(own(network="lenet5(batch_norm=True)"), network="lenet5(batch_norm=True)")
    (found,) = beside(library(row("a", speedup=2.0)), [odd], "top1")
    (one,) = found.results
    assert one.verdict is not None
    assert [(block.field, block.a, block.b) for block in one.blocked_by] == [
        ("network", "lenet5(batch_norm=True)", "LeNet-5")
    ]
    usual = task(own(network="lenet5(size=28)"))  # an option that the component has by default
    (found,) = beside(library(row("a", speedup=2.0)), [usual], "top1")
    assert found.results[0].verdict is not None
    assert found.results[0].verdict.setup == "S1"


def test_without_runs_there_is_no_setup(library: Library) -> None:
    (found,) = beside(library(row("a", speedup=2.0)), [task()], "top1")
    assert (found.results[0].verdict, found.results[0].nearest, found.results[0].blocked_by) == (None, None, ())


def test_accuracies_and_changes(library: Library) -> None:
    rows = [
        row("a", top1=98.0, base_top1=99.0, top1_std=0.1, top5=99.9),
        row("b", top1_change=-0.5, base_top1=99.0),
        row("c", top1_change=-0.5),
        row("d"),
    ]
    (found,) = beside(library(*rows), [task()], "top1")
    numbers = {one.row["key"]: (one.value, one.std, one.change) for one in found.results}
    assert numbers == {
        "a": (98.0, 0.1, -1.0),
        "b": (98.5, None, -0.5),
        "c": (None, None, -0.5),
        "d": (None, None, None),
    }
    (found,) = beside(library(*rows), [task()], "top5")
    assert (found.results[0].value, found.results[0].std) == (99.9, None)


def test_single_runs_are_one_result(library: Library) -> None:
    rows = [row(f"a{n}", top1=accuracy, replicate=n, speedup=2.0) for n, accuracy in enumerate((97.0, 98.0, 99.0))]
    (found,) = beside(library(*rows), [task(own())], "top1")
    (one,) = found.results
    assert (one.value, one.std, one.row["seeds"]) == (98.0, 1.0, 3)
