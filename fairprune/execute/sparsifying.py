"""The stage in which a method trains while it prunes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from fairprune import registry, schedules, seeds
from fairprune.data.batches import Loader
from fairprune.execute.models import load_model
from fairprune.execute.spreading import allocation_of
from fairprune.execute.training import course_of, on_device, train
from fairprune.execute.workshop import Outcome, Workshop, root_task
from fairprune.hook import Hook
from fairprune.measure.cost import Cost, count
from fairprune.pruning.answers import finite
from fairprune.pruning.apply import space_of
from fairprune.pruning.choosing import choose_for, target_unknown
from fairprune.pruning.space import Space
from fairprune.pruning.training_method import Choose, Setting, TrainingMethod
from fairprune.record import StageResult
from fairprune.spec import Recipe, Target, Training
from fairprune.stages import Stage, task_of


def sparsify(workshop: Workshop, stage: Stage, parents: tuple[StageResult, ...]) -> Outcome:
    """The network after a method's own training, whole, with the scores by which it is to be pruned, if it has any."""
    spec: Any = stage.spec
    task, model = task_of(spec), load_model(workshop, stage.parents[0], parents[0])
    example = workshop.data(root_task(stage).data).example()
    cost = count(model.network, example)
    space = space_of(model.network, model.plan, example, spec["granularity"], tuple(spec["spare"]))
    choose = _choose(workshop, space, spec, parents, cost)
    recipe = Recipe.model_validate(spec["training"]["recipe"])
    seed = seeds.derive("sparsify", spec["seed"])
    network = on_device(workshop, model)
    loader = workshop.loader(task, "train", recipe)
    hook = hook_of(workshop, Training.model_validate(spec["training"]), network, space, choose, loader, seed)
    course = course_of(workshop, task, model, recipe, schedules.parse(recipe.schedule), seed, hook, macs_of(cost))

    def finish() -> dict[str, str]:
        scores = hook.finish()
        if scores is None:
            return {}
        who = f"training '{spec['training']['hook']}'"
        named = {
            f"scores/{name}": finite(who, f"scores of layer '{name}'", tensor, [tensor.shape])
            for name, tensor in scores.items()
        }
        return {"scores": workshop.store.put_tensors(named)}

    return train(workshop, stage, model, course, finish)


def hook_of(
    workshop: Workshop, training: Training, network: nn.Module, space: Space, choose: Choose, loader: Loader, seed: int
) -> Hook:
    """The hook of a method for one training, put on the network."""
    schedule = schedules.parse(training.recipe["schedule"])
    setting = Setting(
        network=network,
        space=space,
        choose=choose,
        steps=round(schedule.total * loader.steps),
        per_epoch=loader.steps,
        samples=loader.samples,
        generator=lambda purpose: seeds.generator("method", seed, purpose),
    )
    method: TrainingMethod = registry.load("training", training.hook, workshop.folder)
    return method(setting, **training.options)


def _choose(workshop: Workshop, space: Space, spec: Any, parents: tuple[StageResult, ...], cost: Cost) -> Choose:
    if "target" not in spec:
        return target_unknown
    allocate = allocation_of(workshop, space, spec, parents)
    return choose_for(space, allocate, Target.model_validate(spec["target"]), cost.size, spec["reduce"])


def macs_of(cost: Cost) -> Callable[[Mapping[str, Tensor]], float]:
    """Multiply-adds of one sample under masks, from the cost of the whole network: a weight costs its positions."""
    positions = {f"{layer.name}.weight": layer.positions for layer in cost.layers}

    def macs(masks: Mapping[str, Tensor]) -> float:
        gone = sum(positions[name] * (mask.numel() - int(mask.sum())) for name, mask in masks.items())
        return float(cost.macs - gone)

    return macs
