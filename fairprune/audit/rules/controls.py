"""Rules about controls: is there something that a method had to beat?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fairprune.audit.examples import case, pruned
from fairprune.audit.finding import Evidence, Rule, Said, ids, listed
from fairprune.audit.result import Result

_BESIDE = ("random", "magnitude")  # controls that are to be seen with a method's own per-layer amounts too


def _is_control(result: Result, control: str) -> bool:
    words = (result.criterion or result.method or "").lower()
    if control == "dense" or result.kind != "prune":
        return control == result.kind
    plain = words.startswith(("l1", "l2")) and "largest" not in words  # which removes the largest first
    return control in words or (control == "magnitude" and plain)


def _missing(control: str, said: str) -> Callable[[Evidence], Iterator[Said]]:
    """A check that pruned results have the control beside them, under their recipe and of their granularity."""

    def check(evidence: Evidence) -> Iterator[Said]:
        off = " (switched off)" if evidence.facts and control in evidence.facts.switched_off else ""
        for where, group in evidence.pruned.items():
            lacking: dict[str, list[Result]] = {}
            for granularity, recipe in dict.fromkeys((r.granularity, r.recipe) for r in group):
                alike = [r for r in group if (r.granularity, r.recipe) == (granularity, recipe)]
                dense = [r for r in evidence.places[where] if r.kind == "dense" and r.recipe == recipe]
                if not any(_is_control(result, control) for result in (*dense, *alike)):
                    lacking[f"{granularity or 'pruned'} results" + (f" under {recipe}" if recipe else "")] = alike
            if lacking:
                found = [result for alike in lacking.values() for result in alike]
                yield ids(found), f"{where}: no {said} beside {listed(lacking)}{off}"

    return check


def _missing_like(evidence: Evidence) -> Iterator[Said]:
    """Methods that choose their per-layer amounts, without random and magnitude under those amounts."""
    for where, group in evidence.pruned.items():
        pruned = [r for r in group if r.amounts]
        lent = {(r.amounts, c) for r in pruned if r.allocation == "like" for c in _BESIDE if _is_control(r, c)}
        chosen = [r for r in pruned if r.allocation not in (None, "uniform", "like") and not _is_control(r, "random")]
        lacking = {r.id: [c for c in _BESIDE if not _is_control(r, c) and (r.amounts, c) not in lent] for r in chosen}
        found = [r for r in chosen if lacking[r.id]]
        if found:
            texts = listed(f"{r.name} ({' and '.join(lacking[r.id])})" for r in found)
            yield ids(found), f"{where}: no control with the per-layer amounts of {texts}"


_RANDOM = pruned("random-0", method="random", criterion="random")
_TAYLOR = pruned("taylor-0", method="taylor", criterion="taylor")
_DENSE = pruned("dense-0", kind="dense", method="dense", criterion=None, target=None, speedup=1, compression=1)

RULES = (
    Rule(
        id="missing-dense",
        severity="caution",
        reason="Without the dense network retrained alike, what more epochs bring counts as a gain of pruning.",
        check=_missing("dense", "dense network"),
        violation=case("L1-norm pruning alone.", pruned("l1-0")),
        passing=case("L1-norm pruning, and the dense network retrained alike.", pruned("l1-0"), _DENSE),
    ),
    Rule(
        id="missing-random",
        severity="caution",
        reason="A criterion that does not beat random pruning has found nothing.",
        check=_missing("random", "random pruning"),
        violation=case("Taylor pruning, without random pruning under its recipe.", _TAYLOR),
        passing=case("Taylor pruning, and random pruning under its recipe.", _TAYLOR, _RANDOM),
    ),
    Rule(
        id="missing-magnitude",
        severity="caution",
        reason="Magnitude, of filters their L1 norm, matches many later methods once it is retrained as they are.",
        check=_missing("magnitude", "magnitude or L1-norm pruning"),
        violation=case("Taylor pruning of filters, without the L1 norm under its recipe.", _TAYLOR),
        passing=case("Taylor pruning of filters, and the L1 norm under its recipe.", _TAYLOR, pruned("l1-0")),
    ),
    Rule(
        id="missing-like-control",
        severity="caution",
        reason="A method that decides how much each layer loses may win by those amounts, not by what it picks inside.",
        check=_missing_like,
        violation=case(
            "Global Taylor pruning, without any method that removes as much from every layer.",
            pruned("taylor-0", method="taylor", criterion="taylor", allocation="global", amounts="taylor"),
        ),
        passing=case(
            "Global Taylor pruning, and L1-norm and random pruning with its per-layer amounts.",
            pruned("taylor-0", method="taylor", criterion="taylor", allocation="global", amounts="taylor"),
            pruned("l1-0", allocation="like", amounts="taylor"),
            pruned("random-0", method="random", criterion="random", allocation="like", amounts="taylor"),
        ),
    ),
)
