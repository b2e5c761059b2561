"""The library: prune a network of one's own, or ask first what that would cost."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from fairprune import registry
from fairprune.errors import PruneError, SpecError
from fairprune.measure.cost import count
from fairprune.networks.predefined import liu_ratios
from fairprune.pruned import Pruned
from fairprune.pruning.ahead import check_layers
from fairprune.pruning.allocation import Allocation
from fairprune.pruning.apply import load_weights_, pruned, space_of
from fairprune.pruning.bind import bind
from fairprune.pruning.calibration import CALIBRATED
from fairprune.pruning.criterion import Criterion
from fairprune.pruning.curve import RATIOS, Curve, curve
from fairprune.pruning.deciding import Asked, Decision, Look, Procedure, decide, score_space
from fairprune.pruning.designs import stated
from fairprune.pruning.plan import DensePlan
from fairprune.pruning.repair import Repair
from fairprune.pruning.rounding import in_multiples
from fairprune.pruning.scoring import check_options
from fairprune.pruning.space import Space
from fairprune.pruning.target import check_removable, check_target
from fairprune.spec import Target, default_allocation
from fairprune.validation import validate

Batches = Iterable[tuple[Tensor, Tensor]]


def compression(value: float) -> Target:
    """A target: the whole network's parameters become `value` times fewer."""
    return validate(Target, {"axis": "compression", "value": value}, "target")


def speedup(value: float) -> Target:
    """A target: multiply-adds become `value` times fewer (theoretical speedup)."""
    return validate(Target, {"axis": "speedup", "value": value}, "target")


def ratio(value: float) -> Target:
    """A target: the fraction of prunable units REMOVED, from 0 to below 1."""
    return validate(Target, {"axis": "ratio", "value": value}, "target")


def prune(
    network: nn.Module,
    example_input: Tensor,
    *,
    criterion: str | Criterion = "l1_norm",
    target: Target | None = None,
    granularity: str | None = None,
    allocation: str | None = None,
    ratios: Mapping[str, float] | str | None = None,
    spare: tuple[str, ...] = ("classifier",),
    reduce: str = "mean",
    round_to: int = 1,
    steps: int | None = None,
    repair: str | Repair | None = None,
    data: Batches | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    seed: int = 0,
    **options: Any,
) -> nn.Module:
    """A pruned copy of a network; the network itself is left as it is.

    Under granularity "channel" the copy is physically smaller; under "weight" its weights are masked to zero, which
    makes nothing faster by itself; under "block" whole residual blocks go. The default is the first that the criterion
    declares. The default allocation is the criterion's, else uniform for channels and global for weights and blocks.
    `example_input` is a batch of any size, [n, ...]; `data` yields (inputs, targets) for criteria that look at it;
    `steps` and `repair` ("none": nothing is mended) are by default the criterion's; `spare` and the keys of `ratios`
    are patterns of layer names. `round_to` asks for widths in multiples, such as 8, which suit many runtimes. With
    `ratios` (fractions removed, or the name of a predefined network such as "resnet56_a") the allocation is "given",
    and without a target they hold as they are. The copy's attribute `fairprune` (Pruned) says what was done.
    Raises PruneError, NetworkError and SpecError.
    """
    _check_given(network, example_input, target)
    scoring = _criterion(criterion)
    mending = _repair(scoring.repair if repair is None else repair)
    _check_data(data, scoring, mending)
    space = _space(network, example_input, scoring, granularity, spare)
    name, allocate = _allocation(scoring, space, allocation, ratios)
    asked = Asked(
        space=space,
        name=name,
        allocate=in_multiples(allocate, round_to, space),
        target=target or _as_stated(space, ratios),
        dense=count(network, example_input).size,
        units=sum(group.size for group in space.groups),
        reduce=reduce,
    )
    # data is kept, because a criterion may look several times (a loader may have no length, and so no truth)
    samples = functools.cache(lambda: [] if data is None else list(data))
    how = Procedure(scoring, options, scoring.steps if steps is None else steps, mending)
    check_options(scoring, options)
    check_layers(network, space, how, lambda: sum(len(inputs) for inputs, _ in samples()))
    return _decided(network, asked, decide(network, asked, how, Look(samples, loss, example_input, seed)))


def cost_curve(
    network: nn.Module,
    example_input: Tensor,
    *,
    criterion: str | Criterion = "l1_norm",
    ratios: Sequence[float] = RATIOS,
    granularity: str | None = None,
    allocation: str | None = None,
    spare: tuple[str, ...] = ("classifier",),
) -> Curve:
    """Parameters and multiply-adds of a network at ratios of units REMOVED, by arithmetic: nothing is removed.

    Defaults are those of `prune`. Under the uniform allocation amounts do not depend on the criterion. Raises
    PruneError for a criterion that looks at data or scores as it goes, SpecError for a ratio outside 0..1.
    """
    _check_given(network, example_input, None)
    for value in ratios:
        check_target(ratio(value))
    scoring = _criterion(criterion)
    if scoring.scope == "sequence" or scoring.steps > 1 or CALIBRATED.intersection(scoring.needs):
        raise PruneError(f"criterion {scoring.name} looks at data, or scores as it goes: expected one like l1_norm")
    space = _space(network, example_input, scoring, granularity, spare)
    check_removable(space)
    look = Look(list, F.cross_entropy, example_input, 0)
    scores = space.group_scores(score_space(network, space, scoring, {}, look).scores, "mean")
    return curve(space, scores, _allocation(scoring, space, allocation, None)[1], ratios)


def _space(
    network: nn.Module, example_input: Tensor, scoring: Criterion, granularity: str | None, spare: tuple[str, ...]
) -> Space:
    """What can be pruned, in units that the criterion scores: the first that it declares, unless told otherwise."""
    granularity = granularity or scoring.granularities[0]
    if granularity not in scoring.granularities:
        known = " and ".join(scoring.granularities)
        raise PruneError(f"criterion '{scoring.name}' scores {known} units, not {granularity} units")
    if isinstance(getattr(network, "fairprune", None), Pruned):
        raise PruneError("the network has been pruned already: prune the dense one, to the target that both add up to")
    return space_of(network, DensePlan(), example_input, granularity, spare)


def _allocation(
    scoring: Criterion, space: Space, allocation: str | None, ratios: Mapping[str, float] | str | None
) -> tuple[str, Allocation]:
    """The allocation's name, and the allocation itself: as told, else the criterion's, else the granularity's."""
    name = allocation or ("given" if ratios else scoring.allocation) or default_allocation(space.granularity)
    if ratios and name in registry.BUILTIN["allocation"] and name != "given":
        raise SpecError(f"ratios are for allocation 'given', not for '{name}'")
    return name, bind(name, registry.load("allocation", name), space, ratios=ratios)


def _decided(network: nn.Module, asked: Asked, decision: Decision) -> nn.Module:
    """The pruned copy of a network, which says what was done to it."""
    choice = decision.choice
    plan = asked.space.plan(choice.kept)
    updated = copy.deepcopy(network) if decision.weights else network
    load_weights_(updated, decision.weights)
    small = pruned(updated, plan)
    sizes = {group.name: group.size for group in asked.space.groups}
    kept = {group: (number, sizes[group]) for group, number in choice.counts.items()}
    small.fairprune = Pruned(plan, asked.dense, choice.size, kept, choice.on_target)  # type: ignore[assignment]
    return small


def _criterion(criterion: str | Criterion) -> Criterion:
    found = registry.load("criterion", criterion) if isinstance(criterion, str) else criterion
    if not isinstance(found, Criterion):
        raise SpecError(f"{criterion} is no criterion: expected a name or a function decorated with fp.criterion()")
    return found


def _repair(repair: str | Repair) -> Repair | None:
    if repair in ("", "none"):
        return None
    found = registry.load("repair", repair) if isinstance(repair, str) else repair
    if not isinstance(found, Repair):
        raise SpecError(f"{repair} is no repair: expected a name or a function decorated with fp.repair()")
    return found


def _check_given(network: object, example_input: object, target: object) -> None:
    """Raise for what is in another's place."""
    usual = "fp.prune(network, example_input, target=fp.speedup(2))"
    for what, value, kind in (("network", network, nn.Module), ("example_input", example_input, Tensor)):
        if not isinstance(value, kind):
            raise PruneError(f"{what} is of type {type(value).__name__}, expected {kind.__name__}: {usual}")
    if not isinstance(target, Target | None):
        raise SpecError(f"target {target!r}: expected fp.speedup(2), fp.compression(2) or fp.ratio(0.5)")


def _as_stated(space: Space, ratios: Mapping[str, float] | str | None) -> Target:
    """The target of which these ratios are no more and no less than their share."""
    if not ratios:
        raise SpecError("expected a target: fp.speedup(2), fp.compression(2) or fp.ratio(0.5); or ratios of layers")
    return ratio(stated(space.groups, liu_ratios(ratios) if isinstance(ratios, str) else ratios))


def _check_data(data: Batches | None, *components: Criterion | Repair | None) -> None:
    for component in components:
        needed = [need for need in component.needs if need in CALIBRATED] if component else []
        if component and data is None and needed:
            kind = "criterion" if isinstance(component, Criterion) else "repair"
            needs = " and ".join(needed)
            raise PruneError(f"{kind} {component.name} needs {needs}: pass data=[(inputs, targets), ...]")
