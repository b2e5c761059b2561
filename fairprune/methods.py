"""A study's methods, resolved: the controls that it lacks, defaults from the papers, training recipes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from fairprune import registry, schedules
from fairprune.declared import Declared, declared
from fairprune.errors import SpecError, unknown
from fairprune.recipes import canonical_recipe, merged
from fairprune.spec import Method, Recipe, Task, default_allocation
from fairprune.study import Study, answers
from fairprune.validation import validate

Plain = {"weight": "magnitude", "channel": "l1_norm", "block": "magnitude"}


def resolve_methods(study: Study, folder: Path | None = None) -> dict[str, Method]:
    """Every method of the study and its controls, with every default filled in but what depends on the task."""
    named = {name: filled(name, method, folder) for name, method in study.methods.items()}
    controls = _controls(study, named, folder)
    every = named | {name: control for name, control in controls.items() if not _taken(name, control, named)}
    _check_control(study, every)
    return {name: _with_lender(name, every) for name in every}


def retrained_as(study: Study, methods: Mapping[str, Method]) -> dict[str, str]:
    """Method -> the name that retraining asks for: a control that was added to be like a method has that method's."""
    lenders = {_like_name(criterion, name): name for name in methods for criterion in ("random", *Plain.values())}
    return {name: name if name in study.methods else lenders.get(name, name) for name in methods}


def filled(name: str, method: Method, folder: Path | None = None) -> Method:
    """The method with the defaults of its criterion and its training. Raises SpecError for what does not fit."""
    training = declared("training", method.training.hook, folder, f"method {name}") if method.training else None
    found = method.criterion or (training.criterion if training else "")
    criterion = declared("criterion", found, folder, f"method {name}") if found else None
    defaults = [component for component in (training, criterion) if component]
    granularity = defaults[0].granularities[0] if method.granularity == "default" else method.granularity
    for component in defaults:
        if granularity not in component.granularities:
            known = " and ".join(component.granularities)
            what = "criterion" if component is criterion else "training"
            raise SpecError(f"method {name}: {what} {component.name} scores {known} units, not {granularity}")
    update: dict[str, Any] = {"criterion": found, "granularity": granularity}
    update["allocation"] = method.allocation or _first(defaults, "allocation") or default_allocation(granularity)
    update["start"] = defaults[0].start if method.start == "default" else method.start
    update["steps"] = method.steps or (criterion.steps if criterion else 1)
    update["repair"] = method.repair or (criterion.repair if criterion else "") or "none"
    update["sequential"] = criterion is not None and criterion.scope == "sequence"
    update["options"] = _options(name, method.options, criterion)
    if method.training and training:
        options = _options(name, method.training.options, training)
        update["training"] = method.training.model_copy(update={"options": options, "bound": training.bound})
    result = method.model_copy(update=update)
    _check(name, result, folder)
    if result.repair != "none":
        repair = declared("repair", result.repair, folder, f"method {name}")
        if granularity not in repair.granularities:
            known = " and ".join(repair.granularities)
            raise SpecError(f"method {name}: repair {repair.name} mends {known} units, not {granularity}")
        options = _options(name, method.repair_options, repair)
        result = result.model_copy(update={"repair_options": options})
    return result


def settle(name: str, method: Method, task: Task) -> Method:
    """The method for one task: its training has a whole recipe, the base's where it says nothing else."""
    like = settle(name, method.like, task) if method.like else None
    if method.start == "init" and task.pretrain is None:
        raise SpecError(
            f"method {name} starts from the initialisation, but the base is a checkpoint: give the task `pretrain`"
        )
    if method.training is None:
        return method.model_copy(update={"like": like}) if like else method
    schedule = method.training.schedule
    if not schedule and method.start != "init":
        raise SpecError(
            f"method {name}: {method.training.hook} goes on training the base model, so it needs a schedule: "
            f'training = {{hook = "{method.training.hook}", schedule = "constant:1e-3 total:10"}}'
        )
    base = task.pretrain or Recipe(schedule=schedule)
    fields = base.model_dump() | merged(base, method.training.recipe) | {"schedule": schedule or base.schedule}
    recipe = canonical_recipe(validate(Recipe, fields, f"method {name}, training"))
    if recipe.checkpoint == "best":
        recipe = recipe.model_copy(update={"checkpoint": "last"})  # the base's; the best epoch may precede pruning
    training = method.training.model_copy(
        update={"recipe": recipe.model_dump(mode="json"), "schedule": str(schedules.parse(recipe.schedule))}
    )
    return method.model_copy(update={"like": like, "training": training})


def _first(components: list[Declared], attribute: str) -> str:
    return next((value for component in components if (value := getattr(component, attribute))), "")


def _options(name: str, given: Mapping[str, Any], component: Declared | None) -> dict[str, Any]:
    known = component.options if component else {}
    for option in given:
        if option not in known:
            what = component.name if component else "a method that scores by its training"
            raise SpecError(f"method {name}: " + unknown(f"option of {what}", option, known))
    return dict(known) | dict(given)


def _check(name: str, method: Method, folder: Path | None) -> None:
    if method.training and method.training.recipe.get("checkpoint") == "best":
        raise SpecError(
            f'method {name}, training: checkpoint = "best" may choose an epoch from before it pruned: expected "last", '
            "since what its last step leaves is what is pruned"
        )
    if method.sequential and method.steps > 1:
        raise SpecError(f"method {name}: {method.criterion} goes through the network layer by layer; it has one step")
    if method.sequential and method.allocation in ("global", "lamp"):
        raise SpecError(
            f"method {name}: {method.criterion} goes through the network layer by layer, so allocation "
            f"'{method.allocation}' has no scores to go by: expected uniform, given or like:METHOD"
        )
    if method.training and method.gradual:
        raise SpecError(f"method {name}: a training of its own and criterion {method.criterion} exclude each other")
    if method.allocation == "like":
        raise SpecError(f"method {name}: allocation 'like' needs a method, as in allocation = \"like:NAME\"")
    if not method.allocation.startswith("like:"):
        registry.find("allocation", method.allocation, folder)


def _controls(study: Study, methods: Mapping[str, Method], folder: Path | None) -> dict[str, Method]:
    """Random and plain magnitude for every kind of unit and every start, and those like the study's methods."""
    controls: dict[str, Method] = {}
    for granularity, untrained in sorted({(m.granularity, m.untrained) for m in methods.values()}):
        plain = Plain[granularity]
        wanted = {"random": study.controls.random, plain: study.controls.magnitude}
        alike = {n: m for n, m in methods.items() if (m.granularity, m.untrained) == (granularity, untrained)}
        for criterion in [name for name, on in wanted.items() if on]:
            if not any((m.criterion, m.training, m.repair) == (criterion, None, "none") for m in alike.values()):
                name = f"{criterion}-{granularity}" + ("-init" if untrained else "")
                alike[name] = controls[name] = _control(criterion, alike[min(alike)], "", folder)
        if study.controls.like:
            controls |= _like_controls(alike, plain, folder)
    return controls


def _check_control(study: Study, methods: Mapping[str, Method]) -> None:
    """Raise SpecError where the study asks for a control that no method is."""
    granularities = {name: method.granularity for name, method in methods.items()} | {"dense": ""}
    asked = study.control != Study.model_fields["control"].default  # which may be switched off
    if asked and not any(answers(study.control, name, unit) for name, unit in granularities.items()):
        raise SpecError(unknown("control", study.control, granularities))


def _taken(name: str, control: Method, methods: Mapping[str, Method]) -> bool:
    """Whether the study has this control, under its name. Raises SpecError if the name is that of another method."""
    mine = methods.get(name)
    if mine and (mine.criterion, mine.allocation, mine.training) != (control.criterion, control.allocation, None):
        raise SpecError(
            f"method {name}: the name is that of a control which is added: take another, or switch the control off"
        )
    return mine is not None


def _control(criterion: str, method: Method, like: str, folder: Path | None) -> Method:
    """A control for methods such as this one: the same units from the same start, and its amounts for `like`."""
    control = Method(
        criterion=criterion,
        granularity=method.granularity,
        allocation=f"like:{like}" if like else "",
        start="init" if method.untrained else "trained",
        reduce=_reduction(criterion),
        spare=method.spare if like else ("classifier",),
    )
    return filled(criterion, control, folder)


def _reduction(criterion: str) -> Literal["mean", "first"]:
    """The mean of independent draws over coupled layers is no draw of its own, so random takes the first."""
    return "first" if criterion == "random" else "mean"


def _like_controls(alike: Mapping[str, Method], plain: str, folder: Path | None) -> dict[str, Method]:
    """For every method that decides how much each layer loses; random pruning decides nothing."""
    chosen = {
        name: method
        for name, method in alike.items()
        if method.criterion != "random" and method.allocation != "uniform" and not method.allocation.startswith("like")
    }
    return {
        _like_name(criterion, name): _control(criterion, method, name, folder)
        for name, method in chosen.items()
        for criterion in ("random", plain)
        if method.criterion != criterion or method.training
    }


def _like_name(criterion: str, lender: str) -> str:
    return f"{criterion}-like-{lender}"


def _with_lender(name: str, methods: Mapping[str, Method], via: tuple[str, ...] = ()) -> Method:
    """`like:METHOD` replaced by that method; both must prune the same units of the same layers.

    `via` are the methods that are like one another on the way to this one.
    """
    method = methods[name]
    if not method.allocation.startswith("like:"):
        return method
    other = method.allocation.removeprefix("like:")
    if other not in methods or other in (*via, name):
        raise SpecError(f"method {name}: " + unknown("method to be like", other, set(methods) - {*via, name}))
    lender = _with_lender(other, methods, (*via, name))
    for field in ("granularity", "spare"):
        mine, theirs = getattr(method, field), getattr(lender, field)
        if mine != theirs:
            raise SpecError(f"method {name}: {field} {mine} is not that of {other}, which it is to be like: {theirs}")
    return method.model_copy(update={"allocation": "like", "like": lender})
