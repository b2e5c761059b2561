"""A rule about what the intervals suppose: that all methods vary alike between seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator

from fairprune.audit.examples import DECLARED, case, pruned
from fairprune.audit.finding import Evidence, Rule, Said, ids, listed
from fairprune.audit.result import Result
from fairprune.stats.variance import outlying


def _unequal_variance(evidence: Evidence) -> Iterator[Said]:
    if evidence.facts is None:  # no interval of ours
        return
    for where, group in evidence.pruned.items():
        tables: defaultdict[tuple[str, str], dict[str, dict[Hashable, Result]]] = defaultdict(dict)
        for r in group:
            if r.top1 is not None:
                row = tables[r.recipe or "", str(r.target)].setdefault(r.name, {})
                row[r.base_seed, r.run_seed] = r
        texts, behind = [], list[Result]()
        for (_, target), table in tables.items():
            values = {name: {seed: r.top1 or 0.0 for seed, r in row.items()} for name, row in table.items()}
            for name, ratio in outlying(values).items():
                texts.append(f"{name} at {target} ({ratio:.0f} times)")
                behind += table[name].values()
        if texts:
            yield ids(behind), f"{where}: vary more between seeds than methods usually do here: {listed(texts)}"


_STEADY = tuple(
    pruned(f"{name}-{seed}", method=name, criterion=name, top1=top1 + 0.3 * seed, base_seed=seed, run_seed=seed)
    for name, levels in {
        "l1_norm": (92.0, 92.1, 91.9),
        "l2_norm": (92.1, 92.0, 92.2),
        "fpgm": (91.9, 92.1, 92.0),
    }.items()
    for seed, top1 in enumerate(levels)
)


def _fourth(*levels: float) -> tuple[Result, ...]:
    return tuple(
        pruned(f"taylor-{seed}", method="taylor", criterion="taylor", top1=top1, base_seed=seed, run_seed=seed)
        for seed, top1 in enumerate(levels)
    )


RULES = (
    Rule(
        id="unequal-variance",
        severity="caution",
        reason="Intervals pool one variance: a method that varies more makes those of all others too wide, and its own "
        "too narrow.",
        check=_unequal_variance,
        violation=case(
            "Of four methods, three scatter by a tenth of a point between seeds; one collapses with one seed.",
            *_STEADY,
            *_fourth(92.0, 92.3, 55.0),
            facts=DECLARED,
        ),
        passing=case(
            "Four methods scatter by a tenth of a point, beside what their common seeds add to all of them.",
            *_STEADY,
            *_fourth(91.9, 92.4, 92.7),
            facts=DECLARED,
        ),
    ),
)
