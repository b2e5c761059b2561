"""Retraining as a study writes it becomes what a run does: its recipe whole, its schedule cut and at its rate."""

from __future__ import annotations

from fairprune import schedules
from fairprune.errors import SpecError
from fairprune.recipes import canonical_recipe, merged
from fairprune.spec import Recipe, Retraining, Target, Task, Tuned
from fairprune.study import RetrainingEntry, Tuning
from fairprune.validation import validate


def resolve_retraining(name: str, entry: RetrainingEntry, task: Task, tuning: Tuning | None) -> Retraining:
    """The retraining of an entry, at its own rate where it has one. Raises SpecError for what does not fit the task."""
    where = f"retraining {name}"
    if entry.kind != "finetune" and task.pretrain is None:
        raise SpecError(f"{where}: {entry.kind} needs the base's own recipe, but the base is a checkpoint")
    base = task.pretrain or Recipe(schedule=entry.schedule or "none")
    if entry.kind == "finetune" and not entry.schedule:
        raise SpecError(f'{where}: expected a schedule, e.g. "constant:1e-3 total:40"')
    schedule = entry.schedule if entry.kind == "finetune" else _rewound(where, entry, base)
    fields = base.model_dump() | {"schedule": schedule} | merged(base, entry.recipe)
    recipe = canonical_recipe(validate(Recipe, fields, where))
    more = entry.epochs if entry.kind.startswith("scratch") and entry.reading == "wang" else 0.0
    if more is None:
        raise SpecError(f"{where}: the reading of Wang et al. adds the retraining's epochs; give them as epochs = N")
    if entry.rates and tuning is None:
        raise SpecError(f"{where}: rates were chosen, but nothing says from which: expected a table [tuning]")
    return Retraining(
        kind=entry.kind,
        recipe=_at(recipe, entry.rate) if entry.rate else recipe,
        rewind_to=entry.rewind_to,
        prune_at=entry.prune_at or 0.0,
        reading=entry.reading,
        more_epochs=more,
        max_factor=entry.max_factor,
        tuned=Tuned(rates=tuning.rates, seeds=tuning.seeds) if tuning and entry.rates else None,
    )


def at_chosen_rate(
    retraining: Retraining, name: str, entry: RetrainingEntry, task: str, method: str, target: Target | None
) -> Retraining:
    """At the rate that trials chose for a method at a target; as it is where there were none."""
    if not entry.rates:
        return retraining
    value = target.value if target else None
    for chosen in entry.rates:
        if (chosen.task, chosen.method, chosen.target) == (task, method, value):
            return retraining.model_copy(update={"recipe": _at(retraining.recipe, chosen.rate)})
    at = f" at {target}" if target else ""
    raise SpecError(f"retraining {name}: no rate was chosen for {method}{at} on {task}: run `fairprune tune` again")


def _at(recipe: Recipe, rate: float) -> Recipe:
    return recipe.model_copy(update={"schedule": str(schedules.parse(recipe.schedule).with_peak(rate))})


def _rewound(where: str, entry: RetrainingEntry, base: Recipe) -> str:
    """The base's schedule from the point that is rewound to; for scratch and the whole training, all of it."""
    whole = schedules.parse(base.schedule)
    if entry.kind == "lr-rewind":
        if entry.epochs is None or entry.epochs > whole.total:
            raise SpecError(f"{where}: lr-rewind needs epochs, at most the base's {whole.total:g}")
        return str(whole.cut(whole.total - entry.epochs, whole.total))
    if (entry.kind == "weight-rewind" or entry.rewind_to) and entry.rewind_to >= whole.total:
        raise SpecError(f"{where}: rewind_to must be below the base's {whole.total:g} epochs")
    if entry.kind == "overall":
        if entry.prune_at is None or entry.prune_at >= whole.total:
            raise SpecError(f"{where}: overall needs prune_at = EPOCH, below the base's {whole.total:g} epochs")
        return str(whole.cut(entry.prune_at, whole.total))
    return str(whole.cut(entry.rewind_to, whole.total)) if entry.kind == "weight-rewind" else str(whole)
