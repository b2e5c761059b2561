"""Rules about controls: is there something that a method had to beat?"""

from __future__ import annotations

from collections.abc import Iterator

from fairprune.audit.examples import case, pruned
from fairprune.audit.finding import CONTROLS, Evidence, Rule, Said, ids, listed, name
from fairprune.audit.result import Result

_BESIDE = ("random", "magnitude")  # controls that are to be seen with a method's own per-layer amounts too


def _is_control(result: Result, control: str) -> bool:
    words = (result.criterion or result.method or "").lower()
    if control == "dense" or result.kind != "prune":
        return control == result.kind
    plain = words.startswith(("l1", "l2")) and "largest" not in words  # which removes the largest first
    return control in words or (control == "magnitude" and plain)


def _missing_control(evidence: Evidence) -> Iterator[Said]:
    off = evidence.facts.switched_off if evidence.facts else frozenset()
    for where, group in evidence.places.items():
        for granularity, recipe in dict.fromkeys((r.granularity, r.recipe) for r in group if r.kind == "prune"):
            same = [r for r in group if r.recipe == recipe]
            dense = [r for r in same if r.kind == "dense"]
            alike = [r for r in same if r.kind == "prune" and r.granularity == granularity]
            missing = [c for c in CONTROLS if not any(_is_control(result, c) for result in (*dense, *alike))]
            if missing:
                texts = (f"{control} (switched off)" if control in off else control for control in missing)
                among = f"{granularity or 'pruned'} results" + (f" under {recipe}" if recipe else "")
                yield ids(alike), f"{where}: no control among {among}: {', '.join(texts)}"


def _missing_like(evidence: Evidence) -> Iterator[Said]:
    """Methods that choose their per-layer amounts, without random and magnitude under those amounts."""
    for where, group in evidence.places.items():
        pruned = [r for r in group if r.kind == "prune" and r.amounts]
        lent = {(r.amounts, c) for r in pruned if r.allocation == "like" for c in _BESIDE if _is_control(r, c)}
        chosen = [r for r in pruned if r.allocation not in (None, "uniform", "like") and not _is_control(r, "random")]
        lacking = {r.id: [c for c in _BESIDE if not _is_control(r, c) and (r.amounts, c) not in lent] for r in chosen}
        found = [r for r in chosen if lacking[r.id]]
        if found:
            texts = listed(f"{name(r)} ({' and '.join(lacking[r.id])})" for r in found)
            yield ids(found), f"{where}: no control with the per-layer amounts of {texts}"


RULES = (
    Rule(
        id="missing-control",
        severity="caution",
        reason="Without the dense network, random and magnitude pruning, a gain may be the retraining's, or anyone's.",
        check=_missing_control,
        violation=case(
            "L1-norm and random pruning without the dense network retrained alike.",
            pruned("l1-0"),
            pruned("random-0", method="random", criterion="random"),
        ),
        passing=case(
            "L1-norm and random pruning, and the dense network retrained alike.",
            pruned("l1-0"),
            pruned("random-0", method="random", criterion="random"),
            pruned("dense-0", kind="dense", method="dense", criterion=None, target=None, speedup=1, compression=1),
        ),
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
