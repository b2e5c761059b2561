"""What is pruned, and what the layers that stay look like then: from scores, step by step, or layer after layer."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from fairprune.errors import PruneError
from fairprune.pruning.allocation import Allocation, select_masks
from fairprune.pruning.apply import load_weights_
from fairprune.pruning.calibration import Batches, Loss
from fairprune.pruning.criterion import Criterion
from fairprune.pruning.granularity.weights import WeightSpace
from fairprune.pruning.mending import mend
from fairprune.pruning.repair import Repair
from fairprune.pruning.scoring import Scoring, score
from fairprune.pruning.sequence import counts_ahead, repair_along, walk
from fairprune.pruning.space import Space
from fairprune.pruning.target import Choice, reach, reach_counts
from fairprune.record import Size
from fairprune.spec import Target
from fairprune.stages import partial_target


@dataclass(frozen=True)
class Asked:
    """What a decision has to reach: a target, relative to the dense network's size and number of units."""

    space: Space
    name: str  # of the allocation
    allocate: Allocation
    target: Target
    dense: Size
    units: int
    reduce: str = "mean"


@dataclass(frozen=True)
class Look:
    """What may be looked at: calibration samples, the loss, an input of the right shape; and a seed."""

    batches: Batches
    loss: Loss
    example: Tensor
    seed: int


@dataclass(frozen=True)
class Procedure:
    """How units are chosen and layers mended. Without a criterion the scores come from a training."""

    criterion: Criterion | None
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 1
    repair: Repair | None = None
    repair_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """What is kept, and the new weights of layers, before anything is removed.

    `samples` were looked at in `sample_passes` forward passes of one sample each, scores given beforehand not included.
    """

    choice: Choice
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    samples: int = 0
    sample_passes: float = 0.0


def decide(
    network: nn.Module, asked: Asked, how: Procedure, look: Look, scores: Mapping[str, Tensor] | None = None
) -> Decision:
    """Choose what stays of a network, which is left as it is, and mend it. `scores`: those that are there already."""
    if how.criterion and how.criterion.scope == "sequence":
        return _group_after_group(network, asked, how.criterion, how, look)
    if how.criterion and scores is None:
        found = _step_by_step(network, asked, how.criterion, how, look)
    elif scores is not None:
        found = Decision(_choose(asked, asked.space, scores, asked.target))
    else:
        raise PruneError("nothing to choose by: neither scores nor a criterion")
    return _repaired(network, asked, found, how, look) if how.repair else found


def score_space(
    network: nn.Module, space: Space, criterion: Criterion, options: Mapping[str, Any], look: Look
) -> Scoring:
    """Scores of the layers of a space."""
    return score(
        network,
        criterion,
        options,
        granularity=space.granularity,
        layers=space.layers,
        batches=look.batches,
        loss=look.loss,
        example=look.example,
        seed=look.seed,
        batch_norm_of=space.batch_norm_of,
    )


def check_steps(how: Procedure, space: Space) -> None:
    """Raise PruneError for several steps in which more than single weights would go."""
    if how.steps > 1 and not isinstance(space, WeightSpace):
        raise PruneError(
            f"{how.steps} steps without training remove single weights, not {space.granularity}s: use rounds"
        )


def _choose(asked: Asked, space: Space, scores: Mapping[str, Tensor], target: Target) -> Choice:
    grouped = space.group_scores(scores, asked.reduce)
    return reach(space, grouped, asked.allocate, target, asked.dense, asked.units)


def _step_by_step(network: nn.Module, asked: Asked, criterion: Criterion, how: Procedure, look: Look) -> Decision:
    """Score, remove, score what is left, and so on: what is kept shrinks by the same factor in each step.

    It begins where earlier rounds have left the network. Source: the exponential schedule of SynFlow (Tanaka et al.
    2020, arXiv:2006.05467, algorithm 1).
    """
    space = asked.space
    check_steps(how, space)
    work = copy.deepcopy(network) if how.steps > 1 else network
    steps, ahead = max(how.steps, 1), 1 - _gone(asked)
    samples, passes = 0, 0.0
    for step in range(1, steps + 1):
        found = score_space(work, space, criterion, how.options, look)
        samples, passes = max(samples, found.samples), passes + found.sample_passes
        target = partial_target(asked.target, 1 - ahead * (1 - step / steps))
        if isinstance(space, WeightSpace) and step < steps:
            space = _removed_(work, space, asked, found.scores, target)
            del found  # before the next scores are there
    return Decision(_choose(asked, space, found.scores, target), found.weights, samples, passes)


def _removed_(
    network: nn.Module, space: WeightSpace, asked: Asked, scores: Mapping[str, Tensor], target: Target
) -> WeightSpace:
    """Set what does not reach the target to zero, in place: the space of what is left."""
    grouped = space.group_scores(scores, asked.reduce)
    counts = reach_counts(space, grouped, asked.allocate, target, asked.dense, asked.units)
    left = select_masks(grouped, counts)
    with torch.no_grad():
        for name, mask in left.items():
            weight = network.get_submodule(name).get_parameter("weight")
            weight.mul_(mask.view_as(weight).to(weight.device))  # several times as fast as filling in zeros
    return replace(space, masks=left)


def _gone(asked: Asked) -> float:
    """How much of the way to the target earlier rounds have gone, as a share of `partial_target`: 0 if none has."""
    if not isinstance(asked.space, WeightSpace) or asked.target.nonsense:  # which `reach` refuses
        return 0.0
    left = {group.name: group.size for group in asked.space.groups}
    left |= {name: int(mask.sum()) for name, mask in asked.space.masks.items()}
    size, value = asked.space.size(left), asked.target.value
    if asked.target.axis == "ratio":
        now, end = asked.units / max(sum(left.values()), 1), 1 / (1 - value)
    else:
        params = asked.target.axis == "compression"
        now = asked.dense.params / max(size.params, 1) if params else asked.dense.macs / max(size.macs, 1)
        end = value
    return min(max(math.log(now) / math.log(end), 0.0), 1.0) if end > 1 else 0.0


def _group_after_group(network: nn.Module, asked: Asked, criterion: Criterion, how: Procedure, look: Look) -> Decision:
    ahead = counts_ahead(asked.space, asked.name, asked.allocate, asked.target, asked.dense, asked.units)
    walked = walk(
        network,
        asked.space,
        criterion,
        how.options,
        ahead.counts,
        batches=look.batches,
        seed=look.seed,
        reduce=asked.reduce,
        repair=how.repair,
        repair_options=how.repair_options,
    )
    return Decision(replace(ahead, kept=walked.kept), walked.weights, walked.samples, walked.sample_passes)


def _repaired(network: nn.Module, asked: Asked, found: Decision, how: Procedure, look: Look) -> Decision:
    assert how.repair is not None
    if found.weights:
        network = copy.deepcopy(network)
        load_weights_(network, found.weights)
    kept, options = found.choice.kept, how.repair_options
    if "taps" in how.repair.needs:
        walked = repair_along(network, asked.space, kept, how.repair, options, batches=look.batches, seed=look.seed)
        new, samples, passes = walked.weights, walked.samples, walked.sample_passes
    else:
        mended = mend(
            network,
            asked.space.plan(kept),
            how.repair,
            options,
            batches=look.batches,
            loss=look.loss,
            example=look.example,
            seed=look.seed,
            batch_norm_of=asked.space.batch_norm_of,
        )
        new, samples, passes = mended.weights, mended.samples, mended.sample_passes
    weights = {**found.weights, **new}
    return Decision(found.choice, weights, max(found.samples, samples), found.sample_passes + passes)
