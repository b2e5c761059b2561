import copy
from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from fairprune.hook import Now
from fairprune.pruning.training.movement import movement
from fairprune.spec import Optimizer

LAYERS = ("0", "3", "7")
SGD = {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-2}


class StraightThrough(torch.autograd.Function):
    """W * mask; the gradient by the scores is that by the masked weight, times W."""

    @staticmethod
    def forward(context, weight, _scores, mask):
        context.save_for_backward(weight, mask)
        return weight * mask

    @staticmethod
    def backward(context, gradient):
        weight, mask = context.saved_tensors
        return gradient * mask, gradient * weight, None


class Under(nn.Module):
    """A parametrisation: the weight under a mask, with scores that are trained."""

    def __init__(self, weight):
        super().__init__()
        self.scores = nn.Parameter(torch.zeros_like(weight))
        self.mask = torch.ones_like(weight)

    def forward(self, weight):
        return StraightThrough.apply(weight, self.scores, self.mask)


def batches(steps=12):
    generator = torch.Generator().manual_seed(3)
    for _ in range(steps):
        yield torch.randn(16, 2, 8, 8, generator=generator), torch.randint(4, (16,), generator=generator)


def with_hook(trained):
    """Train with the hook; the masks after every step."""
    network = trained.network.train()
    optimizer = torch.optim.SGD(network.parameters(), **SGD)
    masks = []
    for step, (images, labels) in enumerate(batches()):
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        now = Now(step, SGD["lr"], optimizer)
        trained.hook.on_gradients(now)
        optimizer.step()
        trained.hook.on_step(now)
        masks.append(trained.hook.masks())
    return masks


def with_parametrisation(network, setting):
    """The same by autograd: scores are parameters, trained by plain SGD, and masks are chosen before every step."""
    parts = {layer: Under(network.get_submodule(layer).weight.detach()) for layer in LAYERS}
    for layer, part in parts.items():
        parametrize.register_parametrization(network.get_submodule(layer), "weight", part)
    scores = torch.optim.SGD([part.scores for part in parts.values()], lr=1.0)
    optimizer = torch.optim.SGD([p for name, p in network.named_parameters() if "scores" not in name], **SGD)

    def mask(step):
        share = 1 - (1 - min(max(step - 1, 0) / 9, 1)) ** 3  # from step 1 to step 10
        kept = setting.choose({layer: part.scores.detach() for layer, part in parts.items()}, share)
        for layer, part in parts.items():
            part.mask = setting.space.plan(kept).masks[f"{layer}.weight"].float()

    for step, (images, labels) in enumerate(batches()):
        if step:
            mask(step)
        optimizer.zero_grad()
        scores.zero_grad()
        F.cross_entropy(network.train()(images), labels).backward()
        optimizer.step()
        scores.step()
    mask(12)
    return {layer: part.scores.detach() for layer, part in parts.items()}


def test_it_trains_as_straight_through_scores_do(begin):
    trained = begin(movement, target=6.0, every=1)
    other = copy.deepcopy(trained.network)
    with_hook(trained)
    scores = with_parametrisation(other, trained.setting)
    found = trained.hook.finish()
    for layer in LAYERS:
        torch.testing.assert_close(found[layer], scores[layer], rtol=1e-3, atol=1e-6)
        mine, theirs = trained.network.get_submodule(layer).weight, other.get_submodule(layer).weight
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-6)
    assert (other[7].weight == 0).any()


def test_importance_is_minus_weight_times_gradient(begin):
    trained = begin(movement)
    weight = trained.network[7].weight
    before = weight.detach().clone()
    for parameter in trained.network.parameters():
        parameter.grad = torch.full_like(parameter, 0.5)
    trained.hook.on_gradients(Now(0, 0.1, None))
    assert torch.equal(trained.hook.finish()["7"], -0.5 * before)
    assert torch.equal(weight, before)


def test_masked_weights_gather_importance_and_come_back_with_their_value(begin):
    trained = begin(
        movement, axis="ratio", target=0.5, begin=0.0, end=0.0, every=1, optimizer=Optimizer(weight_decay=0)
    )
    weight = trained.network[7].weight
    whole = trained.hook.tensors["whole/7"].clone()
    first = trained.hook.masks()["7.weight"]
    assert int(first.sum()) == weight.numel() // 2
    assert (weight[~first] == 0).all()
    for step in range(2):
        for parameter in trained.network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        weight.grad = torch.where(first, 1.0, -1.0) * whole.sign()  # kept ones are drawn to 0, masked ones away from it
        trained.hook.on_gradients(Now(step, 0.0, None))
        assert (weight.grad[~trained.hook.masks()["7.weight"]] == 0).all()
        trained.hook.on_step(Now(step, 0.0, None))
        assert torch.equal(trained.hook.masks()["7.weight"], ~first)
        assert torch.equal(weight[~first], whole[~first])
        assert (weight[first] == 0).all()


def test_the_whole_gradient_of_the_weights_is_charged(train):
    trained = train(movement, axis="ratio", target=0.75, begin=0.5, end=0.5)
    dense, sparse = trained.course.macs({}), trained.course.macs(trained.hook.masks())
    assert sparse < 0.5 * dense
    assert trained.states[-1].work == 16 * (6 * 3 * dense + 6 * (2 * sparse + dense))


def test_masks_are_in_force_from_the_first_step_if_they_end_there(begin):
    masks = []

    def wrap(hook):
        return replace(hook, on_gradients=lambda now: masks.append(hook.masks()) or hook.on_gradients(now))

    trained = begin(movement, begin=0.0, end=0.0, wrap=wrap)
    trained.hook.on_gradients(Now(0, 0.1, None))
    assert sum(int((~mask).sum()) for mask in masks[0].values()) > 0
