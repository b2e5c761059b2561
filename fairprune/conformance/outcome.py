"""What is asked of a training: weights, scores and masks that fit, validation that only looks, ends that are equal."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from fairprune.conformance.bench import Trial
from fairprune.conformance.checking import UnmetError
from fairprune.errors import unknown
from fairprune.measure.accuracy import evaluate
from fairprune.pruning.answers import finite
from fairprune.pruning.training_method import TrainingMethod


def check_ended(method: TrainingMethod, trial: Trial) -> None:
    """Finite weights; finite scores of what is prunable, or none where a criterion ranks."""
    for name, tensor in trial.network.state_dict().items():
        if not tensor.isfinite().all():
            raise UnmetError(f"'{name}' has values that are NaN or infinite after training")
    if trial.scores is None and not method.criterion:
        raise UnmetError("finish returns no scores, and no criterion is declared to rank afterwards")
    if trial.scores is not None and method.criterion:
        raise UnmetError(f"finish returns scores, and criterion='{method.criterion}' ranks instead: leave one out")
    if trial.scores is not None:
        _check_scores(trial, trial.scores)


def _check_scores(trial: Trial, scores: Mapping[str, Tensor]) -> None:
    space, shapes = trial.setting.space, {}
    for layer in space.layers:
        weight = trial.network.get_parameter(f"{layer}.weight").shape
        shapes[layer] = [weight] if space.granularity == "weight" else [weight, weight[:1]]
    if space.granularity == "block" and not shapes.keys() & scores.keys():
        shapes = {group.name: [torch.Size([group.size])] for group in space.groups}
    for name in scores:
        if name not in shapes:
            raise UnmetError(f"finish returned scores for {unknown('layer', name, shapes)}")
    for name in shapes:
        if name not in scores:
            raise UnmetError(f"finish returned no scores for layer '{name}'")
        finite("finish", f"scores of layer '{name}'", scores[name], shapes[name])


def check_mask(name: str, mask: Tensor, weights: Mapping[str, nn.Parameter], prunable: Collection[str]) -> None:
    """A mask of a prunable weight, which is zero where the mask is off."""
    if name not in prunable:
        raise UnmetError(f"masks() has {unknown('weight of a prunable layer', name, prunable)}")
    if mask.dtype != torch.bool or mask.shape != weights[name].shape:
        found = f"{str(mask.dtype).removeprefix('torch.')} {list(mask.shape)}"
        raise UnmetError(f"masks(): the mask of '{name}' is {found}, expected bool {list(weights[name].shape)}")
    if (weights[name][~mask] != 0).any():
        raise UnmetError(f"masks() says that weights of '{name}' are off, which are not zero after the step")


def check_evaluation(trial: Trial) -> None:
    """The network and what its hook remembers are after validation what they were before."""
    tensors = {f"'{name}' of the network": tensor for name, tensor in trial.network.state_dict().items()}
    tensors |= {f"'{name}' of Hook.tensors": tensor for name, tensor in trial.hook.tensors.items()}
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    evaluate(trial.network, trial.course.validation, trial.course.objective)
    for name, tensor in tensors.items():
        if not torch.equal(tensor, before[name]):
            raise UnmetError(f"a pass in evaluation mode changes {name}: let forward hooks ask for module.training")


def require_equal(first: Trial, second: Trial, otherwise: str) -> None:
    """Bitwise equal weights, buffers and scores; `otherwise` is what is said of the first that differs ({})."""
    ends = [trial.network.state_dict() for trial in (first, second)]
    for name, tensor in ends[0].items():
        if not torch.equal(tensor, ends[1][name]):
            raise UnmetError(otherwise.format(f"'{name}'"))
    for name, score in (first.scores or {}).items():
        if not torch.equal(score, (second.scores or {})[name]):
            raise UnmetError(otherwise.format(f"the score of '{name}'"))
