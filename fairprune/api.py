"""The library: prune a network of one's own, save it, load it."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from fairprune import registry
from fairprune.errors import PruneError, SpecError, StoreError
from fairprune.files import write_bytes
from fairprune.measure.cost import count
from fairprune.networks.predefined import liu_ratios
from fairprune.pruning.ahead import check_layers
from fairprune.pruning.apply import load_weights_, pruned, space_of
from fairprune.pruning.bind import bind
from fairprune.pruning.calibration import CALIBRATED
from fairprune.pruning.criterion import Criterion
from fairprune.pruning.deciding import Asked, Look, Procedure, decide
from fairprune.pruning.designs import stated
from fairprune.pruning.plan import DensePlan, Plan, from_tensors, to_tensors
from fairprune.pruning.repair import Repair
from fairprune.pruning.scoring import check_options
from fairprune.pruning.space import Space
from fairprune.record import Size
from fairprune.spec import Target, default_allocation
from fairprune.store import read_tensors, write_tensors

Batches = Iterable[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Pruned:
    """What `prune` did: `network.fairprune` of a pruned network. `kept` maps groups to units kept and units before."""

    plan: Plan
    dense: Size
    small: Size
    kept: Mapping[str, tuple[int, int]]
    on_target: bool

    @property
    def compression(self) -> float:
        """Parameters before over parameters kept."""
        return self.dense.params / max(self.small.params, 1)

    @property
    def speedup(self) -> float:
        """Theoretical: multiply-adds before over multiply-adds kept."""
        return self.dense.macs / max(self.small.macs, 1)


def compression(value: float) -> Target:
    """A target: the whole network's parameters become `value` times fewer."""
    return Target(axis="compression", value=value)


def speedup(value: float) -> Target:
    """A target: multiply-adds become `value` times fewer (theoretical speedup)."""
    return Target(axis="speedup", value=value)


def ratio(value: float) -> Target:
    """A target: the fraction of prunable units REMOVED, from 0 to below 1."""
    return Target(axis="ratio", value=value)


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
    are patterns of layer names. With `ratios` (fractions removed, or the name of a predefined network such as
    "resnet56_a") the allocation is "given", and without a target they hold as they are. The copy's attribute
    `fairprune` (Pruned) says what was done.
    Raises PruneError, NetworkError and SpecError.
    """
    _check_given(network, example_input, target)
    scoring = _criterion(criterion)
    granularity = granularity or scoring.granularities[0]
    if granularity not in scoring.granularities:
        known = " and ".join(scoring.granularities)
        raise PruneError(f"criterion '{scoring.name}' scores {known} units, not {granularity} units")
    mending = _repair(scoring.repair if repair is None else repair)
    _check_data(data, scoring, mending)
    if isinstance(getattr(network, "fairprune", None), Pruned):
        raise PruneError("the network has been pruned already: prune the dense one, to the target that both add up to")
    space = space_of(network, DensePlan(), example_input, granularity, spare)
    name = allocation or ("given" if ratios else scoring.allocation) or default_allocation(granularity)
    if ratios and name in registry.BUILTIN["allocation"] and name != "given":
        raise SpecError(f"ratios are for allocation 'given', not for '{name}'")
    sizes = {group.name: group.size for group in space.groups}
    asked = Asked(
        space=space,
        name=name,
        allocate=bind(name, registry.load("allocation", name), space, ratios=ratios),
        target=target or _as_stated(space, ratios),
        dense=count(network, example_input).size,
        units=sum(sizes.values()),
        reduce=reduce,
    )
    # data is kept, because a criterion may look several times (a loader may have no length, and so no truth)
    samples = functools.cache(lambda: [] if data is None else list(data))
    how = Procedure(scoring, options, scoring.steps if steps is None else steps, mending)
    check_options(scoring, options)
    check_layers(network, space, how, lambda: sum(len(inputs) for inputs, _ in samples()))
    decision = decide(network, asked, how, Look(samples, loss, example_input, seed))
    choice = decision.choice
    plan = space.plan(choice.kept)
    updated = copy.deepcopy(network) if decision.weights else network
    load_weights_(updated, decision.weights)
    small = pruned(updated, plan)
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


def save(network: nn.Module, path: Path | str) -> None:
    """Save a pruned network as one safetensors file: its state, its plan and its sizes. No pickle."""
    done = getattr(network, "fairprune", None)
    if not isinstance(done, Pruned):
        raise PruneError("fp.save saves networks that fp.prune or fp.load returned; use safetensors for others")
    tensors, header = to_tensors(done.plan)
    state = {f"state/{name}": tensor for name, tensor in network.state_dict().items()}
    plan = {f"plan/{name}": tensor for name, tensor in tensors.items()}
    sizes = {"dense": done.dense.model_dump(), "small": done.small.model_dump()}
    about: dict[str, Any] = {**header, **sizes, "kept": dict(done.kept), "on_target": done.on_target}
    write_bytes(Path(path), write_tensors(state | plan, about))


def load(path: Path | str, network: nn.Module) -> nn.Module:
    """The pruned network in a file that `save` wrote. `network` is the dense one, as its factory builds it.

    Raises PruneError where file and network do not fit, StoreError where the file is absent, damaged or another's.
    """
    try:
        tensors, header = read_tensors(Path(path).read_bytes())
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from None
    if not header.keys() >= {"dense", "small", "kept", "on_target"}:
        raise StoreError(f"{path} is not a network that fp.save has written")
    plan = from_tensors(_part(tensors, "plan/"), header)
    small = pruned(network, plan)
    try:
        small.load_state_dict(_part(tensors, "state/"))
    except RuntimeError as error:
        raise PruneError(f"{path} does not fit this network: {str(error).splitlines()[1].strip()}") from None
    kept = {name: (number, size) for name, (number, size) in header["kept"].items()}
    sizes = Size.model_validate(header["dense"]), Size.model_validate(header["small"])
    small.fairprune = Pruned(plan, *sizes, kept, header["on_target"])  # type: ignore[assignment]
    return small


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
