"""The training-hook contract: order of calls, state, metering; a hook that does nothing is plain training."""

import copy
from dataclasses import replace

import pytest
import torch

from fairprune.errors import PruneError, SpecError
from fairprune.hook import Hook
from fairprune.pruning.training_method import training_method
from fairprune.train import fit


@training_method(paper="test", granularities=("weight",))
def nothing(_setting):
    """Do nothing."""
    return Hook()


@training_method(paper="test", granularities=("weight",))
def half_masked(setting, *, at: int = 4):
    """From step `at` on, half of the target's weights are masked; the state counts steps and the penalty pulls."""
    steps, weight = torch.zeros(()), dict(setting.network.named_parameters())["0.weight"]
    current = [{}]

    def on_step(now):
        steps.add_(1)
        if now.step + 1 == at:
            restored()

    def restored():
        if steps >= at:
            scores = {name: torch.ones(shape) for name, shape in setting.space.shapes.items()}
            current[0] = setting.space.plan(setting.choose(scores, 0.5)).masks

    return Hook(
        penalty=lambda _: 0.01 * weight.square().sum(),
        on_step=on_step,
        masks=lambda: current[0],
        tensors={"steps": steps},
        restored=restored,
        overhead=lambda step: 1.0 if step == 0 else 0.0,
    )


def test_a_hook_that_does_nothing_is_plain_training(train, begin):
    plain, hooked = begin(nothing), train(nothing)
    fit(plain.network, replace(plain.course, hook=None))
    for name, tensor in plain.network.state_dict().items():
        assert torch.equal(tensor, hooked.network.state_dict()[name])


def test_the_ledger_integrates_over_steps_and_multiply_adds(train):
    trained = train(half_masked, at=4)  # 4 steps of 16 samples an epoch, 3 epochs
    dense, masked = trained.course.macs({}), trained.course.macs(trained.hook.masks())
    assert masked < dense
    assert trained.states[-1].work == 16 * (3 * (4 * dense + 8 * masked) + dense)
    assert [row["macs"] for row in trained.curve] == [dense, masked, masked]


def test_parts_are_called_in_order_with_the_rate(train):
    calls = []

    def spied(hook):
        return replace(
            hook,
            penalty=lambda now: calls.append(("penalty", now.step, now.rate)) or torch.zeros(()),
            on_gradients=lambda now: calls.append(("gradients", now.step)),
            on_step=lambda now: calls.append(("step", now.step)),
            on_epoch=lambda epoch: calls.append(("epoch", epoch)),
        )

    train(nothing, wrap=spied, schedule="constant:0.05 total:0.5")
    assert calls == [
        ("penalty", 0, 0.05),
        ("gradients", 0),
        ("step", 0),
        ("penalty", 1, 0.05),
        ("gradients", 1),
        ("step", 1),
        ("epoch", 1),
    ]


def test_the_penalty_acts_on_the_weights(train):
    pulled, free = train(half_masked), train(nothing)
    assert pulled.network[0].weight.norm() < free.network[0].weight.norm()


def test_stopped_and_resumed_is_as_if_never_stopped(resumes):
    resumes(half_masked)


def test_the_choice_walks_to_the_target(begin):
    trained = begin(nothing, target=4.0)
    scores = {name: torch.rand(shape) for name, shape in trained.setting.space.shapes.items()}
    total = sum(group.size for group in trained.setting.space.groups)
    kept = [sum(map(len, trained.setting.choose(scores, share).values())) for share in (0.0, 0.5, 1.0)]
    assert kept[0] == total
    assert abs(kept[1] - (total + kept[2]) / 2) <= 1
    others = sum(p.numel() for p in trained.network.parameters()) - total
    assert (total + others) / (kept[2] + others) == pytest.approx(4, rel=0.01)


def test_a_method_that_is_not_bound_does_not_learn_the_target(begin):
    free = copy.copy(replace(nothing, bound=False))
    with pytest.raises(PruneError, match="bound=True"):
        begin(free).setting.choose({}, 1.0)


def test_an_option_without_default_is_refused():
    with pytest.raises(SpecError, match="option 'rate' of 'mine' has no default"):

        @training_method(paper="test", granularities=("weight",))
        def mine(_setting, *, rate):  # noqa: ARG001
            return Hook()
