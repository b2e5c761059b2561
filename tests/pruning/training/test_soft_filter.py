"""Soft filter pruning: what is zeroed when, and that it may come back."""

import copy
from dataclasses import replace

import torch
from torch.nn.utils import prune as torch_prune

from fairprune.pruning.training.filters import filter_norms
from fairprune.pruning.training.soft_filter import soft_filter
from fairprune.train import fit


def zero_rows(layer):
    return (layer.weight.flatten(1) == 0).all(1)


def test_the_filters_of_lowest_l2_norm_are_zeroed_after_an_epoch(begin):
    trained = begin(soft_filter, axis="ratio", target=0.5)
    first = trained.network[0]
    with torch.no_grad():
        first.weight.zero_()
        first.weight[:, 0, 0, 0] = torch.tensor([5.0, 1.0, 4.0, 0.0, 3.0, -2.0, 0.5, -6.0])
        first.weight[3] = 0.45  # L2 norm 1.9, L1 norm 8.1
    trained.hook.on_epoch(1)
    assert zero_rows(first).nonzero().flatten().tolist() == [1, 3, 5, 6]
    assert first.weight[:, 0, 0, 0].tolist() == [5, 0, 4, 0, 3, 0, 0, -6]


def test_it_is_ln_structured_in_every_layer(begin):
    trained = begin(soft_filter, axis="ratio", target=0.3)
    oracle = copy.deepcopy(trained.network)
    trained.hook.on_epoch(1)
    for index, amount in ((0, 3), (3, 4), (7, 5)):  # ceil(.3 * 8), ceil(.3 * 12), ceil(.3 * 16)
        torch_prune.ln_structured(oracle[index], "weight", amount=amount, n=2, dim=0)
        assert torch.equal(trained.network[index].weight, oracle[index].weight)


def test_only_weights_are_zeroed(begin):
    trained = begin(soft_filter)
    before = copy.deepcopy(trained.network.state_dict())
    trained.hook.on_epoch(1)
    changed = {name for name, tensor in trained.network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"0.weight", "3.weight", "7.weight"}


def test_zeroed_filters_are_trained_on(begin):
    trained, zeros = begin(soft_filter, axis="ratio", target=0.5), []
    first = trained.network[0]
    looking = replace(
        trained.hook,
        on_step=lambda _: zeros.append(int(zero_rows(first).sum())),
        on_epoch=lambda epoch: (trained.hook.on_epoch(epoch), zeros.append(int(zero_rows(first).sum()))),
    )
    fit(trained.network, replace(trained.course, hook=looking))
    assert zeros == [0, 0, 0, 0, 4] * 3


def test_the_end_is_what_the_target_removes(train):
    done = train(soft_filter, target=3.0)
    assert done.scores is None
    space = done.setting.space
    kept = space.plan(done.setting.choose(filter_norms(done.network, space, 2))).kept
    for layer in space.layers:
        zero = zero_rows(done.network.get_submodule(layer))
        assert (~zero).nonzero().flatten().tolist() == kept[f"{layer}/out"].tolist()


def test_a_diverged_network_is_left_to_the_loop(begin):
    trained = begin(soft_filter)
    with torch.no_grad():
        trained.network[0].weight.fill_(float("nan"))
    trained.hook.on_epoch(1)
    assert trained.network[0].weight.isnan().any()


def test_it_is_driven_by_the_target_and_ranked_by_l2_norms():
    assert (soft_filter.bound, soft_filter.criterion, soft_filter.allocation) == (True, "l2_norm", "uniform")
