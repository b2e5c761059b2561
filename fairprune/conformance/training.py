"""What every method that prunes while it trains has to keep to, tried on a small network of our own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import torch
from torch import Tensor

from fairprune import registry
from fairprune.conformance.bench import EXAMPLE, Trial, begin, small_network, train, watch
from fairprune.conformance.checking import Check, CheckResult, UnmetError, run
from fairprune.conformance.furnishing import furnishing, left_behind
from fairprune.conformance.outcome import check_ended, check_evaluation, check_mask, require_equal
from fairprune.execute.partial import Saver
from fairprune.hook import Now
from fairprune.pruning.apply import pruned
from fairprune.pruning.criterion import Criterion, Granularity, Start
from fairprune.pruning.deciding import Look, Procedure, decide
from fairprune.pruning.training_method import Setting, TrainingMethod
from fairprune.spec import Target
from fairprune.train import State

HALF = Target(axis="ratio", value=0.5)
SPARED = {  # what is spared to see whether it is left alone, and a weight of it on which nothing prunable depends
    "weight": ("stem.0", "stem.0.weight"),
    "channel": ("stem.0", "stem.0.weight"),
    "block": ("blocks.0", "blocks.0.conv1.weight"),
}


def check_training(method: TrainingMethod) -> list[CheckResult]:
    """Run the suite, with the method's default options. Takes a few seconds."""
    return run(method, CHECKS)


def _declared(method: TrainingMethod, granularity: Granularity) -> str:
    if method.start not in get_args(Start):
        raise UnmetError(f"start='{method.start}': expected {' or '.join(get_args(Start))}")
    if method.allocation and ":" not in method.allocation:
        registry.find("allocation", method.allocation)
    if criterion := _criterion(method):
        if granularity not in criterion.granularities:
            known = " and ".join(criterion.granularities)
            raise UnmetError(f"criterion '{method.criterion}' scores {known} units, not {granularity} units")
        if criterion.steps > 1 or criterion.scope == "sequence":
            raise UnmetError(f"criterion '{method.criterion}' scores again while it removes: a training excludes that")
    return ""


def _trains(method: TrainingMethod, granularity: Granularity) -> str:
    trial = _trial(method, granularity)
    before = {name: tensor.clone() for name, tensor in trial.network.named_parameters()}
    check_ended(method, train(trial))
    if all(torch.equal(tensor, before[name]) for name, tensor in trial.network.named_parameters()):
        raise UnmetError("no weight of the network moves in training")
    return ""


def _chosen(method: TrainingMethod, granularity: Granularity) -> str:
    trial = train(_trial(method, granularity))
    look = Look(trial.course.train.ordered, trial.course.objective.loss, EXAMPLE, 0)
    decision = decide(trial.network, trial.asked, Procedure(_criterion(method)), look, trial.scores)
    small = pruned(trial.network, trial.setting.space.plan(decision.choice.kept))
    if not small.eval()(torch.rand(3, *EXAMPLE.shape[1:])).isfinite().all():
        raise UnmetError("what is left after pruning yields values that are NaN or infinite")
    return ""


def _as_it_came(method: TrainingMethod, granularity: Granularity) -> str:
    """Trained or not: before a study starts, hooks are built and taken off again."""
    before = furnishing(small_network())
    for when, trial in (("without training", _trial(method, granularity)), ("", _trial(method, granularity))):
        if when:
            trial.hook.finish()
        else:
            train(trial)
        if left := left_behind(before, furnishing(trial.network)):
            raise UnmetError(f"after finish {when}{', ' if when else ''}{left}")
    return ""


def _resumes(method: TrainingMethod, granularity: Granularity) -> str:
    whole, half = (_trial(method, granularity, schedule="constant:0.01 total:3") for _ in range(2))
    train(whole)
    rest = train(_trial(method, granularity, schedule="constant:0.01 total:3"), resume=_saved(train(half, stop=2)))
    told = "stopped after an epoch and resumed, {} is another: keep all that is remembered in Hook.tensors, in place"
    require_equal(whole, rest, told)
    if whole.states[-1].work != rest.states[-1].work:
        raise UnmetError(told.format("the number of multiply-adds"))
    return ""


def _saved(trial: Trial) -> State | None:
    """The last state, written to a file and read again."""
    with TemporaryDirectory() as folder:
        saver = Saver(Path(folder), "state")
        saver.save(trial.states[-1])
        return saver.load()


def _same_seed(method: TrainingMethod, granularity: Granularity) -> str:
    ends = []
    with torch.random.fork_rng(devices=[]):
        for number in range(2):
            torch.manual_seed(number)
            before = torch.get_rng_state()
            ends.append(train(_trial(method, granularity)))
            if not torch.equal(before, torch.get_rng_state()):
                raise UnmetError("draws from torch's global generator outside of steps: use setting.generator")
    require_equal(ends[0], ends[1], "with one seed {} is another each time: draw from setting.generator")
    return ""


def _masks(method: TrainingMethod, granularity: Granularity) -> str:
    trial = _trial(method, granularity)
    hook, weights = trial.hook, dict(trial.network.named_parameters())
    prunable = {f"{layer}.weight" for layer in trial.setting.space.layers}
    seen: list[tuple[Mapping[str, Tensor], dict[str, Tensor]]] = []

    def look() -> None:
        masks = hook.masks()
        for name, mask in masks.items():
            check_mask(name, mask, weights, prunable)
        if any(not torch.equal(old[name], mask) for old, copies in seen for name, mask in copies.items()):
            raise UnmetError("masks() changes what it returned before: return a new mapping of new tensors")
        seen.append((masks, {name: mask.clone() for name, mask in masks.items()}))

    def on_step(now: Now) -> None:
        hook.on_step(now)
        look()
        cost = hook.overhead(now.step)
        if not (math.isfinite(cost) and cost >= 0):
            raise UnmetError(f"overhead of step {now.step} is {cost}, expected forward passes, 0 or more")

    look()
    train(watch(trial, replace(hook, on_step=on_step)))
    return ""


def _undisturbed(method: TrainingMethod, granularity: Granularity) -> str:
    trial = _trial(method, granularity)
    hook = trial.hook

    def on_step(now: Now) -> None:
        hook.on_step(now)
        check_evaluation(trial)

    train(watch(trial, replace(hook, on_step=on_step)))
    return ""


def _asks(method: TrainingMethod, granularity: Granularity) -> str:
    """One that is not bound fails every check when it asks: its `choose` raises."""
    shares = []

    def counting(setting: Setting, **options: Any) -> Any:
        def choose(scores: Mapping[str, Tensor], share: float = 1.0) -> Any:
            shares.append(share)
            return setting.choose(scores, share)

        return method.function(replace(setting, choose=choose), **options)

    train(_trial(replace(method, function=counting), granularity))
    if method.bound and not shares:
        raise UnmetError("never asks setting.choose what the target leaves: declare bound=False")
    return ""


def _spared(method: TrainingMethod, granularity: Granularity) -> str:
    spare, name = SPARED[granularity]
    trial = _trial(method, granularity, spare=("classifier", spare))
    hook, weight = trial.hook, trial.network.get_parameter(name)

    def left_alone(part: str, before: Tensor | None, after: Tensor | None) -> None:
        if before is not None and after is not None and not torch.equal(before, after):  # None: a step without it
            raise UnmetError(f"{part} acts on '{name}', a weight of a layer that is spared")

    def penalty(now: Now) -> Tensor:
        assert hook.penalty is not None
        value = hook.penalty(now)
        if value.requires_grad:
            (found,) = torch.autograd.grad(value, [weight], retain_graph=True, allow_unused=True)
            left_alone("penalty", torch.zeros_like(weight), found)
        return value

    def around(part: str, act: Any) -> Any:
        def watched(now: Any) -> None:
            value, gradient = weight.detach().clone(), None if weight.grad is None else weight.grad.clone()
            act(now)
            left_alone(part, value, weight.detach())
            left_alone(part, gradient, weight.grad)

        return watched

    parts = {part: around(part, getattr(hook, part)) for part in ("on_gradients", "on_step", "on_epoch")}
    train(watch(trial, replace(hook, **parts, penalty=penalty if hook.penalty else None)))
    check_ended(method, trial)
    return ""


def _dead_units(method: TrainingMethod, granularity: Granularity) -> str:
    network = small_network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter[:2] = 0
    check_ended(method, train(_trial(method, granularity, network=network)))
    return ""


def _half_precision(method: TrainingMethod, granularity: Granularity) -> str:
    trial = train(_trial(method, granularity, precision="bf16"))
    check_ended(method, trial)
    for name, parameter in trial.network.named_parameters():
        if parameter.dtype != torch.float32:
            raise UnmetError(f"'{name}' has become {str(parameter.dtype).removeprefix('torch.')}")
    return ""


CHECKS: Mapping[str, Check[TrainingMethod]] = {
    "starts and names that there are": _declared,
    "trains, to finite scores of the right shape or none": _trains,
    "half of the units can be chosen and removed afterwards": _chosen,
    "the network comes back as it came": _as_it_came,
    "stopped and resumed, the same end": _resumes,
    "same seed, same end, global generator untouched": _same_seed,
    "validation between steps changes nothing": _undisturbed,
    "masks of prunable weights, new ones when they change": _masks,
    "knows the target if it says so": _asks,
    "spared layers only trained": _spared,
    "the same on dead units": _dead_units,
    "the same under bf16": _half_precision,
}


def _trial(method: TrainingMethod, granularity: Granularity, **how: Any) -> Trial:
    return begin(method, **{"granularity": granularity, "target": HALF, "schedule": "constant:0.01 total:2", **how})


def _criterion(method: TrainingMethod) -> Criterion | None:
    found = registry.load("criterion", method.criterion) if method.criterion else None
    if found is not None and not isinstance(found, Criterion):
        raise UnmetError(f"{method.criterion} is no criterion: decorate it with @fairprune.criterion()")
    return found
