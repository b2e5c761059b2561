"""Crossing recipes: two methods of a study under the retraining of each, as a study of its own."""

from __future__ import annotations

from fairprune.errors import SpecError, unknown
from fairprune.study import Controls, RetrainingEntry, Study


def crossed(study: Study, first: tuple[str, str], second: tuple[str, str]) -> Study:
    """The four combinations of two (method, retraining) pairs: the study's tasks, targets and seeds, nothing else.

    Stages that the study has run already are shared. Raises SpecError for names that the study does not have, and for
    pairs that cannot be crossed.
    """
    for (method, recipe), other in ((first, second), (second, first)):
        if method not in study.methods:
            raise SpecError(unknown(f"method of study {study.name}", method, study.methods))
        if recipe not in study.retraining:
            raise SpecError(unknown(f"retraining of study {study.name}", recipe, study.retraining))
        if method == other[0]:
            raise SpecError(f"method {method} is on both sides: expected two methods, as in A:recipe B:recipe")
        if recipe == other[1]:
            raise SpecError(f"both methods have the retraining {recipe}: expected that of each, as in A:one B:other")
    methods, recipes = (first[0], second[0]), (first[1], second[1])
    retraining = {name: _for_all(name, study.retraining[name]) for name in recipes}
    # a method may take the amounts of another one, which is then asked for as well, but not run by itself
    return study.model_copy(
        update={
            "name": f"{study.name}.cross",
            "methods": {name: study.methods[name] for name in study.methods if name in _needed(study, methods)},
            "retraining": {name: entry.model_copy(update={"methods": methods}) for name, entry in retraining.items()},
            "controls": Controls(dense=False, random=False, magnitude=False, like=False),
        }
    )


def _for_all(name: str, entry: RetrainingEntry) -> RetrainingEntry:
    if entry.kind == "train" or entry.kind.startswith("scratch"):
        raise SpecError(
            f"retraining {name} is {entry.kind}: expected finetuning or rewinding, which any method can have"
        )
    return entry.model_copy(update={"granularity": "any"})


def _needed(study: Study, methods: tuple[str, str]) -> set[str]:
    needed, todo = set[str](), list(methods)
    while todo:
        name = todo.pop()
        needed.add(name)
        other = study.methods[name].allocation.removeprefix("like:")
        if other in study.methods and other not in needed:
            todo.append(other)
    return needed
