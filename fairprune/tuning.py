"""Tuning: each retraining at every rate of a declared grid, for every method alike, as a study of its own."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from fairprune.errors import SpecError
from fairprune.spec import Metrics
from fairprune.study import RetrainingEntry, Study, Tuning

EXAMPLE = "rates = [1e-1, 1e-2, 1e-3] and seeds = [100, 101]"


def trials(study: Study) -> tuple[Study, Mapping[str, tuple[str, float]]]:
    """The study that tries every rate with the tuning seeds, and its retrainings: name -> (the study's name, rate).

    Controls are tuned like methods. Nothing reads the test images. Raises SpecError for a study that tunes nothing.
    """
    tuning = tuning_of(study)
    tried = {f"{name}@{rate:g}": (name, rate) for name in tuned_entries(study) for rate in tuning.rates}
    entries = {label: study.retraining[name].model_copy(update={"rate": rate}) for label, (name, rate) in tried.items()}
    update = {"name": f"{study.name}.tuning", "seeds": tuning.seeds, "retraining": entries, "demand": ""}
    return study.model_copy(update={**update, "metrics": Metrics(split="validation"), "tuning": None}), tried


def tuning_of(study: Study) -> Tuning:
    """What the study says of tuning. Raises SpecError where it says nothing."""
    if study.tuning is None:
        raise SpecError(f"study {study.name} has no table [tuning]: expected one with {EXAMPLE}")
    return study.tuning


def tuned_entries(study: Study) -> Mapping[str, RetrainingEntry]:
    """The retrainings whose rates are tuned."""
    patterns = tuning_of(study).retraining
    chosen = {
        name: entry
        for name, entry in study.retraining.items()
        if entry.tunable and any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    if not chosen:
        raise SpecError(
            f"study {study.name} has no retraining to tune among {', '.join(study.retraining)}: expected finetune, "
            "lr-rewind or weight-rewind, which [tuning] names"
        )
    if done := next((name for name, entry in chosen.items() if entry.rates), None):
        raise SpecError(f"retraining {done} of study {study.name} is tuned already")
    return chosen
