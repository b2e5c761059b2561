"""Rules about what all results that stand side by side should share, besides base model and recipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from fairprune.audit.examples import case, pruned
from fairprune.audit.finding import Evidence, Rule, Said, Severity, ids, listed
from fairprune.audit.result import Result


def _mixed(field: str, told: Callable[[Any], str]) -> Callable[[Evidence], Iterator[Said]]:
    """A check that a field has one known value wherever results may be compared."""

    def value(result: Result) -> str | None:
        found = getattr(result, field)
        return None if found is None else told(found) or None

    def check(evidence: Evidence) -> Iterator[Said]:
        for where, group in evidence.places.items():
            counts = Counter(said for result in group if (said := value(result)) is not None)
            if len(counts) > 1:
                ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
                odd = [result for result in group if value(result) not in (None, ranked[0][0])]
                yield ids(odd), f"{where}: {field}: {listed(f'{said} ({n})' for said, n in ranked)}"

    return check


def _rule(
    field: str,
    reason: str,
    values: tuple[Any, Any],
    severity: Severity = "caution",
    told: Callable[[Any], str] = str,
) -> Rule:
    one, other = values
    first, second = pruned("l1-0", **{field: one}), pruned("taylor-0", method="taylor", **{field: other})
    return Rule(
        id=f"mixed-{field.partition('_')[0]}",
        severity=severity,
        reason=reason,
        check=_mixed(field, told),
        violation=case(f"One run with {told(one)}, another with {told(other)}.", first, second),
        passing=case("Both runs have the same.", first, pruned("taylor-0", method="taylor", **{field: one})),
    )


def _layers(spare: tuple[str, ...]) -> str:
    return " ".join(spare) or "nothing"


def _images(calibration: int) -> str:
    """In words; "" for a criterion that needs none, which may stand beside any other."""
    return f"{calibration:,} images" if calibration else ""


RULES = (
    _rule("device", "Devices differ in numerics, so runs of one seed no longer form an exact pair.", ("cpu", "cuda")),
    _rule(
        "libraries",
        "Versions differ in numerics and defaults, which then look like the method's doing.",
        ("torch 2.13.0", "torch 2.11.0"),
    ),
    _rule("precision", "A method that was run in another precision was run under another recipe.", ("fp32", "bf16")),
    _rule("validation", "A larger validation split leaves fewer images to train on.", (0.1, 0.2)),
    _rule(
        "spare",
        "Who may prune a layer that others have to spare chooses from other networks.",
        (("classifier",), ("classifier", "conv1")),
        told=_layers,
    ),
    _rule(
        "calibration",
        "A criterion that looks at more images knows more, whatever it computes.",
        (512, 128),
        told=_images,
    ),
    _rule(
        "tuning_trials",
        "The best of many settings beats the best of few, whatever the method.",
        (20, 1),
        told=lambda trials: f"{trials} trials" if trials != 1 else "1 trial",
    ),
    _rule(
        "granularity",
        "Single weights cost less accuracy than filters at equal rates, and make nothing faster.",
        ("channel", "weight"),
        "note",
    ),
)
