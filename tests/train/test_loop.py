"""The training loop: exact steps, exact resumption, masks that hold, divergence that is named."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from fairprune import schedules
from fairprune.data.batches import Loader
from fairprune.data.resident import ResidentSplit
from fairprune.execute.partial import Saver
from fairprune.hook import Hook
from fairprune.measure.accuracy import classification
from fairprune.optimizers import make_optimizer
from fairprune.spec import Optimizer, Recipe
from fairprune.train import Course, DivergedError, fit

CPU = torch.device("cpu")


def split(n=24, name="train"):
    generator = torch.Generator().manual_seed(n)
    images = torch.randint(0, 256, (n, 1, 4, 4), dtype=torch.uint8, generator=generator)
    labels = torch.arange(n) % 3
    images[:, 0, 0, 0] = (labels * 100).to(torch.uint8)
    return ResidentSplit(name, "", labels, images)


def course(schedule="constant:0.1 total:2", masks=(), loader=None, **recipe):
    recipe = Recipe(schedule=schedule, **{"batch_size": 8, **recipe})
    train = loader or Loader(split(), recipe.batch_size, CPU, (0.5,), (0.25,))
    validation = Loader(split(9, "validation"), 9, CPU, (0.5,), (0.25,))
    return Course(recipe, schedules.parse(schedule), train, validation, classification, seed=3, masks=masks)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(12, 3)
    )


def test_one_sgd_step_by_hand():
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    before = copy.deepcopy(net)
    plan = course("constant:0.5 total:1", optimizer=Optimizer(momentum=0.9, weight_decay=0.01), batch_size=24)
    (images, targets), *_ = list(plan.train.ordered())
    weight = before[1].weight
    loss = classification.loss(before(images), targets)
    (gradient,) = torch.autograd.grad(loss, weight)
    fit(net, plan)
    assert torch.allclose(net[1].weight, weight - 0.5 * (gradient + 0.01 * weight), atol=1e-6)


def test_the_rate_of_a_step_is_the_schedules_at_its_middle():
    rates = []
    net = network()
    plan = course("linear:1->0 total:2")
    step = torch.optim.SGD.step

    def spy(self, *args, **kwargs):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.SGD, "step", spy)
        fit(net, plan)
    assert rates == pytest.approx([1 - (k + 0.5) / 6 for k in range(6)])


def test_a_schedule_may_end_within_an_epoch():
    plan = course("constant:0.1 total:1.34")
    assert plan.steps == 4
    curve = fit(network(), plan)
    assert [row["epoch"] for row in curve] == pytest.approx([1, 4 / 3])


def test_an_empty_schedule_changes_nothing():
    net = network()
    before = copy.deepcopy(net.state_dict())
    assert fit(net, course("none")) == []
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


@pytest.mark.parametrize("optimizer", [Optimizer(), Optimizer(name="adam"), Optimizer(nesterov=True, decay_all=False)])
def test_resuming_from_a_saved_epoch_is_bitwise_the_same(tmp_path, optimizer):
    plan = course("cosine:0.1->0.001 total:4", optimizer=optimizer, augment=("flip",), checkpoint="best")
    whole = network()
    expected = fit(whole, plan)
    saver = Saver(tmp_path, "k")

    class StopError(Exception):
        pass

    def save_and_stop(state):
        saver.save(state)
        if state.epoch == 2:
            raise StopError

    with pytest.raises(StopError):
        fit(network(), plan, on_epoch=save_and_stop)
    resumed = network()
    torch.manual_seed(99)
    curve = fit(resumed, plan, resume=saver.load())
    assert curve == expected
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_masks_hold_against_momentum_and_decay():
    net = network()
    mask = torch.rand(net[0].weight.shape, generator=torch.Generator().manual_seed(1)) > 0.5
    with torch.no_grad():
        net[0].weight.mul_(mask)
    fit(net, course("constant:0.1 total:3", masks=((net[0].weight, mask),)))
    assert torch.equal(net[0].weight != 0, mask)


def test_training_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    net = network()
    torch.manual_seed(5)
    fit(net, course())
    assert torch.equal(torch.rand(3), expected)


def test_divergence_names_its_epoch():
    net = network()
    with pytest.raises(DivergedError, match="epoch 1"):
        fit(net, course("constant:1e30 total:2"))


def test_weights_that_the_last_step_broke_are_divergence():
    with pytest.raises(DivergedError, match="weights not finite in epoch 1"):
        fit(network(), course("constant:1e38 total:0.34", optimizer=Optimizer(weight_decay=1e5)))


def test_what_the_last_step_broke_in_a_methods_state_is_divergence():
    memory = {"count": torch.zeros((), dtype=torch.int64), "gate": torch.zeros(2)}

    def on_step(now):
        if now.step == 3:  # the first of the second epoch, and the last of all
            memory["gate"][1] = float("inf")

    plan = replace(course("constant:0.1 total:1.34"), hook=Hook(on_step=on_step, tensors=memory))
    with pytest.raises(DivergedError, match="gate of the method not finite in epoch 2"):
        fit(network(), plan)


@pytest.mark.parametrize(("broken", "expected"), [(True, DivergedError), (False, ValueError)])
def test_a_method_that_cannot_go_on_with_broken_weights_has_diverged(broken, expected):
    net = network()

    def on_step(_):
        if broken:
            net[0].weight.data.fill_(float("nan"))
        raise ValueError("no scores")

    with pytest.raises(expected, match="weights not finite in epoch 1" if broken else "no scores"):
        fit(net, replace(course(), hook=Hook(on_step=on_step)))


def test_the_best_checkpoint_is_the_one_that_validation_saw_best():
    plan = course("constant:0.3 total:8", checkpoint="best")
    net, states = network(), []
    curve = fit(net, plan, on_epoch=lambda state: states.append({n: t.clone() for n, t in state.network.items()}))
    best = max(range(len(curve)), key=lambda i: (curve[i]["top1"], -i))
    assert all(torch.equal(tensor, states[best][name]) for name, tensor in net.state_dict().items())


def test_batch_norm_and_biases_can_be_spared_from_decay():
    groups = make_optimizer(network(), Optimizer(decay_all=False, weight_decay=0.1)).param_groups
    assert [(g["weight_decay"], sorted(p.ndim for p in g["params"])) for g in groups] == [(0.1, [2, 4]), (0.0, [1] * 4)]


def test_same_seed_same_weights_and_another_seed_others():
    nets = [network() for _ in range(3)]
    plans = [course(), course(), Course(**{**vars(course()), "seed": 4})]
    for net, plan in zip(nets, plans, strict=True):
        fit(net, plan)
    assert torch.equal(nets[0][5].weight, nets[1][5].weight)
    assert not torch.equal(nets[0][5].weight, nets[2][5].weight)


def test_the_training_loss_of_an_epoch_is_the_mean_over_its_samples():
    """24 samples in batches of 9, 9 and 6, at a rate of zero: the smaller batch counts for less."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    plan = course("constant:0 total:1", batch_size=9)
    images, targets = (torch.cat(parts) for parts in zip(*plan.train.ordered(), strict=True))
    with torch.no_grad():
        expected = classification.loss(net(images), targets).item()
    (row,) = fit(net, plan)
    assert row["train_loss"] == pytest.approx(expected, rel=1e-6)
