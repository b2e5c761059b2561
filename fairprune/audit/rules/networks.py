"""Rules about the pruned networks themselves: are they what their row says?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from fairprune.audit.examples import case, pruned, scratch
from fairprune.audit.finding import Evidence, Rule, Said, by_value, ids, listed
from fairprune.audit.result import Result

TOLERANCE = 0.01
SAME_SIZE = 0.05  # sizes of one network as papers print them: two digits, with or without what is not a convolution


def _achieved(result: Result) -> float | None:
    """What the target is about: a rate, or the fraction of units removed."""
    if result.target is None or result.target.axis == "ratio":
        return result.removed if result.target else None
    return result.compression if result.target.axis == "compression" else result.speedup


def _missed(result: Result) -> bool:
    achieved = _achieved(result)
    if result.target is None or result.on_target is not None or achieved is None:
        return result.on_target is False
    return abs(achieved - result.target.value) > TOLERANCE * result.target.value


def _off_target(evidence: Evidence) -> Iterator[Said]:
    for where, group in evidence.places.items():
        found = [result for result in group if result.kind == "prune" and _missed(result)]
        if found:
            texts = listed(f"{r.name} at {r.amount}{_reached(r)}" for r in found)
            yield ids(found), f"{where}: {len(found)} of {len(group)} results miss their target: {texts}"


def _reached(result: Result) -> str:
    achieved = _achieved(result)
    if achieved is None or result.target is None:
        return ""
    return f" removed {achieved:.3g}" if result.target.axis == "ratio" else f" reached {achieved:.4g}x"


def _collapsed(evidence: Evidence) -> Iterator[Said]:
    for where, group in evidence.places.items():
        found = [result for result in group if result.collapsed]
        if found:
            texts = (f"{r.name} at {r.amount}: {listed(r.collapsed, 3)}" for r in found)
            yield ids(found), f"{where}: layers that keep nothing: {listed(texts)}"


def _masks_only(evidence: Evidence) -> Iterator[Said]:
    for where, group in evidence.places.items():
        found = [result for result in group if result.executed == "dense" and result.kind != "dense"]
        if found:
            what = f"{len(found)} of {len(group)} results are masked networks, executed densely"
            yield ids(found), f"{where}: {what} ({listed(r.name for r in found)}): speedups are theoretical"


def _masked_scratch(evidence: Evidence) -> Iterator[Said]:
    for where, group in evidence.places.items():
        structured = [r for r in group if r.kind == "scratch" and r.granularity == "channel"]
        found = [result for result in structured if result.executed == "dense"]
        if found:
            names = listed(result.name for result in found)
            yield ids(found), f"{where}: scratch runs of filter-pruned networks by masks: {names}"


def _sizes(doubled: bool, text: str) -> Callable[[Evidence], Iterator[Said]]:
    """A check for dense networks of one name that differ in size: by a factor of 2, or by any other."""

    def check(evidence: Evidence) -> Iterator[Said]:
        for where, group in evidence.places.items():
            for field, unit in (("params_m_base", "M parameters"), ("macs_g_base", "G multiply-adds")):
                known = [result for result in group if getattr(result, field)]
                factors = {getattr(a, field) / getattr(known[0], field) for a in known}
                if known and max(factors) / min(factors) > 1 + SAME_SIZE and all(map(_of_two, factors)) is doubled:
                    sizes = by_value((f"{getattr(r, field):.4g} {unit}", r.name) for r in known)
                    yield ids(known), f"{where}: {text}: {sizes}"

    return check


def _of_two(factor: float) -> bool:
    """Whether it is 1, 2 or a half, but for rounding."""
    return any(abs(math.log(factor / whole)) <= math.log1p(SAME_SIZE) for whole in (0.5, 1, 2))


RULES = (
    Rule(
        id="scratch-masked",
        severity="unfair",
        reason="A large network under structural masks is initialised with the wrong fan-in and trains worse.",
        check=_masked_scratch,
        violation=case("A filter-pruned ResNet-56 trained anew as masks.", scratch("scratch-0", executed="dense")),
        passing=case("A small dense network, newly built and trained anew.", scratch("scratch-0")),
    ),
    Rule(
        id="other-network",
        severity="unfair",
        reason="Rates are relative to the dense network, so those of two networks of one name do not compare.",
        check=_sizes(False, "dense networks of other sizes go by one name"),
        violation=case(
            "A VGG-19 of 0.511 G multiply-adds, and one of 0.398 G.",
            pruned("l1-0", macs_g_base=0.398),
            pruned("group-0", method="group", macs_g_base=0.511),
        ),
        passing=case(
            "A VGG-19 of 0.398 G multiply-adds, and one of 0.40 G.",
            pruned("l1-0", macs_g_base=0.398),
            pruned("group-0", method="group", macs_g_base=0.40),
        ),
    ),
    Rule(
        id="mixed-conventions",
        severity="caution",
        reason="Where one source counts a multiply-add as 1 and another as 2, sizes differ that are equal.",
        check=_sizes(True, "the dense network is counted in two ways"),
        violation=case(
            "A ResNet-56 of 0.1255 G multiply-adds, and one of 0.25 G.",
            pruned("l1-0", macs_g_base=0.1255),
            pruned("group-0", method="group", macs_g_base=0.25),
        ),
        passing=case(
            "A ResNet-56 of 0.1255 G multiply-adds, and one of 0.126 G.",
            pruned("l1-0", macs_g_base=0.1255),
            pruned("group-0", method="group", macs_g_base=0.126),
        ),
    ),
    Rule(
        id="off-target",
        severity="caution",
        reason="A network more than 1 % off its target is compared at another size than its row says.",
        check=_off_target,
        violation=case("A speedup of 1.93x where 2x was declared.", pruned("l1-0", speedup=1.93)),
        passing=case("A speedup of 2.01x where 2x was declared.", pruned("l1-0", speedup=2.01)),
    ),
    Rule(
        id="collapsed-layer",
        severity="caution",
        reason="A network with a layer that keeps nothing passes on no signal there, whatever else was kept.",
        check=_collapsed,
        violation=case("Global magnitude pruning keeps no weight of one layer.", pruned("l1-0", collapsed=("fc1",))),
        passing=case("Every layer keeps something.", pruned("l1-0")),
    ),
    Rule(
        id="masks-only",
        severity="note",
        reason="Masked weights are still multiplied, so nothing becomes faster.",
        check=_masks_only,
        violation=case(
            "Weights were set to zero by masks.",
            pruned("magnitude-0", method="magnitude", granularity="weight", executed="dense"),
        ),
        passing=case("Filters were removed.", pruned("l1-0")),
    ),
)
