from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from fairprune.errors import SpecError
from fairprune.hook import Now
from fairprune.pruning.masks import apply_masks_, held
from fairprune.pruning.training.gradual import gradual
from fairprune.spec import Optimizer
from fairprune.train import fit

LAYERS = {"0": 144, "3": 864, "7": 1728}


def watched(masks):
    """Note the masks that are in force at every step."""

    def wrap(hook):
        def on_gradients(now):
            masks.append(hook.masks())
            hook.on_gradients(now)

        return replace(hook, on_gradients=on_gradients)

    return wrap


def zeros(masks):
    return [sum(int((~mask).sum()) for mask in now.values()) for now in masks]


def test_the_share_removed_is_the_cubic_of_the_step(train):
    masks = []
    train(gradual, axis="ratio", target=0.5, allocation="global", end=0.75, updates=3, wrap=watched(masks))
    half = sum(LAYERS.values()) / 2  # 1368, from step 0 to step 9 of 12, every 3 steps: at 1/3, 2/3 and 1 of the way
    expected = [0, 0, 0, *[half * 19 / 27] * 3, *[half * 26 / 27] * 3, *[half] * 3]
    assert zeros(masks) == [pytest.approx(gone, abs=1) for gone in expected]


def test_nothing_goes_before_the_beginning(train):
    masks = []
    train(gradual, begin=0.5, end=0.5, wrap=watched(masks))
    assert zeros(masks)[:6] == [0] * 6
    assert len(set(zeros(masks)[6:])) == 1
    assert zeros(masks)[6] > 0


def test_what_is_gone_stays_gone_in_every_layer(train):
    masks = []
    train(gradual, target=8.0, end=1.0, allocation="global", optimizer=Optimizer(weight_decay=0.1), wrap=watched(masks))
    for before, after in pairwise(filter(None, masks)):
        assert all((after[name] <= before[name]).all() for name in after)


def test_not_even_among_weights_of_zero_does_one_come_back(begin):
    trained, seen = begin(gradual, axis="ratio", target=0.9, end=1.0, updates=12, allocation="global"), []
    for step in range(12):
        with torch.no_grad():
            for layer in LAYERS:
                weight = trained.network.get_parameter(f"{layer}.weight")
                weight.mul_(torch.arange(weight.numel()).reshape(weight.shape) > step * weight.numel() // 12)
        trained.hook.on_step(Now(step, 0.1, None))
        seen.append(trained.hook.masks())
    for before, after in pairwise(seen):
        assert all((after[name] <= before[name]).all() for name in after)


def test_every_layer_has_the_same_sparsity_by_default(train):
    masks = train(gradual, axis="ratio", target=0.75).hook.masks()
    assert {name: int((~mask).sum()) for name, mask in masks.items()} == {
        f"{layer}.weight": size * 3 // 4 for layer, size in LAYERS.items()
    }


def test_ending_at_step_0_it_is_one_shot_magnitude(begin, train):
    pruned, other = train(gradual, end=0.0), begin(gradual, end=0.0)
    plain = begin(gradual, end=1.0)  # untouched until its first step
    magnitudes = {layer: plain.network.get_parameter(f"{layer}.weight").detach().abs() for layer in LAYERS}
    plan = plain.setting.space.plan(plain.setting.choose(magnitudes))
    for name, mask in plan.masks.items():
        assert torch.equal(other.hook.masks()[name], mask)
    apply_masks_(plain.network, plan)
    fit(plain.network, replace(plain.course, hook=None, masks=held(plain.network, plan)))
    for key, tensor in plain.network.state_dict().items():
        assert torch.equal(tensor, pruned.network.state_dict()[key]), key


def test_ending_with_the_training_it_reaches_the_target(train):
    trained = train(gradual, axis="ratio", target=0.5, end=1.0)
    gone = {layer: int((trained.network.get_parameter(f"{layer}.weight") == 0).sum()) for layer in LAYERS}
    assert gone == {layer: size // 2 for layer, size in LAYERS.items()}


def test_the_ledger_counts_what_is_left(train):
    trained = train(gradual, axis="ratio", target=0.5, begin=0.5, end=0.5)
    dense, left = trained.course.macs({}), trained.course.macs(trained.hook.masks())
    assert left < dense
    assert trained.states[-1].work == 16 * 3 * (6 * dense + 6 * left)


def test_options_out_of_order_are_refused(begin):
    with pytest.raises(SpecError, match=r"begin = 0.9 and end = 0.75"):
        begin(gradual, begin=0.9)
