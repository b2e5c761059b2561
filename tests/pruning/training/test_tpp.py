"""TPP: the penalty on Gram matrices against autograd, what else is pulled, and what it costs."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fairprune.pruning.training.tpp import tpp

HOW = {"schedule": "constant:0.002 total:3"}


def transposed():
    """Transposed convolutions between others: filters are the second dimension of their weight."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            *(nn.Conv2d(2, 6, 3, padding=1), nn.ReLU()),
            *(nn.ConvTranspose2d(6, 8, 2), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)),
        )


def rows(weight, dim):
    return weight.transpose(0, dim).flatten(1)


def penalty(trained, factor, gram):
    """The loss of the paper, written out: every matrix whole, G by indexing."""
    space, total = trained.setting.space, torch.zeros(())
    kept = space.plan(trained.setting.choose(trained.hook.finish())).kept
    for layer in space.layers:
        module = trained.network.get_submodule(layer)
        w = rows(module.weight, space.producers[layer])
        gone = [row for row in range(len(w)) if row not in kept[f"{layer}/out"].tolist()]
        target = (w @ w.T).detach().clone()
        target[gone, :] = 0
        target[:, gone] = 0
        total = total + gram * factor * F.mse_loss(w @ w.T, target) + factor / 2 * w[gone].square().sum()
        norm = space.batch_norm_of.get(layer)
        vectors = [] if norm is None else [*trained.network.get_submodule(norm).parameters()]
        for vector in [*vectors, *([] if module.bias is None else [module.bias])]:
            total = total + factor / 2 * vector[gone].square().sum()
    return total


@pytest.mark.parametrize("network", [None, transposed], ids=["plain", "transposed"])
def test_it_is_the_gradient_of_the_loss_of_the_paper(begin, added, network):
    trained = begin(tpp, network=network and network(), every=4, delta=0.25, schedule="constant:0.002 total:4")
    for name, parameter in trained.network.named_parameters():
        nn.init.normal_(parameter) if "bias" in name or parameter.ndim == 1 else None
    for step, factor in ((0, 0.25), (4, 0.5), (15, 1.0)):
        ours = added(trained, step)
        for parameter in trained.network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        penalty(trained, factor, 1000.0).backward()
        for name, parameter in trained.network.named_parameters():
            assert torch.allclose(ours[name], parameter.grad, rtol=1e-4, atol=1e-4), (name, step)
        assert all(gradient.any() for name, gradient in ours.items() if name.split(".")[0] in ("0", "3"))


def test_a_gram_matrix_by_hand(begin, added):
    """Two filters [1, 2] and [3, 1], the first goes: D = [[5, 5], [5, 0]], gradient 4 / 4 * D W."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(128, 2, bias=False), nn.ReLU(), nn.Linear(2, 4))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].weight[:, :2] = torch.tensor([[1.0, 2.0], [3.0, 1.0]])
    trained = begin(tpp, network=network, axis="ratio", target=0.5, every=1, delta=1.0, gram=10.0)
    gradient = added(trained)["1.weight"]
    gram = 10 * torch.tensor([[5 + 15.0, 10 + 5], [5, 10]])
    assert torch.allclose(gradient[:, :2], gram + torch.tensor([[1.0, 2.0], [0, 0]]))
    assert not gradient[:, 2:].any()


def test_filters_become_uncorrelated_with_those_that_stay(train):
    def correlation(gram):
        done = train(tpp, gram=gram, ceiling=0.1, schedule="constant:0.005 total:6", axis="ratio", target=0.5)
        kept = done.setting.space.plan(done.setting.choose(done.scores)).kept["3/out"].tolist()
        gone = [row for row in range(12) if row not in kept]
        unit = F.normalize(done.network[3].weight.detach().flatten(1))
        return (unit[gone] @ unit[kept].T).abs().mean()

    assert correlation(1000.0) < 0.7 * correlation(0.0)


def test_products_of_gram_matrices_are_charged(begin):
    trained = begin(tpp, **HOW)
    products = 2 * (8 * 8 * 18 + 12 * 12 * 72 + 16 * 16 * 108)
    macs = 8 * 18 * 64 + 12 * 72 * 9 + 108 * 16 + 16 * 4
    assert trained.hook.overhead(0) == pytest.approx(products / (macs * 16))


def test_batch_norms_behind_removed_filters_are_pulled(begin, added):
    trained = begin(tpp, axis="ratio", target=0.5, every=1, delta=0.5)
    nn.init.ones_(trained.network[4].bias)
    gradients = added(trained)
    kept = trained.setting.space.plan(trained.setting.choose(trained.hook.finish())).kept["3/out"].tolist()
    expected = [0.0 if row in kept else 0.5 for row in range(12)]
    assert gradients["4.weight"].tolist() == expected
    assert gradients["4.bias"].tolist() == expected
