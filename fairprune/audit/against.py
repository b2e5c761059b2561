"""Results out of a file, judged: their pairs and findings, with own runs beside them where there are any."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from math import comb
from typing import Any

from fairprune.audit.finding import Evidence, Finding
from fairprune.audit.measured import from_record
from fairprune.audit.result import STAGES, Result
from fairprune.audit.rules import findings_of
from fairprune.audit.setups import Pair, Reading, check_assumed, strictness
from fairprune.audit.spelling import spelling
from fairprune.record import Record


@dataclass(frozen=True)
class Judgement:
    """Pairs that reach S1, strictest first; how many do not; findings about the results, worst first; the options."""

    pairs: tuple[Pair, ...]
    below: int
    findings: tuple[Finding, ...]
    tau: float
    assume_equal: frozenset[str]
    reading: Reading


def judge(
    results: Sequence[Result],
    own: Sequence[Result] = (),
    tau: float = 0.05,
    assume_equal: Set[str] = frozenset(),
    reading: Reading = "wang",
) -> Judgement:
    """How comparable results are, with one another and with own runs, and what the rules say of them.

    Own runs are not compared with one another: that is their study's audit. The options are those of `setups.compare`.
    """
    check_assumed(assume_equal)
    beside = frozenset(result.id for result in own)
    evidence = Evidence((*results, *own), None, (), tau, frozenset(assume_equal), reading, beside)
    pairs = sorted(evidence.pairs, key=_strictness, reverse=True)
    findings = tuple(f for f in findings_of(evidence) if not (f.ids and beside.issuperset(f.ids)))
    below = comb(len(results), 2) + len(results) * len(own) - len(pairs)
    return Judgement(tuple(pairs), below, findings, tau, evidence.assume_equal, reading)


def _strictness(pair: Pair) -> tuple[int, int]:
    return strictness(pair.verdict), len(pair.verdict.flags)


def own_runs(records: Iterable[Record], results: Iterable[Result]) -> list[Result]:
    """The runs that ended, on the data sets and networks of the results, in the terms of a file of results.

    Names take the spelling of the results.
    """
    names = {(spelling(r.dataset), spelling(r.network)): r for r in results if r.dataset and r.network}
    found = []
    for record in records:
        run = as_printed(record) if record.status == "done" else None
        if run and run.dataset and run.network:
            like = names.get((spelling(run.dataset), spelling(run.network)))
            if like:
                found.append(replace(run, dataset=like.dataset, network=like.network))
    return found


def as_printed(record: Record) -> Result:
    """A run as its paper would print it.

    An official test split goes by its data set's name, as papers name it; a split of one's own keeps its digest, and is
    another data set. Multiply-adds are in units of the dense network.
    """
    run = from_record(record)
    official = record.spec.task.data.carve_test == 0
    dataset = run.dataset.partition("@")[0] if run.dataset and official else run.dataset
    relative = _relative(run, record.dense.macs if record.dense else None)
    return replace(relative, dataset=dataset, optimizer=_optimizer(run.optimizer))


def _relative(run: Result, dense: int | None) -> Result:
    """The run with its stages' multiply-adds in units of the dense network; None where either is unknown."""
    macs = {name: getattr(run, name) for name in (f"{stage}_macs" for stage in STAGES)}
    relative: dict[str, Any] = {name: value / dense if value and dense else None for name, value in macs.items()}
    return replace(run, **relative)


def _optimizer(text: str | None) -> str | None:
    """Our optimizers as papers name them: "sgd", and what is unusual about it; its numbers have fields of their own."""
    if text is None:
        return None
    options = json.loads(text)
    usual = {"nesterov": False, "decay_all": True, "betas": [0.9, 0.999]}
    odd = [f"{key}={options[key]}" for key, value in usual.items() if options.get(key, value) != value]
    return " ".join([options["name"], *odd])
