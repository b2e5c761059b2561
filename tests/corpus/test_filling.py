from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from fairprune.corpus.filling import FAMILIES, INITIAL, UNFIT, Family, components, fitting, study
from fairprune.corpus.holes import Hole
from fairprune.corpus.tables import SHIPPED, Corpus, load
from fairprune.execute.feasible import check_feasible
from fairprune.expand import Resolver, expand
from fairprune.launch.session import prepare
from fairprune.launch.site import Site
from fairprune.registry import BUILTIN
from fairprune.registry import load as component
from fairprune.study import Study, parse_study, read_study

Command = Callable[..., tuple[int, str, str]]
RESOLVER = Resolver(
    data_digests=lambda _: {"train": "1", "validation": "2", "test": "3"}, checkpoint_digest=lambda _: "c"
)


@pytest.fixture
def corpus(corpus_of: Callable[..., Corpus]) -> Corpus:
    """Two networks that fairprune has, one that it has not, and methods of three kinds."""
    methods = {
        "l1": "l1_norm",
        "slim": "slimming",
        "set": "set",
        "amc": None,
        "magnitude-at-initialisation": "magnitude",
    }
    networks = {"lenet": "lenet5", "r20": "resnet20", "r56": "resnet56", "goog": None}
    datasets = {"mnist": "mnist", "c10": "cifar10", "c100": "cifar100", "svhn": None}
    tables = {"methods": methods, "networks": networks, "datasets": datasets}
    return corpus_of(
        **{
            table: [{"key": key, "name": key.upper(), "component": component} for key, component in rows.items()]
            for table, rows in tables.items()
        }
    )


def hole(method: str, network: str, dataset: str, *joins: str) -> Hole:
    return Hole(method, network, dataset, joins, 1, 3)


def parsed(text: str) -> Study:
    return parse_study(tomllib.loads(text))


def test_what_can_be_run(corpus: Corpus) -> None:
    known = components(corpus)
    assert known.runs("l1", ("lenet", "mnist"))
    assert known.runs("slim", ("r20", "c100"))
    for method, network, dataset in [
        ("amc", "lenet", "mnist"),  # no such method
        ("l1", "goog", "mnist"),
        ("l1", "lenet", "svhn"),
        ("l1", "lenet", "c10"),  # a network for other images
        ("slim", "lenet", "mnist"),  # it has no batch norms
    ]:
        assert not known.runs(method, (network, dataset))


def test_one_study_has_one_recipe_and_every_method_runs_everywhere(corpus: Corpus) -> None:
    known = components(corpus)
    found = [
        hole("l1", "lenet", "mnist"),
        hole("l1", "r20", "c10"),  # another recipe
        hole("slim", "r20", "c10"),
        hole("set", "lenet", "mnist"),
        hole("amc", "lenet", "mnist"),
    ]
    assert fitting(found, known) == (found[0], found[3])
    assert fitting(found[1:], known) == (found[1], found[2])
    assert fitting(found[4:], known) == ()


def test_the_study(corpus: Corpus) -> None:
    known = components(corpus)
    chosen = [hole("l1", "r20", "c10", "amc", "slim"), hole("slim", "r56", "c100"), hole("set", "r20", "c10")]
    text = study([*chosen, hole("magnitude-at-initialisation", "r20", "c10")], known, "the command")
    assert text.startswith("# What the literature never measured, by `the command`:\n")
    assert "# - L1 on R20 and C10; comparable then with AMC, SLIM\n" in text
    assert "# Every method runs at every task: 8 pairs of the two, of which 4 are these holes.\n" in text
    found = parsed(text)
    assert (found.axis, found.targets, found.seeds, found.controls.like) == ("compression", (2, 4, 8), (0, 1, 2), True)
    assert {name: (task.network.name, task.data.name) for name, task in found.tasks.items()} == {
        "r20-c10": ("resnet20", "cifar10"),
        "r56-c100": ("resnet56", "cifar100"),
    }
    assert found.methods["l1"].criterion == "l1_norm"
    assert found.methods["magnitude-at-initialisation"].start == "init"
    slim, moving = found.methods["slim"].training, found.methods["set"].training
    assert slim is not None
    assert moving is not None
    assert (slim.hook, slim.schedule, moving.hook, moving.schedule) == ("slimming", "constant:1e-2 total:60", "set", "")
    kinds = {(point.labels["method"], point.spec.retraining.kind) for point in expand(found, RESOLVER)}
    assert kinds >= {
        ("l1", "finetune"),
        ("set", "train"),
        ("random-like-slim", "finetune"),
        ("random-weight-init", "train"),
    }


def test_families_and_trainings_are_those_that_there_are() -> None:
    for family in FAMILIES:
        assert all(name in BUILTIN["dataset"] for name in family.datasets)
        assert all(name in BUILTIN["network"] for name in family.networks)
    starts = {name: component("training", name).start for name in BUILTIN["training"]}
    assert {name for name, start in starts.items() if start == "init"} == INITIAL
    assert UNFIT.keys() <= BUILTIN["training"].keys() | BUILTIN["criterion"].keys()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_all_that_ships_can_be_asked_for(family: Family) -> None:
    """Every method of the corpus that fairprune has, at every place of a family where all of them run."""
    shipped = load(SHIPPED)
    known = components(shipped)
    for table, kinds in {
        "methods": ("criterion", "training"),
        "networks": ("network",),
        "datasets": ("dataset",),
    }.items():
        for name in known.of[table].values():
            assert any(name in BUILTIN[kind] for kind in kinds), name  # type: ignore[index]
    every = [
        hole(method, network, dataset)
        for method in known.of["methods"]
        for network in known.of["networks"]
        for dataset in known.of["datasets"]
        if known.runs(method, (network, dataset)) and known.family((network, dataset)) == family
    ]
    chosen = fitting(every, known)
    found = parsed(study(chosen, known, "all"))
    one = dict([next(iter(found.tasks.items()))])
    small = found.model_copy(update={"targets": (2.0,), "seeds": (0,), "tasks": one})
    assert {h.method for h in chosen} <= {point.labels["method"] for point in expand(small, RESOLVER)}


def test_the_command_writes_a_study(fairprune: Command, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    code, out, err = fairprune("corpus", "holes", "--dataset", "MNIST", "--top", "4", "-o", path, "--json")
    assert code == 0
    assert err == f"{path}: 4 holes\n"
    assert '"runnable": true' in out
    assert '"runnable": false' not in out
    found = read_study(path)
    assert {task.data.name for task in found.tasks.values()} == {"mnist"}


@pytest.mark.slow
@pytest.mark.data
def test_every_method_can_prune_every_network_that_it_is_said_to(data_root: Path, tmp_path: Path) -> None:
    """On MNIST; on CIFAR-10 it takes minutes."""
    known = components(load(SHIPPED))
    for network, one in known.of["networks"].items():
        if one not in FAMILIES[0].networks:
            continue
        for method in known.of["methods"]:
            text = (
                study([hole(method, network, "mnist")], known, "test") if known.runs(method, (network, "mnist")) else ""
            )
            if text:
                session = prepare(parsed(text), Site(tmp_path / "store", data_root, tmp_path))
                check_feasible(session.points, session.open())
