"""What a demanded comparison setup prescribes: the scratch runs that a study compares with (Wang et al. 2023)."""

from __future__ import annotations

from fairprune import schedules
from fairprune.errors import SpecError
from fairprune.study import RetrainingEntry, Study


def derived(study: Study) -> Study:
    """The study with what its demand prescribes; one that demands nothing, or an order of setups, is as it was.

    S4.2-overall: the scratch run has the base's whole schedule, in which every `overall` entry moves the pruning epoch.
    SX-A: for every retraining a scratch run of as many epochs as base and retraining together.
    SX-B: for every retraining one of as many multiply-adds, K1 * F1/F2 + K2 epochs, fractions cut off (K1, K2 epochs of
    base and retraining, F1/F2 the speedup). Scratch runs that the study names stay as they are, and nothing is added.
    """
    scratch = [entry for entry in study.retraining.values() if entry.kind.startswith("scratch")]
    if study.demand not in ("SX-A", "SX-B", "S4.2-overall") or scratch:
        return study
    added = {}
    if study.demand == "S4.2-overall":
        if not any(entry.kind == "overall" for entry in study.retraining.values()):
            raise SpecError(
                f"study {study.name} demands S4.2-overall, so it needs a retraining of that kind: "
                'kind = "overall", prune_at = EPOCH'
            )
        added["scratch"] = RetrainingEntry(kind="scratch-e", recipe={})
    else:
        kind = "scratch-e" if study.demand == "SX-A" else "scratch-b"
        for name, entry in study.retraining.items():
            epochs = _epochs(study, name, entry)
            added[f"scratch-{name}"] = RetrainingEntry.model_validate(
                {"kind": kind, "reading": "wang", "epochs": epochs, "methods": entry.methods}
            )
    return study.model_copy(update={"retraining": {**study.retraining, **added}})


def _epochs(study: Study, name: str, entry: RetrainingEntry) -> float:
    if entry.kind == "finetune":
        return schedules.parse(entry.schedule).total
    if entry.kind == "lr-rewind" and entry.epochs:
        return entry.epochs
    raise SpecError(
        f"study {study.name} demands {study.demand}, and retraining {name} is {entry.kind}: expected finetune or "
        "lr-rewind, or scratch runs named by the study"
    )
