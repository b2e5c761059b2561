"""Taylor expansion and connection sensitivity: by hand, and against torch-pruning."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
import torch_pruning as tp
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.nn import functional as F

from fairprune.errors import PruneError
from fairprune.pruning.criteria.snip import snip
from fairprune.pruning.criteria.taylor import taylor
from fairprune.pruning.criterion import Context

WEIGHT = torch.tensor([[3.0, -4.0], [0.0, -1.0]])
Scored = Callable[..., dict[str, Tensor]]


def test_taylor_by_hand() -> None:
    """Squared in each mini-batch, so that signs do not cancel between them."""

    def gates(chunk: int) -> Iterator[dict[str, Tensor]]:
        assert chunk == 5
        return iter([{"fc": torch.tensor([1.0, -2.0])}, {"fc": torch.tensor([-3.0, 0.0])}])

    context = Context({"fc": WEIGHT}, torch.Generator(), "channel", gate_stream=gates)
    assert taylor(context, batch=5).scores["fc"].tolist() == [(1 + 9) / 2, 4 / 2]


def test_taylor_is_that_of_torch_pruning_squared(plain: nn.Module, scored: Scored) -> None:
    """On one mini-batch, of filters without bias. By default torch-pruning sums |w * g|, which the paper does not."""
    network, images, targets = plain.float(), torch.randn(8, 2, 5, 5), torch.arange(8) % 3
    nn.init.zeros_(network[0].bias)
    found = scored(network, "taylor", "channel", batches=lambda: [(images, targets)])["0"]
    twin = copy.deepcopy(network)
    F.cross_entropy(twin(images), targets).backward()
    graph = tp.DependencyGraph().build_dependency(twin, images[:1], verbose=False)

    def theirs(multivariable: bool) -> Tensor:
        importance = tp.importance.GroupTaylorImportance("first", None, multivariable=multivariable)
        return importance(graph.get_pruning_group(twin[0], tp.prune_conv_out_channels, idxs=list(range(4))))

    assert torch.allclose(found, theirs(True).square(), rtol=1e-4)
    assert not torch.allclose(found, theirs(False).square(), rtol=0.1)


def test_taylor_averages_over_mini_batches_of_its_own_size(plain: nn.Module, scored: Scored) -> None:
    one, all_ = (scored(plain, "taylor", options={"batch": size})["3"] for size in (1, 6))
    assert (one >= all_).all()  # a mean of squares, a square of means
    assert not torch.allclose(one, all_)
    with pytest.raises(PruneError, match="chunks of 0 samples"):
        scored(plain, "taylor", options={"batch": 0})


def test_snip_by_hand() -> None:
    gradients = {"a": torch.tensor([[1.0, -0.5], [9.0, 2.0]]), "b": torch.tensor([[-3.0]])}
    context = Context({"a": WEIGHT, "b": torch.tensor([[1.0]])}, torch.Generator(), gradients=gradients)
    found = snip(context).scores
    assert torch.allclose(found["a"], torch.tensor([[0.3, 0.2], [0.0, 0.2]]))
    assert torch.allclose(found["b"], torch.tensor([[0.3]]))


def test_snip_is_the_sensitivity_to_a_mask(plain: nn.Module, scored: Scored, samples: tuple[Tensor, Tensor]) -> None:
    """|dL/dc| for the paper's mask c, all ones, on all samples at once; it sums to one, whatever the loss is worth."""
    weights = {f"{name}.weight": plain.get_submodule(name).get_parameter("weight").detach() for name in ("0", "3")}

    def loss(masks: dict[str, Tensor]) -> Tensor:
        masked = {name: masks[name] * weight for name, weight in weights.items()}
        return F.cross_entropy(functional_call(plain, masked, (samples[0],)), samples[1])

    slopes = grad(loss)({name: torch.ones_like(weight) for name, weight in weights.items()})
    total = sum(slope.abs().sum() for slope in slopes.values())
    found = scored(plain, "snip")
    larger = scored(plain, "snip", loss=lambda outputs, targets: 7 * F.cross_entropy(outputs, targets))
    for name, part in found.items():
        assert torch.allclose(part, slopes[f"{name}.weight"].abs() / total, rtol=1e-9)
        assert torch.allclose(part, larger[name], rtol=1e-9)


def test_snip_without_any_gradient_is_zero() -> None:
    zero = {"a": torch.zeros(2, 2)}
    found = snip(Context({"a": WEIGHT}, torch.Generator(), gradients=zero)).scores["a"]
    assert found.tolist() == [[0, 0], [0, 0]]
