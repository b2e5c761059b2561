"""Holes of the literature as a study that fairprune can run: which ones it can, and the file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from textwrap import wrap

from fairprune.corpus.holes import Hole, Place
from fairprune.corpus.schema import TableName
from fairprune.corpus.tables import Corpus
from fairprune.registry import BUILTIN


@dataclass(frozen=True)
class Family:
    """Data sets whose networks are trained alike, and how. Schedules are in epochs."""

    name: str
    datasets: frozenset[str]
    networks: frozenset[str]
    pretrain: str  # a TOML table
    retraining: str  # the schedule after pruning
    training: str  # that of methods that go on training while they prune
    source: str


_LENETS = frozenset(("lenet300", "lenet5", "lenet5_caffe"))
FAMILIES = (
    Family(
        "mnist",
        frozenset(("mnist",)),
        _LENETS,
        '{ schedule = "0:5e-2,2:5e-3,3:5e-4 total:4", batch_size = 128, optimizer = { weight_decay = 5e-4 } }',
        "0:1e-2,1.5:1e-3 total:2",
        "constant:1e-2 total:2",
        "Short recipes, of minutes a run.",
    ),
    Family(
        "cifar",
        frozenset(("cifar10", "cifar100")),
        frozenset(
            (*(f"resnet{depth}" for depth in (20, 32, 44, 56, 110)), "preresnet110", "preresnet164", "vgg16", "vgg19")
        )
        | {"densenet40"},
        '{ schedule = "0:1e-1,100:1e-2,150:1e-3 total:200", batch_size = 128, augment = ["pad-crop:4", "flip"], '
        "optimizer = { weight_decay = 5e-4 } }",
        "0:1e-2,60:1e-3,90:1e-4 total:120",
        "constant:1e-2 total:60",
        "Base and retraining have the recipes of Wang et al. 2023 (arXiv:2301.05219, CIFAR).",
    ),
)
INITIAL = frozenset(("set", "l0", "variational_dropout", "rigl"))  # trainings that begin with the initialisation
UNFIT: Mapping[str, frozenset[str]] = {
    "slimming": _LENETS | {"preresnet110", "preresnet164", "densenet40"},  # layers without a batch norm directly behind
    "obs": frozenset(("vgg16", "vgg19")),  # its blocks of 2,000 weights would not fit into memory
}
_FIELDS: Mapping[str, str] = {  # what the defaults of a component do not say, by key of the corpus or by component
    "sss": 'granularity = "channel"\n',  # blocks are in residual networks only
    "magnitude-at-initialisation": 'start = "init"\n',
    "random-at-initialisation": 'start = "init"\n',
}


@dataclass(frozen=True)
class Components:
    """Keys of the corpus -> names in fairprune, and usual names."""

    of: Mapping[str, Mapping[str, str]]  # table -> key -> component
    names: Mapping[str, Mapping[str, str]]  # table -> key -> name

    def family(self, place: Place) -> Family | None:
        """How networks are trained at a place; None where fairprune has the network or the data set not."""
        network, dataset = self.of["networks"].get(place[0]), self.of["datasets"].get(place[1])
        return next((f for f in FAMILIES if dataset in f.datasets and network in f.networks), None)

    def runs(self, method: str, place: Place) -> bool:
        """Whether fairprune can run a method at a place."""
        component, network = self.of["methods"].get(method), self.of["networks"].get(place[0])
        known = component in BUILTIN["criterion"] or component in BUILTIN["training"]
        return known and self.family(place) is not None and network not in UNFIT.get(component or "", ())


def components(corpus: Corpus) -> Components:
    """What fairprune has of the methods, networks and data sets of a corpus."""
    tables: tuple[TableName, ...] = ("methods", "networks", "datasets")
    rows = {table: corpus[table].select("key", "name", "component").rows() for table in tables}
    return Components(
        {table: {key: component for key, _, component in found if component} for table, found in rows.items()},
        {table: {key: name for key, name, _ in found} for table, found in rows.items()},
    )


def fitting(holes: Iterable[Hole], known: Components) -> tuple[Hole, ...]:
    """The holes that one study can fill: those with the recipes of the first, whose methods all run at all places."""
    found: list[Hole] = []
    for hole in holes:
        place = (hole.network, hole.dataset)
        methods = {hole.method, *(each.method for each in found)}
        places = {place, *((each.network, each.dataset) for each in found)}
        crossed = {*product([hole.method], places), *product(methods, [place])}
        if len({known.family(each) for each in places}) == 1 and all(known.runs(*pair) for pair in crossed):
            found.append(hole)
    return tuple(found)


def study(holes: Sequence[Hole], known: Components, command: str) -> str:
    """A study (TOML) that measures all methods of the holes at all their places, under one recipe; valid."""
    from fairprune.study import parse_study  # brings pydantic's models, which a list of holes needs not

    family = known.family((holes[0].network, holes[0].dataset))
    assert family is not None, "not a hole that fairprune can fill"
    methods = list(dict.fromkeys(hole.method for hole in holes))
    places = list(dict.fromkeys((hole.network, hole.dataset) for hole in holes))
    parts = [
        _head(holes, known, command, len(methods) * len(places), family),
        *(_task(place, known, family) for place in places),
        *(_method(method, known, family) for method in methods),
        f'[retraining.finetune]\nschedule = "{family.retraining}"\n',
        "[controls]\nlike = true # random and magnitude pruning with the amounts of each method, besides their own\n",
    ]
    text = "\n".join(parts)
    parse_study(tomllib.loads(text), "the study")
    return text


def _head(holes: Sequence[Hole], known: Components, command: str, cells: int, family: Family) -> str:
    """What the study is for, as a comment, and what it declares."""
    said = [
        f"What the literature never measured, by `{command}`:",
        *(f"- {_hole(hole, known)}" for hole in holes),
        "That is against published results, where the same network, data and rate can be reached (S1) and no more. "
        "Among themselves, the methods of this study have one base and one recipe.",
        f"Every method runs at every task: {cells} pairs of the two, of which {len(holes)} are these holes.",
        family.source,
    ]
    lines = [f"# {line}" for each in said for line in wrap(each, 118, subsequent_indent="  " * each.startswith("-"))]
    return "\n".join(
        [
            *lines,
            f'name = "holes-{family.name}"',
            'question = "How do these methods compare where the literature has not measured them?"',
            'axis = "compression"',
            "targets = [2, 4, 8]",
            'endpoint = "top1"',
            'control = "random*"',
            "seeds = 3",
            "",
        ]
    )


def _hole(hole: Hole, known: Components) -> str:
    names = known.names
    where = f"{names['networks'][hole.network]} and {names['datasets'][hole.dataset]}"
    joins = ", ".join(names["methods"][other] for other in hole.joins)
    return f"{names['methods'][hole.method]} on {where}" + (f"; comparable then with {joins}" if joins else "")


def _task(place: Place, known: Components, family: Family) -> str:
    network, dataset = known.of["networks"][place[0]], known.of["datasets"][place[1]]
    return (
        f"[tasks.{json.dumps('-'.join(place))}]\n"
        f"data = {json.dumps(dataset)}\n"
        f"network = {json.dumps(network)}\n"
        f"pretrain = {family.pretrain}\n"
    )


def _method(method: str, known: Components, family: Family) -> str:
    component = known.of["methods"][method]
    said = f"training = {{ hook = {json.dumps(component)}, schedule = {json.dumps(family.training)} }}"
    if component in BUILTIN["criterion"]:
        said = f"criterion = {json.dumps(component)}"
    elif component in INITIAL:
        said = f"training = {json.dumps(component)}"
    more = _FIELDS.get(method, _FIELDS.get(component, ""))
    return f"[methods.{json.dumps(method)}] # {known.names['methods'][method]}\n{said}\n{more}"
