"""The conformance suite of methods that train: built-in ones pass, and every offence is named."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from fairprune import registry
from fairprune.conformance.checking import run
from fairprune.conformance.training import CHECKS, check_training
from fairprune.hook import Hook
from fairprune.pruning.training_method import Setting, TrainingMethod, training_method

QUICK = ("rigl", "slimming")  # the others in `make slow`
NAMES = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in sorted(registry.BUILTIN["training"])
]


@pytest.mark.parametrize("name", NAMES)
def test_built_in_methods_conform(name: str) -> None:
    method = registry.load("training", name)
    results = check_training(method)
    assert len(results) == len(CHECKS) * len(method.granularities)
    assert [result for result in results if not result.passed or result.detail] == []


def test_every_check_can_fail() -> None:
    tried = {next(name for name in CHECKS if name.startswith(check)) for _, check, _ in OFFENCES}
    assert tried == set(CHECKS)


def of(make: Any, **declared: Any) -> TrainingMethod:
    """A method from a function of a setting that returns the parts of a hook."""

    def mine(setting: Setting) -> Hook:
        return Hook(**make(setting))

    how = {"paper": "none", "granularities": ("weight",), "bound": False, "criterion": "magnitude", **declared}
    return training_method(**how)(mine)


def first(setting: Setting) -> nn.Parameter:
    """A weight that can be pruned, and is not spared in any check."""
    return setting.network.get_parameter("head.0.weight")


def ones(setting: Setting) -> dict[str, torch.Tensor]:
    return {layer: torch.ones_like(weight_of(setting, layer)) for layer in setting.space.layers}


def weight_of(setting: Setting, layer: str) -> torch.Tensor:
    return setting.network.get_parameter(f"{layer}.weight").detach()


def nothing(_: Setting) -> dict[str, Any]:
    return {}


def asks(setting: Setting) -> dict[str, Any]:
    setting.choose(ones(setting))
    return {}


def forgets(setting: Setting) -> dict[str, Any]:
    steps = [0]

    def on_step(_now: object) -> None:
        steps[0] += 1
        first(setting).data.mul_(1 - 0.01 * steps[0])

    return {"on_step": on_step}


def forgets_scores(setting: Setting) -> dict[str, Any]:
    scores = ones(setting)
    return {"on_step": lambda _: [score.add_(1) for score in scores.values()], "finish": lambda: scores}


def draws_at_first(_: Setting) -> dict[str, Any]:
    torch.rand(1)
    return {}


def draws_elsewhere(setting: Setting) -> dict[str, Any]:
    return {"on_step": lambda _: first(setting).data.mul_(random.random())}


def hooked(setting: Setting) -> dict[str, Any]:
    setting.network.register_forward_pre_hook(lambda *_: None)
    return {}


def hooked_weight(setting: Setting) -> dict[str, Any]:
    first(setting).register_hook(lambda gradient: gradient)
    return {}


def buffered(setting: Setting) -> dict[str, Any]:
    setting.network.register_buffer("mine", torch.zeros(1))
    return {}


def noted(setting: Setting) -> dict[str, Any]:
    setting.network.mine = 1  # type: ignore[assignment]
    return {}


def frozen(setting: Setting) -> dict[str, Any]:
    def finish() -> None:
        first(setting).requires_grad_(False)

    return {"finish": finish}


def spoils(setting: Setting) -> dict[str, Any]:
    def finish() -> None:
        first(setting).data.fill_(float("nan"))

    return {"finish": finish}


def parametrized(setting: Setting) -> dict[str, Any]:
    parametrize.register_parametrization(setting.network.get_submodule("head.0"), "weight", nn.Identity())
    return {}


def breaks(setting: Setting) -> dict[str, Any]:
    def finish() -> None:
        setting.network.get_buffer("head.1.running_var").fill_(-1)

    return {"finish": finish}


def one_mask(name: str, mask: torch.Tensor) -> Any:
    return lambda _: {"masks": lambda: {name: mask}}


def mask_in_place(setting: Setting) -> dict[str, Any]:
    mask = torch.ones_like(first(setting), dtype=torch.bool)

    def on_step(_: object) -> None:
        mask[0] = False
        first(setting).data.mul_(mask)

    return {"masks": lambda: {"head.0.weight": mask}, "on_step": on_step}


def every_weight(part: str) -> Any:
    def make(setting: Setting) -> dict[str, Any]:
        def act(_: object) -> Any:
            for parameter in setting.network.parameters():
                (parameter.grad if part == "on_gradients" else parameter.data).mul_(0.9)  # type: ignore[union-attr]

        def penalty(_: object) -> torch.Tensor:
            return torch.stack([parameter.square().sum() for parameter in setting.network.parameters()]).sum()

        return {part: penalty if part == "penalty" else act}

    return make


def scored(change: Any) -> Any:
    return lambda setting: {"finish": lambda: change(ones(setting))}


def divides(setting: Setting) -> dict[str, Any]:
    def on_step(_: object) -> None:
        weight = first(setting).data
        weight.div_(weight.flatten(1).norm(dim=1)[:, None, None, None])

    return {"on_step": on_step}


def of_one_type(setting: Setting) -> dict[str, Any]:
    fixed = torch.zeros(16 * 8 * 9)

    def look(_module: nn.Module, _args: object, out: torch.Tensor) -> None:
        if setting.network.training:
            torch.dot(out.flatten(), fixed)

    handle = setting.network.get_submodule("head.0").register_forward_hook(look)
    return {"finish": handle.remove}


def gated(setting: Setting) -> dict[str, Any]:
    """Halves a weight in forward passes, and puts it back before the optimizer moves it, if there is one."""
    weight = first(setting).data

    def halve(*_: object) -> None:
        weight.mul_(0.5)

    handle = setting.network.register_forward_pre_hook(halve)
    return {"on_gradients": lambda _: weight.mul_(2), "finish": handle.remove}


def counts(*, always: bool) -> Any:
    """Counts forward passes, all of them or only those of training."""

    def make(setting: Setting) -> dict[str, Any]:
        passes = torch.zeros(())

        def count(network: nn.Module, _: object) -> None:
            passes.add_(always or network.training)

        handle = setting.network.register_forward_pre_hook(count)
        return {"tensors": {"passes": passes}, "finish": handle.remove}

    return make


GOOD = [
    of(nothing, granularities=("block",)),
    of(counts(always=False)),
    of(lambda s: asks(s) | scored(dict)(s), bound=True, criterion="", granularities=("channel",)),
]


@pytest.mark.parametrize("method", GOOD)
def test_a_good_one_passes(method: TrainingMethod) -> None:
    assert [result for result in check_training(method) if not result.passed or result.detail] == []


OFFENCES = [
    (of(nothing, start="scratch"), "starts and", "start='scratch': expected trained or init"),
    (of(nothing, allocation="globl"), "starts and", "did you mean 'global'"),
    (of(nothing, criterion="magnitud"), "starts and", "did you mean 'magnitude'"),
    (of(nothing, criterion="l1_norm"), "starts and", "scores channel units, not weight units"),
    (of(nothing, criterion="synflow"), "starts and", "scores again while it removes"),
    (of(nothing, criterion="fairprune.stages:Stage"), "starts and", "is no criterion: decorate it"),
    (of(nothing, criterion=""), "trains", "returns no scores, and no criterion is declared"),
    (of(scored(dict)), "trains", "finish returns scores, and criterion='magnitude' ranks instead"),
    (of(scored(lambda s: s | {"no": s["stem.0"]}), criterion=""), "trains", "unknown layer 'no'"),
    (of(scored(lambda s: {"stem.0": s["stem.0"]}), criterion=""), "trains", "no scores for layer 'blocks.0.conv1'"),
    (of(scored(lambda s: {n: v[0] for n, v in s.items()}), criterion=""), "trains", "have shape [2, 3, 3], expect"),
    (of(scored(lambda s: {n: v / 0 for n, v in s.items()}), criterion=""), "trains", "108 values that are NaN or"),
    (of(spoils), "trains", "'head.0.weight' has values that"),
    (of(breaks), "half", "what is left after pruning yields values that are NaN or infinite"),
    (of(hooked), "the network", "after finish without training, a hook of the network is left on the network"),
    (of(hooked_weight), "the network", "a hook of 'weight' of module 'head.0' is left"),
    (of(buffered), "the network", "'mine' of the state_dict is left on the network"),
    (of(noted), "the network", "attribute 'mine' of the network is left"),
    (of(frozen), "the network", "'head.0.weight' of the state_dict is float32 [8, 6, 3, 3], and was float32"),
    (of(parametrized), "the network", "'head.0.parametrizations.weight.original' of the state_dict is left"),
    (of(forgets), "stopped", "resumed, 'stem.0.weight' is another: keep all that is remembered in Hook.tensors"),
    (of(forgets_scores, criterion=""), "stopped", "the score of 'stem.0' is another"),
    (of(draws_at_first), "same seed", "draws from torch's global generator outside of steps"),
    (of(draws_elsewhere), "same seed", "with one seed 'stem.0.weight' is another each time"),
    (of(gated), "validation", "a pass in evaluation mode changes 'head.0.weight' of the network: let forward"),
    (of(counts(always=True)), "validation", "changes 'passes' of Hook.tensors"),
    (of(one_mask("head.7.weight", torch.ones(4, 10) > 0)), "masks", "unknown weight of a prunable layer 'head.7.w"),
    (of(one_mask("head.4.weight", torch.ones(10, 72))), "masks", "is float32 [10, 72], expected bool [10, 72]"),
    (of(one_mask("head.4.weight", torch.ones(72) > 0)), "masks", "is bool [72], expected bool [10, 72]"),
    (of(one_mask("head.4.weight", torch.ones(10, 72) < 0)), "masks", "are off, which are not zero"),
    (of(mask_in_place), "masks", "masks() changes what it returned before"),
    (of(lambda _: {"overhead": lambda _: -1.0}), "masks", "overhead of step 0 is -1.0"),
    (of(nothing, bound=True), "knows", "never asks setting.choose what the target leaves: declare bound=False"),
    (of(asks), "knows", "declare bound=True"),
    (of(every_weight("penalty")), "spared", "penalty acts on 'stem.0.weight'"),
    (of(every_weight("on_gradients")), "spared", "on_gradients acts on 'stem.0.weight'"),
    (of(every_weight("on_step")), "spared", "on_step acts on 'stem.0.weight'"),
    (of(every_weight("on_epoch")), "spared", "on_epoch acts on 'stem.0.weight'"),
    (of(divides), "the same on dead units", "not finite in epoch 1"),
    (of(of_one_type), "the same under bf16", "RuntimeError"),
]


@pytest.mark.parametrize(("method", "check", "message"), OFFENCES)
def test_every_offence_is_named(method: TrainingMethod, check: str, message: str) -> None:
    (found,) = (name for name in CHECKS if name.startswith(check))
    (result,) = run(method, {found: CHECKS[found]})
    assert not result.passed
    assert message in result.detail
