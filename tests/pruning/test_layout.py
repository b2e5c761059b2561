"""Transposed convolutions are scored and mended like the convolutions that compute the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import fairprune as fp
from fairprune import registry
from fairprune.errors import PruneError
from fairprune.pruning.calibration import Source, untouched, weights_of
from fairprune.pruning.criterion import Context, Criterion, Granularity, Scored, Scores, criterion
from fairprune.pruning.granularity.channels import channel_space
from fairprune.pruning.layout import shown, stored
from fairprune.pruning.mending import mend
from fairprune.pruning.needs.contexts import contexts, gather
from fairprune.pruning.plan import ChannelPlan, MaskPlan, Plan
from fairprune.pruning.scoring import Scoring, score

SHAPES = [(4, 4, 1), (4, 6, 1), (6, 4, 1), (4, 4, 2), (4, 6, 2), (4, 4, 4), (4, 8, 4)]  # in, out, groups
EXAMPLE = torch.zeros(1, 2, 4, 4, dtype=torch.float64)
LAYER = "2"


def pair(into: int, out: int, groups: int = 1) -> tuple[nn.Module, nn.Module]:
    """The same function with a transposed convolution, and with a convolution; layers are called alike."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, turned = nn.Conv2d(2, into, 1), nn.ConvTranspose2d(into, out, (2, 3), groups=groups)
        norm, last = nn.BatchNorm2d(out), nn.Linear(out * 5 * 6, 3)
        nn.init.normal_(norm.weight)
    plain = nn.Conv2d(into, out, (2, 3), padding=(1, 2), groups=groups)
    plain.weight.data = shown(turned, turned.weight.data).flip(2, 3)
    plain.bias = turned.bias
    return tuple(
        nn.Sequential(first, nn.ReLU(), layer, norm, nn.ReLU(), nn.Flatten(), last).double()
        for layer in (turned, plain)
    )  # type: ignore[return-value]


def batches() -> Iterator[tuple[Tensor, Tensor]]:
    inputs = torch.randn(5, 2, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    yield from zip(inputs.split(3), (torch.arange(5) % 3).split(3), strict=True)


def scored(
    network: nn.Module, rule: Criterion, granularity: Granularity, layers: Sequence[str] = ("0", LAYER)
) -> Scoring:
    return score(
        network,
        rule,
        {},
        granularity=granularity,
        layers=layers,
        batches=batches,
        loss=F.cross_entropy,
        example=EXAMPLE,
        seed=0,
        batch_norm_of={"0": "0", LAYER: "3"},
    )


@pytest.mark.parametrize(("into", "out", "groups"), SHAPES)
def test_shown_as_the_convolution_that_computes_the_same(into: int, out: int, groups: int) -> None:
    turned, plain = pair(into, out, groups)
    torch.testing.assert_close(turned.eval()(next(batches())[0]), plain.eval()(next(batches())[0]))
    layer = turned.get_submodule(LAYER)
    weight = layer.get_parameter("weight")
    assert shown(layer, weight).shape == (out, into // groups, 2, 3)
    assert torch.equal(stored(layer, shown(layer, weight)), weight)
    assert shown(turned.get_submodule("0"), weight) is weight


@pytest.mark.parametrize(("into", "out", "groups"), SHAPES)
@pytest.mark.parametrize(
    "name",
    ["l1_norm", "l2_norm", "fpgm", "bn_scale", "magnitude", "taylor", "obd_fisher", "activation_weight", "hrank"],
)
def test_channels_score_like_those_of_the_convolution(name: str, into: int, out: int, groups: int) -> None:
    rule = registry.load("criterion", name)
    found, expected = (scored(network, rule, "channel").scores[LAYER] for network in pair(into, out, groups))
    if expected.dim() > 1:
        assert found.shape == (into, out // groups, 2, 3)
        found = shown(nn.ConvTranspose2d(into, out, 1, groups=groups), found).flip(2, 3)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", ["lamp", "snip", "grasp", "synflow", "obs", "taylor", "activation_weight"])
@pytest.mark.parametrize(("into", "out", "groups"), [(4, 4, 1), (4, 6, 2)])
def test_weights_score_like_those_of_the_convolution(name: str, into: int, out: int, groups: int) -> None:
    rule = registry.load("criterion", name)
    found, expected = (scored(network, rule, "weight").scores[LAYER] for network in pair(into, out, groups))
    layer = nn.ConvTranspose2d(into, out, 1, groups=groups)
    torch.testing.assert_close(shown(layer, found).flip(2, 3), expected)


def test_new_weights_of_a_criterion_come_back_in_the_layout_of_the_layer() -> None:
    @criterion(scope="network")
    def doubles(context: Context) -> Scored:
        assert context.weights[LAYER].shape == (6, 4, 2, 3)
        assert context.weights[LAYER].is_contiguous()
        return Scored(context.weights, {name: 2 * weight for name, weight in context.weights.items() if name == LAYER})

    network = pair(4, 6)[0]
    weight = network.get_submodule(LAYER).get_parameter("weight")
    assert torch.equal(scored(network, doubles, "weight").weights[LAYER], 2 * weight)


def test_answers_in_the_layout_of_torch_are_refused() -> None:
    @criterion()
    def as_stored(context: Context) -> Scores:
        return {name: weight.transpose(0, 1) for name, weight in context.weights.items()}

    with pytest.raises(PruneError, match=r"layer '2' have shape \[4, 6, 2, 3\], expected \[6, 4, 2, 3\]"):
        scored(pair(4, 6)[0], as_stored, "weight", [LAYER])


def test_vectors_for_the_hessian_are_of_the_layout_that_is_shown() -> None:
    @criterion(needs=("hessian",))
    def looks(context: Context) -> Scores:
        return {name: weight.abs() for name, weight in context.weights.items()}

    network = pair(4, 6)[0]
    source = Source(network, batches, F.cross_entropy, EXAMPLE)
    with untouched(network):
        [context] = contexts(looks, "weight", gather(looks, source, weights_of(network, [LAYER])), 0)
        assert context.hessian(context.weights)[LAYER].shape == (6, 4, 2, 3)
        with pytest.raises(PruneError, match=r"vector of layer '2' has shape \[4, 6, 2, 3\], expected \[6, 4, 2, 3\]"):
            context.hessian({LAYER: network.get_submodule(LAYER).get_parameter("weight")})


@pytest.mark.parametrize("name", ["l1_norm", "l2_norm", "magnitude", "obd_fisher"])
@pytest.mark.parametrize("out", [4, 6])
def test_the_dead_output_goes_and_the_dead_input_stays(name: str, out: int) -> None:
    network = pair(4, out)[0]
    with torch.no_grad():
        network.get_submodule(LAYER).get_parameter("weight")[2] = 0  # an input
        network.get_submodule(LAYER).get_parameter("weight")[:, 1] = 0  # an output
    space = channel_space(network, EXAMPLE)
    scores = space.group_scores(scored(network, registry.load("criterion", name), "channel").scores, "mean")
    assert int(scores[LAYER].argmin()) == 1
    assert float(scores[LAYER][2]) > 0


def test_pruning_a_network_of_ones_own_removes_the_dead_output() -> None:
    network = pair(4, 4)[0].float()
    with torch.no_grad():
        network.get_submodule(LAYER).get_parameter("weight")[:, 1] = 0
    small = fp.prune(network, EXAMPLE.float(), criterion="l1_norm", target=fp.ratio(0.25))
    assert small.fairprune.plan.kept["2/out"].tolist() == [0, 2, 3]  # type: ignore[union-attr]
    assert small.get_submodule(LAYER).get_parameter("weight").shape == (3, 3, 2, 3)


def mended(network: nn.Module, name: str, plan: Plan) -> Tensor:
    rule = registry.load("repair", name)
    settings = {"batches": batches, "loss": F.cross_entropy, "example": EXAMPLE, "seed": 0, "batch_norm_of": {}}
    return mend(network, plan, rule, {}, **settings).weights[LAYER]  # type: ignore[arg-type]


@pytest.mark.parametrize(("into", "out", "groups"), [(4, 4, 1), (4, 6, 1), (6, 4, 1), (4, 4, 4), (4, 8, 4)])
def test_orthogonal_mends_it_like_the_convolution(into: int, out: int, groups: int) -> None:
    turned, plain = pair(into, out, groups)
    units = torch.arange(0, into, 2)
    kept = torch.tensor([i for i in range(out) if i * groups // out in units]) if groups > 1 else torch.arange(1, out)
    plan = ChannelPlan({"0/out": units, "2/in": units, "2/out": kept, "3/out": kept})
    found, expected = mended(turned, "orthogonal", plan), mended(plain, "orthogonal", plan)
    assert found.shape == (into, out // groups, 2, 3)
    # of tall matrices the order of columns counts, and so do kernels that are flipped
    if groups == 1:
        torch.testing.assert_close(shown(turned.get_submodule(LAYER), found).flip(2, 3), expected)
    rows = shown(turned.get_submodule(LAYER), found)[kept].flatten(1)
    wide = len(rows) < rows.count_nonzero(1).max()
    gram = rows @ rows.T if wide else rows.T @ rows
    torch.testing.assert_close(gram, 2 * torch.eye(len(gram), dtype=gram.dtype))


def test_obs_mends_it_like_the_convolution() -> None:
    turned, plain = pair(4, 6)
    weight = plain.get_submodule(LAYER).get_parameter("weight")
    mask = weight.abs() > weight.abs().median()
    layer = turned.get_submodule(LAYER)
    found = mended(turned, "obs", MaskPlan({"2.weight": stored(layer, mask.flip(2, 3))}))
    expected = mended(plain, "obs", MaskPlan({"2.weight": mask}))
    torch.testing.assert_close(shown(layer, found).flip(2, 3), expected)
