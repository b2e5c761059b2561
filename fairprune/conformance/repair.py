"""What every repair has to keep to, tried on a small network of our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune.conformance.checking import Check, CheckResult, UnmetError, run
from fairprune.pruning.criterion import Granularity
from fairprune.pruning.granularity.channels import channel_space
from fairprune.pruning.mending import mend
from fairprune.pruning.plan import MaskPlan
from fairprune.pruning.repair import Repair
from fairprune.pruning.sequence import repair_along

EXAMPLE = torch.zeros(1, 2, 8, 8)
LAYERS = ("0", "3", "5", "9")  # all convolutions and linear layers but the classifier


def check_repair(repair: Repair) -> list[CheckResult]:
    """Run the suite, with the repair's default options. Takes well under a second for a cheap repair."""
    return run(repair, CHECKS)


def _weights(repair: Repair, granularity: Granularity) -> str:
    if granularity == "block":
        raise UnmetError("removed blocks leave nothing to mend: declare weight or channel")
    found = _mended(_network(), repair, granularity)
    return "" if found else "mends no layer: not checked"


def _dead_units(repair: Repair, granularity: Granularity) -> str:
    network = _network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter[:3] = 0
    _mended(network, repair, granularity)
    return ""


def _untouched(repair: Repair, granularity: Granularity) -> str:
    network = _network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    _mended(network, repair, granularity)
    changed = [name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])]
    if changed:
        raise UnmetError(f"changes {changed[0]} of the network: work on the context's copies")
    return ""


def _same_seed(repair: Repair, granularity: Granularity) -> str:
    first = _mended(_network(), repair, granularity)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        again = _mended(_network(), repair, granularity)
    if first.keys() != again.keys() or any(not torch.equal(first[name], again[name]) for name in first):
        raise UnmetError("weights change from call to call with one seed: draw from context.generator only")
    return ""


CHECKS: Mapping[str, Check[Repair]] = {
    "finite weights of the right shape, from declared needs only": _weights,
    "the same on dead units": _dead_units,
    "network untouched": _untouched,
    "same seed, same weights": _same_seed,
}


def _network() -> nn.Module:
    """Eight by eight inputs with two channels, four classes; a fixed draw of weights and scales."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(
            *(nn.ConvTranspose2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()),
            *(nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.ReLU(), nn.Conv2d(6, 8, 3, stride=2), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(8 * 4, 10), nn.ReLU(), nn.Linear(10, 4)),
        )
        nn.init.normal_(network[1].get_parameter("weight"))
    return network.eval()


def _batches() -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    for size in (8, 5):
        yield torch.randn(size, 2, 8, 8, generator=generator), torch.randint(4, (size,), generator=generator)


def _mended(network: nn.Module, repair: Repair, granularity: Granularity) -> dict[str, Tensor]:
    """New weights where every other unit, or the smaller half of each layer's weights, goes."""
    if granularity == "channel":
        space = channel_space(network, EXAMPLE)
        kept = {group.name: torch.arange(1, group.size, 2) for group in space.groups}
        if "taps" in repair.needs:
            return repair_along(network, space, kept, repair, {}, batches=_batches, seed=0).weights
    done = mend(
        network,
        space.plan(kept) if granularity == "channel" else _halves(network),
        repair,
        {},
        batches=_batches,
        loss=F.cross_entropy,
        example=EXAMPLE,
        seed=0,
        batch_norm_of={"0": "1"},
    )
    return done.weights


def _halves(network: nn.Module) -> MaskPlan:
    sizes = {f"{name}.weight": network.get_submodule(name).get_parameter("weight").detach().abs() for name in LAYERS}
    return MaskPlan({name: size > size.median() for name, size in sizes.items()})
