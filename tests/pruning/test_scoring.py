from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune import registry, seeds
from fairprune.errors import PruneError, SpecError
from fairprune.pruning.criterion import Context, Criterion, Need, Scored, Scores, criterion
from fairprune.pruning.scoring import Scoring, score


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(16, 3))


def batches() -> Iterator[tuple[Tensor, Tensor]]:
    torch.rand(3)  # batches that draw from the global generator are contained as well
    generator = torch.Generator().manual_seed(0)
    for size in (5, 2):
        yield torch.randn(size, 1, 4, 4, generator=generator), torch.arange(size) % 3


def run(
    rule: Criterion, net: nn.Module | None = None, options: dict[str, Any] | None = None, **changes: Any
) -> Scoring:
    settings: dict[str, Any] = {
        "granularity": rule.granularities[0],
        "layers": ["0", "5"],
        "batches": batches,
        "loss": F.cross_entropy,
        "example": torch.zeros(1, 1, 4, 4),
        "seed": 11,
        "batch_norm_of": {"0": "1"},
    }
    return score(net or network(), rule, options or {}, **(settings | changes))


@criterion()
def ones(context: Context) -> Scores:
    return {name: torch.ones_like(w) for name, w in context.weights.items()}


BUILTIN = {"random": 0.0, "magnitude": 0.0, "gradient_weight": 3.0, "activation_weight": 1.0, "l1_norm": 0.0}


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_scores_and_their_cost(name: str) -> None:
    found = run(registry.load("criterion", name))
    assert list(found.scores) == ["0", "5"]
    assert found.sample_passes == 7 * BUILTIN[name]
    assert found.samples == (7 if BUILTIN[name] else 0)


def test_gradient_weight_against_an_oracle() -> None:
    net, data = network().eval(), list(batches())
    loss = F.cross_entropy(net(torch.cat([x for x, _ in data])), torch.cat([y for _, y in data]))
    (oracle,) = torch.autograd.grad(loss, [net[5].weight])
    found = run(registry.load("criterion", "gradient_weight"), net)
    assert torch.allclose(found.scores["5"], (oracle * net[5].weight).abs(), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_the_network_is_left_as_it_was(name: str) -> None:
    net = network().train()
    net[1].eval()
    net[5].weight.grad = torch.full_like(net[5].weight, 7.0)
    net[5].bias.requires_grad_(False)
    before = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    random_state = torch.get_rng_state()
    run(registry.load("criterion", name), net)
    assert torch.equal(random_state, torch.get_rng_state())
    assert all(torch.equal(tensor, before[key]) for key, tensor in net.state_dict().items())
    assert [m.training for m in net] == [True, False, True, True, True, True]
    assert [p.requires_grad for p in net.parameters()] == [True] * 5 + [False]
    assert (net[5].weight.grad == 7).all()
    assert net[0].weight.grad is None
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_hooks_are_removed_after_a_failure() -> None:
    net = network()

    def broken() -> Iterator[tuple[Tensor, Tensor]]:
        yield from batches()
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 (ours, without a message)
        run(registry.load("criterion", "activation_weight"), net, batches=broken)
    assert net.training
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_a_criterion_gets_copies() -> None:
    @criterion(needs=("batch_norm",))
    def vandal(context: Context) -> Scores:
        torch.rand(4)
        return {name: w.zero_() + context.batch_norm[name].zero_().sum() for name, w in context.weights.items()}

    net = network()
    before, state = net[0].weight.clone(), torch.get_rng_state()
    run(vandal, net, layers=["0"])
    assert torch.equal(net[0].weight, before)
    assert (net[1].weight == 1).all()
    assert torch.equal(state, torch.get_rng_state())


def test_scope_decides_how_often_and_with_what_it_is_called() -> None:
    def recording(calls: list[tuple[list[str], int]]) -> Callable[[Context], Scores]:
        def record(context: Context) -> Scores:
            calls.append((list(context.weights), context.generator.initial_seed()))
            return dict(context.weights)

        return record

    layer: list[tuple[list[str], int]] = []
    run(criterion()(recording(layer)))
    assert layer == [(["0"], seeds.derive("criterion", 11, "0")), (["5"], seeds.derive("criterion", 11, "5"))]
    whole: list[tuple[list[str], int]] = []
    run(criterion(scope="network")(recording(whole)))
    assert whole == [(["0", "5"], seeds.derive("criterion", 11, "*"))]


def test_random_scores_depend_on_seed_and_layer_only() -> None:
    random = registry.load("criterion", "random")
    first = run(random).scores
    assert torch.equal(first["5"], run(random, layers=["5"]).scores["5"])
    assert not torch.equal(first["5"], run(random, seed=12).scores["5"])


def test_new_weights_are_returned() -> None:
    @criterion()
    def update(context: Context) -> Scored:
        return Scored(context.weights, {name: w * 2 for name, w in context.weights.items()})

    net = network()
    assert torch.equal(run(update, net).weights["5"], net[5].weight * 2)


def test_channels_may_be_scored_by_filter_or_by_weight() -> None:
    @criterion()
    def by_filter(context: Context) -> Scores:
        return {name: torch.arange(len(w)) for name, w in context.weights.items()}

    found = run(by_filter, granularity="channel").scores["5"]
    assert found.tolist() == [0.0, 1.0, 2.0]
    assert found.is_floating_point()
    assert run(ones, granularity="channel").scores["5"].shape == (3, 16)
    with pytest.raises(PruneError, match=r"scores of layer '0' have shape \[4\], expected \[4, 1, 3, 3\]"):
        run(by_filter, granularity="weight")


def returning(value: Any) -> Criterion:
    def bad(context: Context) -> Any:
        return value(context) if callable(value) else value

    return criterion()(bad)


NAN = torch.full((4, 1, 3, 3), float("nan"))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.ones(3), r"criterion 'bad' returned Tensor, expected layer name -> scores"),
        ({}, r"criterion 'bad' returned no scores for layer '0'"),
        ({"1": 0}, r"criterion 'bad' returned scores for unknown layer '1'"),
        ({"0": 3.0}, r"criterion 'bad': scores of layer '0' are float, expected a tensor"),
        ({"0": torch.ones(2)}, r"criterion 'bad': scores of layer '0' have shape \[2\]"),
        ({"0": NAN}, r"criterion 'bad': scores of layer '0' have 36 values that are NaN or infinite"),
        ({"0": NAN.nan_to_num(float("-inf"))}, r"scores of layer '0' have 36 values"),
        (lambda c: Scored(c.weights, {"0": NAN}), r"criterion 'bad': weights of layer '0' have 36 values"),
        (lambda c: Scored(c.weights, {"x": NAN}), r"criterion 'bad' returned weights for unknown layer 'x'"),
        (lambda c: c.gradients["0"], r"criterion 'bad' reads gradients without declaring it"),
    ],
)
def test_bad_results_are_refused_by_criterion_and_layer(value: Any, message: str) -> None:
    with pytest.raises(PruneError, match=message):
        run(returning(value))


def test_unknown_options_are_refused_with_the_nearest() -> None:
    @criterion()
    def powered(context: Context, *, power: int = 1) -> Scores:
        return {name: w.abs() ** power for name, w in context.weights.items()}

    assert torch.equal(run(powered, options={"power": 2}).scores["5"], network()[5].weight.abs() ** 2)
    with pytest.raises(SpecError, match=r"unknown option of criterion 'powered' 'powr'; did you mean 'power'"):
        run(powered, options={"powr": 2})


def test_a_criterion_that_does_not_fit_is_refused() -> None:
    bn_scale = registry.load("criterion", "bn_scale")
    assert run(bn_scale, layers=["0"]).scores["0"].tolist() == [1, 1, 1, 1]
    with pytest.raises(PruneError, match=r"'bn_scale' needs a batch norm .* behind layer '5', which has none: spare"):
        run(bn_scale)
    with pytest.raises(PruneError, match=r"criterion 'bn_scale' scores channel units, not weight units"):
        run(bn_scale, granularity="weight")
    plain = network()
    plain[1] = nn.BatchNorm2d(4, affine=False)
    with pytest.raises(PruneError, match=r"behind layer '0', which has none"):
        run(bn_scale, plain, layers=["0"])


READS: dict[str, Callable[[Context], Any]] = {
    "gradients": lambda context: context.gradients["0"],
    "activations": lambda context: context.activations["0"],
    "batch_norm": lambda context: context.batch_norm["0"],
    "gradient_stream": lambda context: context.gradient_stream(1),
    "gate_stream": lambda context: context.gate_stream(1),
    "hessian": lambda context: context.hessian(context.weights),
    "outputs": lambda context: context.outputs(),
    "flow": lambda context: context.flow["0"],
    "taps": lambda context: context.taps["0"],
}


@pytest.mark.parametrize("need", get_args(Need))
def test_every_need_has_to_be_declared(need: Need) -> None:
    def greedy(context: Context) -> Scores:
        READS[need](context)
        return dict(context.weights)

    others = tuple(other for other in ("gradient_stream", "gate_stream", "hessian", "outputs", "flow") if other != need)
    with pytest.raises(PruneError, match=f"criterion 'greedy' reads {need} without declaring it"):
        run(criterion(needs=others)(greedy))  # type: ignore[arg-type]


def test_streams_are_those_of_the_layers_at_hand_and_every_pass_is_charged() -> None:
    seen: list[list[str]] = []

    @criterion(needs=("gradient_stream", "hessian", "outputs", "flow", "gradients"))
    def curious(context: Context) -> Scores:
        (name,) = context.weights
        parts = [*context.gradient_stream(4), context.hessian(context.weights), *context.outputs()]
        seen.extend([*map(list, parts), list(context.flow), list(context.gradients)])
        return {name: context.flow[name].double()}

    net = network()
    before = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    found = run(curious, net)
    assert seen == [["0"]] * 7 + [["5"]] * 7
    assert found.samples == 7
    assert found.sample_passes == 3 + 7 * 3 + 2 * 7 * (3 + 9 + 1)  # flow and gradients once, streams for each layer
    assert found.scores["5"].dtype == torch.float64
    assert all(torch.equal(tensor, before[key]) for key, tensor in net.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in net.parameters())
