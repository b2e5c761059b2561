from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from fairprune.errors import PruneError
from fairprune.measure.cost import count
from fairprune.pruning.allocation import global_, select
from fairprune.pruning.granularity.weights import WeightSpace, weight_space

EXAMPLE = torch.zeros(1, 2, 6, 6)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, groups=2),  # 4 * 1 * 9 = 36 weights, 4 x 4 = 16 positions
        nn.BatchNorm2d(4),
        nn.Conv2d(4, 3, 2, stride=2),  # 3 * 4 * 4 = 48 weights, 2 x 2 = 4 positions
        nn.Flatten(),
        nn.Linear(12, 5, bias=False),  # 60 weights, 1 position
        nn.Linear(5, 2),  # the classifier
    )


def space(spare: tuple[str, ...] = ("classifier",), masks: dict[str, Tensor] | None = None) -> WeightSpace:
    return weight_space(network(), count(network(), EXAMPLE).layers, spare, masks)


def test_groups_are_the_weights_that_are_not_spared() -> None:
    found = space()
    assert [(g.name, g.size, g.layers) for g in found.groups] == [
        ("0", 36, ("0",)),
        ("2", 48, ("2",)),
        ("4", 60, ("4",)),
    ]
    assert (found.granularity, found.minimum, found.layers, found.batch_norm_of) == ("weight", 0, ("0", "2", "4"), {})
    assert space(()).layers == ("0", "2", "4", "5")
    assert space(("classifier", "[02]")).layers == ("4",)


def test_sizes_by_hand() -> None:
    # kept: 10 of layer 0, 20 of layer 2, 0 of layer 4; biases 4 + 3, batch norm 8, classifier 10 + 2
    found = space().size({"0": 10, "2": 20, "4": 0})
    assert found.params == 10 + 20 + 0 + 7 + 8 + 12
    assert found.macs == 10 * 16 + 20 * 4 + 0 + 10


def test_the_analytic_size_is_what_counting_the_masked_network_gives() -> None:
    found, net = space(), network()
    scores = found.group_scores({name: net.get_submodule(name).weight.detach().abs() for name in found.layers})
    for keep in (0.0, 0.13, 0.5, 1.0):
        counts = global_(scores, keep, 0)
        plan = found.plan(select(scores, counts))
        assert found.size(counts) == count(net, EXAMPLE, plan.masks).size
        assert {name: int(mask.sum()) for name, mask in plan.masks.items()} == {
            f"{n}.weight": c for n, c in counts.items()
        }


def test_plans_keep_exactly_these_weights() -> None:
    kept = {"0": torch.tensor([0, 35]), "2": torch.tensor([17]), "4": torch.tensor([], dtype=torch.int64)}
    masks = space().plan(kept).masks
    assert masks["0.weight"].nonzero().tolist() == [[0, 0, 0, 0], [3, 0, 2, 2]]
    assert masks["2.weight"].nonzero().tolist() == [[1, 0, 0, 1]]  # 17 = 1 * 16 + 0 * 4 + 0 * 2 + 1
    assert (masks["4.weight"].shape, int(masks["4.weight"].sum())) == ((5, 12), 0)


def test_weights_pruned_before_are_gone() -> None:
    mask = torch.ones(3, 4, 2, 2, dtype=torch.bool)
    mask[0] = False
    found = space(masks={"2.weight": mask})
    scores = found.group_scores({g.name: torch.ones(found.shapes[g.name]) for g in found.groups})
    assert scores["2"].tolist() == [-math.inf] * 16 + [1.0] * 32
    counts = global_(scores, 1.0, 0)
    assert counts == {"0": 36, "2": 32, "4": 60}
    assert torch.equal(found.plan(select(scores, counts)).masks["2.weight"], mask)
    assert found.size(counts) == count(network(), EXAMPLE, {"2.weight": mask}).size


def test_scores_are_not_copied() -> None:
    found = space()
    scores = {g.name: torch.ones(found.shapes[g.name]) for g in found.groups}
    assert all(flat.data_ptr() == scores[name].data_ptr() for name, flat in found.group_scores(scores).items())


def test_scores_must_be_one_per_weight() -> None:
    scores = {g.name: torch.ones(space().shapes[g.name]) for g in space().groups}
    with pytest.raises(PruneError, match=r"scores of layer '2': expected one per weight, \[3, 4, 2, 2\], got \[3\]"):
        space().group_scores(scores | {"2": torch.ones(3)})
    del scores["4"]
    with pytest.raises(PruneError, match=r"scores of layer '4': .* got none"):
        space().group_scores(scores)


def test_bad_requests_are_refused() -> None:
    with pytest.raises(PruneError, match=r"unknown layer to spare 'clasifier'; did you mean 'classifier'"):
        space(("clasifier",))
    with pytest.raises(PruneError, match=r"nothing to prune: every convolution and linear layer is spared"):
        space(("*",))
    with pytest.raises(PruneError, match=r"mask of 2.weight \[3\] does not fit: expected \[3, 4, 2, 2\]"):
        space(masks={"2.weight": torch.ones(3, dtype=torch.bool)})
    with pytest.raises(PruneError, match=r"mask of 5.weight .* does not fit: expected a mask of 0, 2, 4"):
        space(masks={"5.weight": torch.ones(2, 5, dtype=torch.bool)})


def test_layers_whose_cost_is_not_per_weight_are_refused() -> None:
    tied = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    tied[1].weight = tied[0].weight
    cost = count(tied, torch.zeros(1, 3)).layers
    with pytest.raises(PruneError, match=r"layer '1' shares its weight with another layer: spare one of the two"):
        weight_space(tied, cost, ())
    once = weight_space(tied, cost, ("1",))
    assert once.size({"0": 4}).model_dump() == {"params": 4 + 6, "macs": 8}  # applied twice, stored once

    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)))
    with pytest.raises(PruneError, match=r"the weight of layer '0' is computed from other parameters: spare it"):
        weight_space(normed, count(normed, torch.zeros(1, 3)).layers, ())

    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(x, self.fc.weight[:2])

    with pytest.raises(PruneError, match=r"layer 'fc' does not use all its weights equally often: spare it"):
        weight_space(Half(), count(Half(), torch.zeros(1, 3)).layers, ())
