"""Network Slimming: the subgradient on the scales of batch norms, and which of them have it."""

import pytest
import torch
import torch_pruning as tp
from torch import nn

from fairprune.errors import PruneError
from fairprune.pruning.training.slimming import slimming

SPARE = ("classifier", "7")


def test_the_sign_of_every_scale_is_added_to_its_gradient(begin, added):
    trained = begin(slimming, spare=SPARE, s=0.5)
    with torch.no_grad():
        trained.network[1].weight.copy_(torch.tensor([2.0, -3.0, 0.0, 1e-9, -1.0, 0.1, 7.0, -0.0]))
    gradients = added(trained)
    assert gradients["1.weight"].tolist() == [0.5, -0.5, 0, 0.5, -0.5, 0.5, 0.5, 0]
    assert gradients["4.weight"].tolist() == [0.5] * 12
    assert not any(gradient.any() for name, gradient in gradients.items() if name not in ("1.weight", "4.weight"))


def test_it_is_the_step_of_torch_pruning(begin, added):
    trained = begin(slimming, spare=SPARE, s=1e-3)
    nn.init.normal_(trained.network[1].weight)
    ours = added(trained)
    for parameter in trained.network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    oracle = tp.BNScalePruner(trained.network, torch.rand(1, 2, 8, 8), tp.importance.BNScaleImportance(), reg=1e-3)
    oracle.regularize(trained.network)
    for name, parameter in trained.network.named_parameters():
        assert torch.equal(ours[name], parameter.grad), name


def test_it_shrinks_scales_more_than_plain_training_does(train):
    sums = [train(slimming, spare=SPARE, s=s).network[1].weight.abs().sum() for s in (0.0, 0.01, 0.1)]
    assert sums[0] > sums[1] > sums[2]


def test_a_gradient_that_is_not_there_is_not_made(begin):
    trained = begin(slimming, spare=SPARE)
    trained.hook.on_gradients(None)
    assert all(parameter.grad is None for parameter in trained.network.parameters())


def test_layers_without_batch_norm_are_named_with_the_remedy(begin):
    with pytest.raises(PruneError, match=r"directly behind layer '7': spare that layer, or take .*soft_filter"):
        begin(slimming)


def test_a_batch_norm_without_scale_is_none(begin):
    plain = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4, affine=False), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 4)
    )
    with pytest.raises(PruneError, match="directly behind layer '0'"):
        begin(slimming, network=plain)


def test_a_negative_penalty_is_refused(begin):
    with pytest.raises(PruneError, match="s = -1, expected a penalty of 0 or more"):
        begin(slimming, spare=SPARE, s=-1.0)


def test_it_serves_all_targets_and_is_ranked_by_scales():
    assert (slimming.bound, slimming.criterion, slimming.allocation) == (False, "bn_scale", "global")
    assert (slimming.start, slimming.options) == ("trained", {"s": 1e-4})
