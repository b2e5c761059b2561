"""What decides the result of a stage, by its kind: pure functions of parts of a run's spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairprune import schedules
from fairprune.canonical import Json
from fairprune.spec import Jacobian, Latency, Method, Retraining, Target, Task

Texts = Mapping[str, str]
Spec = Mapping[str, Json]


def training(task: Task, digests: Texts, versions: Texts) -> Spec:
    """What every stage that trains depends on, apart from its recipe and seed."""
    fields = task.model_dump(mode="json", include={"data", "network", "objective", "precision", "deterministic"})
    known = {split: digests[split] for split in ("train", "validation")}
    used = {k: v for k, v in versions.items() if k.split(" ")[0] in ("network", "dataset", "objective")}
    return {**fields, "data_digests": known, "versions": used}


def pretrain(common: Spec, task: Task, base_seed: int, stop: float | None) -> Spec:
    """The base: trained up to an epoch, or all of it; or a checkpoint, whose seed is nobody's."""
    if task.checkpoint is not None:
        return {**common, "checkpoint": task.checkpoint.digest}
    assert task.pretrain is not None
    return {**common, "recipe": task.pretrain.model_dump(mode="json"), "base_seed": base_seed, "stop": stop}


def sparsify(common: Spec, versions: Texts, method: Method, target: Target | None, seed: int) -> Spec:
    """A method's own training. Only one that is driven by the target depends on it, and on how it is spread."""
    assert method.training is not None
    asked = method.model_dump(mode="json", include={"training", "granularity", "spare"})
    version = versions[f"training {method.training.hook}"]
    spec: dict[str, Json] = {**common, **asked, "own_base": method.own_base, "seed": seed, "version": version}
    if target is not None:
        amounts = spread(versions, method, target)
        both = version if version == amounts["version"] else f"{version} {amounts['version']}"  # the allocation's too
        spec |= {**amounts, "version": both}
    return spec


def scoring(versions: Texts, method: Method, run_seed: int, number: int) -> Spec:
    """What a criterion looks at, and how, in one of the rounds."""
    version = versions[f"criterion {method.criterion}"]
    asked = method.model_dump(mode="json", include={"criterion", "options", "granularity", "spare", "calibration"})
    return {**asked, "version": version, "run_seed": run_seed, "round": number}


def spread(versions: Texts, method: Method, target: Target) -> dict[str, Any]:
    """How much is removed, and how that is spread over the layers."""
    asked = method.model_dump(mode="json", include={"granularity", "allocation", "ratios", "reduce", "spare"})
    version = versions[f"allocation {method.allocation}"]
    return {**asked, "version": version, "target": target.model_dump(mode="json")}


def prune(versions: Texts, method: Method, target: Target, run_seed: int | None, number: int | None) -> Spec:
    """What is removed. Seed and round are for methods that look at images as they remove (`looks`); else None."""
    spec = spread(versions, method, target)
    if method.repair not in ("", "none"):
        repair = method.model_dump(mode="json", include={"repair", "repair_options"})
        looked = {"calibration": method.calibration.model_dump(mode="json"), "run_seed": run_seed, "round": number}
        spec |= {**repair, **looked, "repair_version": versions[f"repair {method.repair}"]}
    if method.gradual:
        assert run_seed is not None
        assert number is not None
        spec |= {"scoring": scoring(versions, method, run_seed, number), "steps": method.steps}
    return spec


def looks(method: Method) -> bool:
    """Whether pruning itself looks at images, and does not just follow scores."""
    return method.gradual or method.repair not in ("", "none")


def retrain(common: Spec, rule: Retraining, run_seed: int, number: int) -> Spec:
    """Retraining after a round. Before the last one, a ticket is trained by the rest of the base's recipe."""
    recipe = rule.recipe.model_dump(mode="json")
    if rule.reading == "ticket" and rule.rewind_to:
        whole = schedules.parse(rule.recipe.schedule)
        recipe["schedule"] = str(whole.cut(rule.rewind_to, whole.total))
    return {**common, "recipe": recipe, "run_seed": run_seed, "round": number}


def scratch(common: Spec, rule: Retraining, run_seed: int) -> Spec:
    """Training the pruned architecture anew."""
    asked = rule.model_dump(mode="json", include={"kind", "reading", "more_epochs", "max_factor", "recipe"})
    return {**common, **asked, "run_seed": run_seed}


def measure(digests: Texts, task: Task, split: str) -> Spec:
    """Accuracy on a split."""
    return {"split": split, f"{split}_digest": digests[split], "objective": task.objective}


def jacobian(asked: Jacobian) -> Spec:
    """The Jacobian of a network."""
    return {"metric": "jacobian", "samples": asked.samples}


def latency(asked: Latency) -> Spec:
    """The latency of an architecture."""
    return {"metric": "latency", **asked.model_dump(mode="json")}


def along(retraining: Spec, probe: Spec) -> Spec:
    """The same along retraining, of which it is a repetition."""
    return {**retraining, **probe}
