"""Published results on the data sets and networks of one's own runs, and how strictly each compares with these."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from fairprune.audit.result import Result
from fairprune.audit.setups import ORDER, RATES, Blocked, Verdict, compare, strictness
from fairprune.corpus.audited import as_result
from fairprune.corpus.compare import metrics_of
from fairprune.corpus.names import Names, names_of
from fairprune.corpus.replicates import averaged
from fairprune.corpus.schema import TableName
from fairprune.corpus.tables import Corpus
from fairprune.errors import CorpusError

NEEDED: tuple[TableName, ...] = ("papers", "methods", "networks", "datasets", "results")
METRICS = ("top1", "top5")


@dataclass(frozen=True)
class Task:
    """What a study runs on, by fairprune's own names, and its runs as a paper would print them (`against.as_printed`).

    `network` has the options that its component does not have by default, as in `lenet5(batch_norm=True)`.
    """

    name: str
    data: str
    network: str
    runs: tuple[Result, ...]
    official: bool = True  # whether they are measured on the test split that papers mean by the data set's name

    @property
    def component(self) -> str:
        """The network without its options."""
        return self.network.partition("(")[0]


@dataclass(frozen=True)
class Published:
    """A result in print; single runs of one setting are one, their mean.

    `value` is the accuracy in percent, `std` its deviation over runs and `change` that from the base, in points, where
    they are printed or follow.
    `verdict` is that with `nearest`, the own run with which it reaches the strictest setup; None without any run.
    """

    row: Mapping[str, Any]  # of the table `results`
    result: Result
    value: float | None
    std: float | None
    change: float | None
    nearest: Result | None
    verdict: Verdict | None

    @property
    def blocked_by(self) -> tuple[Blocked, ...]:
        """What keeps it from the next setup: `a` is ours, `b` what is printed."""
        if self.verdict is None or self.verdict.setup == ORDER[-1]:
            return ()
        wanted = ORDER[strictness(self.verdict) + 1]
        return tuple(block for block in self.verdict.blocked_by if block.setup == wanted)


@dataclass(frozen=True)
class Beside:
    """What the literature has on a task: rows of the tables `datasets` and `networks`, and results of pruning."""

    task: Task
    dataset: Mapping[str, Any]
    networks: tuple[Mapping[str, Any], ...]
    results: tuple[Published, ...]


def beside(corpus: Corpus, tasks: Sequence[Task], metric: str, tau: float = 0.05) -> tuple[Beside, ...]:
    """Published results on the data set and network of each task, by the corpus' names of components.

    Tasks on which nothing is published are left out. Raises CorpusError where that is all of them, or where the metric
    is none that papers print.
    """
    if metric not in METRICS:
        raise CorpusError(f"published results give {' or '.join(METRICS)}, not the study's endpoint '{metric}'")
    found = tuple(one for task in tasks if (one := _beside(corpus, task, metric, tau)).results)
    if not found:
        raise CorpusError(_refused(corpus, tasks))
    return found


def _beside(corpus: Corpus, task: Task, metric: str, tau: float) -> Beside:
    datasets, networks = corpus["datasets"].filter(component=task.data), corpus["networks"]
    networks = networks.filter(component=task.component)
    rows = corpus["results"].filter(
        pl.col("dataset").is_in(datasets["key"].to_list()),
        pl.col("network").is_in(networks["key"].to_list()),
        pl.col("kind") != "dense",
    )
    own = _Own.of(task, rows["base_checkpoint"])
    listed = (_published(row, names_of(corpus), metric, own, tau) for row in averaged(rows).iter_rows(named=True))
    years = dict(corpus["papers"].select("key", "year").iter_rows())
    results = tuple(sorted(listed, key=lambda one: (years[one.row["paper"]], *_order(one))))
    used = networks.filter(pl.col("key").is_in({p.row["network"] for p in results}))
    return Beside(task, next(datasets.iter_rows(named=True), {}), tuple(used.iter_rows(named=True)), results)


@dataclass(frozen=True)
class _Own:
    """A task's runs, in groups that differ in nothing but seeds, bases and rates."""

    task: Task
    groups: tuple[tuple[Result, ...], ...]

    @staticmethod
    def of(task: Task, bases: Iterable[str | None]) -> _Own:
        """A base that is also in print tells results apart; no other can be equal to a published one."""
        groups: defaultdict[tuple[Any, ...], list[Result]] = defaultdict(list)
        known = set(bases)
        for run in task.runs:
            base = run.base_checkpoint if run.base_checkpoint in known else None
            groups[run.kind, run.method, run.recipe, run.target, base].append(run)
        return _Own(task, tuple(map(tuple, groups.values())))

    def near(self, other: Result) -> Iterator[Result]:
        """The run of every group with the rates nearest to a published result's, under the names that mean the same."""
        usual = self.task.network == self.task.component
        for group in self.groups:
            run = min(group, key=lambda run: _apart(run, other))
            yield replace(
                run,
                dataset=other.dataset if self.task.official else run.dataset,
                network=other.network if usual else self.task.network,
            )


def _published(row: Mapping[str, Any], names: Names, metric: str, own: _Own, tau: float) -> Published:
    result, printed = as_result(row, names), metrics_of(row)
    compared = [(run, compare(run, result, tau)) for run in own.near(result)]
    nearest, verdict = max(
        compared,
        key=lambda pair: (strictness(pair[1]), len(pair[1].flags), -_apart(pair[0], result)),
        default=(None, None),
    )
    value, change, std = (printed.get(metric), printed.get(f"{metric}_change"), row.get(f"{metric}_std"))
    return Published(row, result, value, std, change, nearest, verdict)


def _apart(a: Result, b: Result) -> float:
    """How far the nearest rates that both have lie apart."""
    pairs = ((getattr(a, rate), getattr(b, rate)) for rate in RATES)
    return min((abs(math.log(x / y)) for x, y in pairs if x and y), default=math.inf)


def _order(one: Published) -> tuple[Any, ...]:
    """By paper, method and rate."""
    rates = (one.result.speedup or 0.0, one.result.compression or 0.0)
    return one.row["paper"], one.result.kind, one.result.name, one.row["setting"] or "", rates


def _refused(corpus: Corpus, tasks: Sequence[Task]) -> str:
    """What the study has and what the corpus has, by the names of components."""
    named = {table: dict(corpus[table].select("key", "component").iter_rows()) for table in ("datasets", "networks")}
    places: defaultdict[str, set[str]] = defaultdict(set)
    rows = corpus["results"].filter(pl.col("kind") != "dense")
    for dataset, network in rows.select("dataset", "network").iter_rows():
        data, component = named["datasets"].get(dataset), named["networks"].get(network)
        if data and component:
            places[data].add(component)
    has = "; ".join(f"{', '.join(sorted(networks))} on {data}" for data, networks in sorted(places.items()))
    ours = ", ".join(dict.fromkeys(f"{task.network} on {task.data}" for task in tasks))
    return f"nothing is published on what the study has: {ours}; the corpus has {has or 'no results'}"
