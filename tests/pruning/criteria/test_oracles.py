"""Criteria against torch.nn.utils.prune (masks) and torch-pruning (importances of channels)."""

from __future__ import annotations

import copy

import pytest
import torch
import torch_pruning as tp
from torch import Tensor, nn
from torch.nn.utils import prune as torch_prune

from fairprune import registry
from fairprune.api import prune, ratio
from fairprune.pruning.allocation import select
from fairprune.pruning.apply import space_of
from fairprune.pruning.plan import ChannelPlan, DensePlan, MaskPlan, Plan
from fairprune.pruning.scoring import score

EXAMPLE = torch.zeros(1, 3, 8, 8)
LAYERS = ("0", "3", "7")


@pytest.fixture
def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        result = nn.Sequential(
            *(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.Conv2d(8, 12, 3, stride=4), nn.BatchNorm2d(12), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(48, 10), nn.ReLU(), nn.Linear(10, 4)),
        )
        for name in ("1", "4"):
            nn.init.normal_(result.get_submodule(name).get_parameter("weight"))
    return result


def planned(network: nn.Module, **how: object) -> tuple[Plan, dict[str, int]]:
    """The plan of `prune`, and units removed from each group."""
    done = prune(network, EXAMPLE, **how).fairprune  # type: ignore[arg-type]
    return done.plan, {name: size - kept for name, (kept, size) in done.kept.items()}  # type: ignore[union-attr]


def masks_of(network: nn.Module) -> dict[str, Tensor]:
    return {f"{name}.weight": network.get_submodule(name).weight_mask.bool() for name in LAYERS}


@pytest.mark.parametrize("amount", [0.1, 0.5, 0.93])
def test_magnitude_in_every_layer_is_l1_unstructured(network: nn.Module, amount: float) -> None:
    plan, removed = planned(
        network, criterion="magnitude", granularity="weight", allocation="uniform", target=ratio(amount)
    )
    for name in LAYERS:
        torch_prune.l1_unstructured(network.get_submodule(name), "weight", removed[name])
    assert isinstance(plan, MaskPlan)
    assert all(torch.equal(mask, plan.masks[name]) for name, mask in masks_of(network).items())


@pytest.mark.parametrize("amount", [0.1, 0.5, 0.93])
def test_magnitude_over_all_layers_is_global_unstructured(network: nn.Module, amount: float) -> None:
    plan, removed = planned(
        network, criterion="magnitude", granularity="weight", allocation="global", target=ratio(amount)
    )
    parameters = [(network.get_submodule(name), "weight") for name in LAYERS]
    torch_prune.global_unstructured(parameters, torch_prune.L1Unstructured, amount=sum(removed.values()))
    assert isinstance(plan, MaskPlan)
    assert all(torch.equal(mask, plan.masks[name]) for name, mask in masks_of(network).items())


@pytest.mark.parametrize(("criterion", "power"), [("l1_norm", 1), ("l2_norm", 2)])
def test_norms_of_filters_are_ln_structured(network: nn.Module, criterion: str, power: int) -> None:
    masked = copy.deepcopy(network)
    plan, removed = planned(network, criterion=criterion, target=ratio(0.4))
    assert isinstance(plan, ChannelPlan)
    for name in LAYERS:
        torch_prune.ln_structured(masked.get_submodule(name), "weight", removed[name], n=power, dim=0)
        whole = masked.get_submodule(name).weight_mask.flatten(1).all(1)
        assert torch.equal(whole.nonzero().flatten(), plan.kept[f"{name}/out"])


def test_the_largest_filters_go_where_the_smallest_stay(network: nn.Module) -> None:
    small, large = (planned(network, criterion=name, target=ratio(0.5))[0] for name in ("l1_norm", "l1_largest"))
    for name, size in (("0", 8), ("3", 12), ("7", 10)):
        assert sorted([*small.kept[f"{name}/out"].tolist(), *large.kept[f"{name}/out"].tolist()]) == list(range(size))  # type: ignore[union-attr]


def ours(network: nn.Module, criterion: str, layer: str = "3") -> Tensor:
    return score(
        network,
        registry.load("criterion", criterion),
        {},
        granularity="channel",
        layers=[layer],
        batches=lambda: (),
        loss=nn.functional.cross_entropy,
        example=torch.zeros(1),
        seed=0,
        batch_norm_of={"0": "1", "3": "4"},
    ).scores[layer]


def theirs(network: nn.Module, importance: tp.importance.Importance, layer: str = "3") -> Tensor:
    graph = tp.DependencyGraph().build_dependency(network, EXAMPLE, verbose=False)
    module = network.get_submodule(layer)
    remove = tp.prune_linear_out_channels if isinstance(module, nn.Linear) else tp.prune_conv_out_channels
    return importance(graph.get_pruning_group(module, remove, idxs=list(range(module.weight.shape[0]))))


@pytest.mark.parametrize("layer", LAYERS)
def test_norms_are_those_of_torch_pruning(network: nn.Module, layer: str) -> None:
    """Of the filter alone ("first"): by default torch-pruning also counts the weights that read the channel."""
    one, two = (tp.importance.GroupMagnitudeImportance(p, "first", None) for p in (1, 2))
    assert torch.allclose(ours(network, "l1_norm", layer), theirs(network, one, layer))
    assert torch.allclose(
        ours(network, "l2_norm", layer).square(), theirs(network, two, layer)
    )  # it leaves the root out


def test_scales_of_batch_norm_are_those_of_torch_pruning(network: nn.Module) -> None:
    assert torch.equal(ours(network, "bn_scale"), theirs(network, tp.importance.BNScaleImportance(normalizer=None)))


def test_geometric_median_is_that_of_torch_pruning_on_weights_without_signs(network: nn.Module) -> None:
    """torch-pruning measures between |w|^p, so that a filter and its negative are one: the paper does not."""
    theirs_of = tp.importance.FPGMImportance(p=1, group_reduction="first", normalizer=None)
    weight = network.get_submodule("3").get_parameter("weight")
    assert not torch.allclose(ours(network, "fpgm").float(), theirs(network, theirs_of), rtol=0.1)
    weight.data.abs_()
    assert torch.allclose(ours(network, "fpgm").float(), theirs(network, theirs_of), rtol=1e-4)


def test_lamp_is_that_of_torch_pruning_where_units_are_single_weights() -> None:
    """torch-pruning ranks channels by their summed squares: of filters with one weight these are single weights."""
    network = nn.Sequential(nn.Linear(1, 200), nn.ReLU(), nn.Linear(200, 2))
    with torch.no_grad():
        network[0].weight.normal_(generator=torch.Generator().manual_seed(0))
    graph = tp.DependencyGraph().build_dependency(network, torch.zeros(1, 1), verbose=False)
    group = graph.get_pruning_group(network[0], tp.prune_linear_out_channels, idxs=list(range(200)))
    expected = tp.importance.LAMPImportance(group_reduction="first")(group)
    space = space_of(network, DensePlan(), torch.zeros(1, 1), "weight", ("classifier",))
    found = score(
        network,
        registry.load("criterion", "lamp"),
        {},
        granularity="weight",
        layers=space.layers,
        batches=lambda: (),
        loss=nn.functional.cross_entropy,
        example=torch.zeros(1),
        seed=0,
        batch_norm_of={},
    ).scores["0"]
    assert torch.allclose(found.flatten().float(), expected, rtol=1e-4)
    best = [select({"0": s}, {"0": 50})["0"].tolist() for s in (found.flatten(), expected)]
    assert best[0] == best[1]
