"""Designs from what pruning kept: by hand, against brute force, and on networks of one family."""

import pytest
import torch
from torch import nn

import fairprune as fp
from fairprune.errors import PruneError
from fairprune.measure.cost import count
from fairprune.networks.resnet_cifar import resnet20, resnet32
from fairprune.networks.vgg import vgg16, vgg19
from fairprune.pruning.apply import pruned
from fairprune.pruning.designs import (
    design,
    designed,
    guided,
    guided_kernel_sparsity,
    kept_fractions,
    kept_of,
    sparse_design,
    sparsity_patterns,
    stages_of,
    stated,
    uniform_counterpart,
)
from fairprune.pruning.granularity.channels import channel_space
from fairprune.pruning.granularity.weights import weight_space
from fairprune.pruning.space import Group
from fairprune.spec import Target

EXAMPLE = torch.zeros(1, 3, 16, 16)


def network():
    return nn.Sequential(
        nn.Conv2d(3, 20, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(20, 40, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(40, 10, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(10, 5),
    )


def amounts(choice, space):
    return {group.name: (choice.counts[group.name], group.size) for group in space.groups}


KEPT = {"0": (2, 20), "2": (39, 40), "5": (7, 10)}


@pytest.mark.parametrize("axis", ["compression", "speedup"])
def test_uniform_counterpart_has_the_size_and_one_ratio(axis):
    """Brute force: of all ratios, the one whose size comes nearest; groups at one ratio change one after the other."""
    space = channel_space(network(), EXAMPLE)
    wanted = space.size({name: kept for name, (kept, _) in KEPT.items()})
    choice = uniform_counterpart(space, KEPT, axis)
    field = "params" if axis == "compression" else "macs"
    goal = getattr(wanted, field)
    ratios = [n / 1000 for n in range(1001)]
    counts = [{name: max(1, size - -int(-(r * size) // 1)) for name, (_, size) in KEPT.items()} for r in ratios]
    nearest = min(abs(getattr(space.size(c), field) - goal) for c in counts)
    assert abs(getattr(choice.size, field) - goal) <= nearest
    fractions = [kept / size for kept, size in amounts(choice, space).values()]
    assert max(fractions) - min(fractions) <= 1 / 10
    assert count(pruned(network(), space.plan(choice.kept)), EXAMPLE).size == choice.size


def test_the_library_has_them_for_networks_of_ones_own():
    space = fp.designs.space(network(), EXAMPLE)
    assert [group.name for group in space.groups] == list(KEPT)
    choice = fp.designs.design(space, {"0": 0.5, "2": 0.25, "5": 0.1})
    built = fp.designs.build(network(), space.plan(choice.kept))
    assert [built[at].out_channels for at in (0, 2, 5)] == [10, 30, 9]
    assert count(built, EXAMPLE).size == choice.size
    assert [group.name for group in fp.designs.space(network(), EXAMPLE, spare=("0", "9")).groups] == ["2", "5"]
    weights = fp.designs.space(network(), EXAMPLE, "weight")
    assert {group.name: group.size for group in weights.groups} == {"0": 540, "2": 7200, "5": 400}
    plan = fp.designs.sparse_design(network(), {"all": torch.full((3, 3), 0.5)}, {"2": "all"})
    assert int((fp.designs.build(network(), plan)[2].weight == 0).sum()) == 3600


def test_uniform_counterpart_of_weights_is_random_and_of_one_sparsity():
    dense = network()
    space = weight_space(dense, count(dense, EXAMPLE).layers)
    kept = {"0": (540, 540), "2": (3600, 7200), "5": (40, 400)}
    choice = uniform_counterpart(space, kept)
    assert choice.on_target
    assert choice.size.params == space.size({name: number for name, (number, _) in kept.items()}).params
    fractions = kept_fractions(amounts(choice, space)).values()
    assert max(fractions) - min(fractions) < 0.01
    again, other = uniform_counterpart(space, kept), uniform_counterpart(space, kept, seed=1)
    assert torch.equal(choice.kept["2"], again.kept["2"])
    assert not torch.equal(choice.kept["2"], other.kept["2"])
    assert choice.counts == other.counts


def test_uniform_counterpart_of_the_whole_network_is_the_whole_network():
    space = channel_space(network(), EXAMPLE)
    assert uniform_counterpart(space, {n: (s, s) for n, (_, s) in KEPT.items()}).counts == {"0": 20, "2": 40, "5": 10}


@pytest.mark.parametrize(
    "wrong",
    [{**KEPT, "9": (1, 2)}, {"0": (2, 20)}, {**KEPT, "0": (2, 21)}, {**KEPT, "0": (21, 20)}],
)
def test_uniform_counterpart_of_another_network(wrong):
    with pytest.raises(PruneError, match=r"^group '[029]' is not the same"):
        uniform_counterpart(channel_space(network(), EXAMPLE), wrong)


def test_stages_are_sizes_of_feature_maps():
    assert stages_of(network(), EXAMPLE) == {"0": "stage1", "2": "stage1", "5": "stage2"}
    with torch.device("meta"):
        networks = vgg16(10, 3, widths=[2] * 13), vgg19(10, 3, widths=[2] * 16)
    for made, sizes in zip(networks, ([2, 2, 3, 3, 3], [2, 2, 4, 4, 4]), strict=True):
        stages = list(stages_of(made, torch.zeros(1, 3, 32, 32, device="meta")).values())
        assert stages == [f"stage{n}" for n, layers in enumerate(sizes, 1) for _ in range(layers)]


def test_guided_by_hand():
    kept = {"a.0": (3, 10), "a.1": (6, 10), "a.2": (3, 20), "b.0": (7, 7), "c": (0, 5)}
    stages = {"a.*": "early", "b.*": "late", "a.2": "late"}  # the last pattern counts
    assert guided(kept, stages) == pytest.approx({"early": 11 / 20, "late": 17 / 27})
    assert guided({"a": (10, 10)}, {"*": "all"}) == {"all": 0}
    with pytest.raises(PruneError, match=r"^no stage matches what is kept: expected patterns of a.0, a.1"):
        guided(kept, {"d": "x"})


def test_designed_by_hand():
    groups = [Group(name, 10, (name,)) for name in ("x.0", "x.1", "y.0", "z")]
    stages = {"x.*": "early", "y.*": "late"}
    assert designed({"early": 0.25}, stages, groups) == {"x.0": 0.25, "x.1": 0.25}
    assert designed({"early": 0.25, "late": 0}, stages, groups) == {"x.0": 0.25, "x.1": 0.25, "y.0": 0}
    with pytest.raises(PruneError, match="unknown stage of the network to design 'eary'; did you mean 'early'"):
        designed({"eary": 0.5}, stages, groups)


def test_stated_by_hand():
    groups = [Group("a", 10, ("a",)), Group("b", 30, ("b", "c"))]
    assert stated(groups, {"a": 0.5, "c": 0.1}) == pytest.approx((5 + 3) / 40)
    assert stated(groups, {"*": 0.5, "b": 0}) == pytest.approx(5 / 40)


def test_guided_of_vgg16_designs_vgg19():
    """Transferred: the average of a stage of one network becomes the amount of every layer of that stage in another."""
    image = torch.zeros(1, 3, 32, 32)
    small, large = vgg16(10, 3, widths=[10] * 13), vgg19(100, 3, widths=[20] * 16)
    groups = [group.name for group in channel_space(small, image).groups]
    numbers = [2, 4, 6, 8, 1, 2, 3, 10, 10, 10, 5, 5, 5]
    kept = {name: (n, 10) for name, n in zip(groups, numbers, strict=False)} | {groups[13]: (512, 512)}
    ratios = guided(kept, stages_of(small, image))
    assert ratios == pytest.approx({"stage1": 0.7, "stage2": 0.3, "stage3": 0.8, "stage4": 0, "stage5": 0.5})
    space = channel_space(large, image)
    choice = design(space, designed(ratios, stages_of(large, image), space.groups))
    assert list(choice.counts.values()) == [6, 6, 14, 14, 4, 4, 4, 4, 20, 20, 20, 20, 10, 10, 10, 10]
    assert count(pruned(large, space.plan(choice.kept)), image).size == choice.size


def test_guided_of_resnet20_designs_resnet32_at_a_target():
    """Stages that are called like their patterns: what is guided is `ratios` for any depth."""
    patterns = [f"layer{stage}.*.conv1" for stage in (1, 2, 3)]
    kept = {
        f"layer{s}.{b}.conv1": (width * k // 4, width) for s, width, k in ((1, 16, 2), (2, 32, 3)) for b in range(3)
    }
    ratios = guided({**kept, "conv1": (16, 16)}, {pattern: pattern for pattern in patterns})
    assert ratios == {"layer1.*.conv1": 0.5, "layer2.*.conv1": 0.25}
    dense = resnet32(10, 3)
    total = 5 * (16 + 32 + 64) + 64  # inside the blocks, and the stream
    small = fp.prune(dense, EXAMPLE, allocation="given", ratios=ratios, target=fp.ratio(5 * (8 + 8) / total))
    stages = (small.layer1, small.layer2, small.layer3)
    assert [block.conv1.out_channels for stage in stages for block in stage] == [8] * 5 + [24] * 5 + [64] * 5
    space = channel_space(dense, EXAMPLE)
    as_stated, scaled = design(space, ratios), design(space, ratios, Target(axis="speedup", value=1.1))
    assert {as_stated.counts[f"layer1.{b}.conv1"] for b in range(5)} == {8}
    assert {as_stated.counts[f"layer2.{b}.conv1"] for b in range(5)} == {24}
    assert {as_stated.counts[f"layer3.{b}.conv1"] for b in range(5)} == {64}
    assert scaled.on_target
    assert 8 < scaled.counts["layer1.0.conv1"] < 16


def test_patterns_of_masks_by_hand():
    mask = torch.zeros(2, 2, 3, 3, dtype=torch.bool)
    mask[:, :, 1, 1] = True
    mask[0, 1, 0, 2] = True
    masks = {"a.weight": mask, "fc.weight": torch.tensor([[True, False]])}
    assert kept_of(masks) == {"a": (5, 36), "fc": (1, 2)}
    assert kept_fractions(kept_of(masks)) == {"a": 5 / 36, "fc": 0.5}
    found = sparsity_patterns(masks)
    assert list(found) == ["a"]
    assert found["a"].tolist() == [[0, 0, 0.25], [0, 1, 0], [0, 0, 0]]


def test_guided_kernel_sparsity_by_hand():
    corner, full = torch.zeros(1, 3, 3, 3, dtype=torch.bool), torch.ones(1, 1, 3, 3, dtype=torch.bool)
    corner[0, 0, 0, 0] = True
    masks = {"a.weight": corner, "b.weight": full, "c.weight": full, "d.weight": full[..., :1, :1], "e.weight": full}
    found = guided_kernel_sparsity(masks, {"[abd]": "early", "c": "late"})
    assert sorted(found) == ["early", "late"]  # d has another kernel, e no stage
    assert found["early"].tolist() == [[0.5, 0.25, 0.25], [0.25] * 3, [0.25] * 3]
    assert found["late"].unique().tolist() == [1]
    assert guided_kernel_sparsity(masks, {"*": "all"}, kernel=1)["all"].tolist() == [[1]]
    with pytest.raises(PruneError, match=r"no masked 3x3 convolution belongs to a stage of \['late'\]"):
        guided_kernel_sparsity(masks, {"x": "late"})


def test_sparse_design_meets_its_probabilities():
    wanted = torch.tensor([[0.0, 0.1, 0.25], [0.5, 1.0, 0.75], [0.333, 0.9, 0.99]])
    plan = sparse_design(network(), {"stage1": wanted}, stages_of(network(), EXAMPLE))
    assert {name: mask.shape for name, mask in plan.masks.items()} == {
        "0.weight": (20, 3, 3, 3),
        "2.weight": (40, 20, 3, 3),
    }
    for mask in plan.masks.values():
        kernels = mask.shape[0] * mask.shape[1]
        assert torch.equal(mask.sum((0, 1)), (wanted * kernels).round().long())
    # nothing favours a filter or makes positions go together: 800 kernels, each position kept on its own
    mask = plan.masks["2.weight"]
    assert mask[:, :, 1, 0].double().mean(1).std() < 0.2
    together = (mask[:, :, 1, 0] & mask[:, :, 1, 2]).double().mean()
    assert together == pytest.approx(0.5 * 0.75, abs=0.05)
    assert kept_fractions(kept_of(plan.masks))["2"] == pytest.approx(wanted.mean().item(), abs=0.001)
    assert count(network(), EXAMPLE, plan.masks).params < count(network(), EXAMPLE).params


def test_sparse_design_is_a_function_of_its_seed():
    stages, wanted = {"[02]": "all"}, {"all": torch.full((3, 3), 0.5)}
    first, same, other = (sparse_design(network(), wanted, stages, seed).masks["2.weight"] for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_guided_sparsification_round_trip():
    """What a pruned network shows, a design of it shows again, kernels rounded."""
    dense = resnet20(10, 3)
    torch.manual_seed(0)
    masks = fp.prune(dense, EXAMPLE, criterion="magnitude", target=fp.ratio(0.9)).fairprune.plan.masks
    stages = {f"layer{n}.*": f"stage{n}" for n in (1, 2, 3)}
    wanted = guided_kernel_sparsity(masks, stages)
    again = guided_kernel_sparsity(sparse_design(resnet32(10, 3), wanted, stages).masks, stages)
    assert sorted(wanted) == sorted(again) == ["stage1", "stage2", "stage3"]
    for stage in wanted:
        assert torch.allclose(wanted[stage], again[stage], atol=0.5 / 256)


def test_sparse_design_of_what_cannot_be():
    stages = {"*": "all"}
    with pytest.raises(PruneError, match=r"^probabilities of 'all': expected how often"):
        sparse_design(network(), {"all": torch.full((3, 3), 1.5)}, stages)
    with pytest.raises(PruneError, match=r"^probabilities of 'all': expected how often"):
        sparse_design(network(), {"all": torch.full((3, 3), torch.nan)}, stages)
    with pytest.raises(PruneError, match=r"^no convolution of 'all' has kernels of shape \[5, 5\]"):
        sparse_design(network(), {"all": torch.ones(5, 5)}, stages)
    with pytest.raises(PruneError, match=r"^no convolution of 'other'"):
        sparse_design(network(), {"other": torch.ones(3, 3)}, stages)
