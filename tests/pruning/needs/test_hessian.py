"""Products with the Hessian, against the Hessian written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jacrev
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from fairprune.errors import PruneError
from fairprune.networks.resnet_cifar import resnet20
from fairprune.pruning.calibration import Source, weights_of
from fairprune.pruning.needs.hessian import HESSIAN, hessian_product


def drawn(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {name: torch.randn(w.shape, generator=generator, dtype=w.dtype) for name, w in weights.items()}


@pytest.mark.parametrize("temperature", [1.0, 20.0])
def test_products_are_those_of_the_explicit_hessian(
    source: Source, weights: dict[str, Tensor], loss_of: Callable[..., Tensor], temperature: float
) -> None:
    plain = {name: weight.detach() for name, weight in weights.items()}
    blocks = jacrev(grad(lambda w: loss_of(w, temperature=temperature)))(plain)
    vectors = drawn(weights)
    found = hessian_product(source, weights, vectors, temperature)
    for row, weight in weights.items():
        oracle = sum(torch.tensordot(blocks[row][name], vectors[name], dims=weights[name].dim()) for name in weights)
        assert found[row].shape == weight.shape
        assert torch.allclose(found[row], oracle, rtol=1e-8, atol=1e-12)
    assert (source.meter.samples, source.meter.sample_passes) == (7, 63.0)


def test_layers_left_out_count_as_zeros(source: Source, weights: dict[str, Tensor]) -> None:
    vectors = drawn(weights)
    part = hessian_product(source, weights, {"5": vectors["5"]})
    whole = hessian_product(source, weights, {"5": vectors["5"], "0": torch.zeros_like(weights["0"])})
    assert all(torch.equal(part[name], whole[name]) for name in weights)
    assert part["0"].count_nonzero() > 0  # layers interact


def test_a_loss_that_is_linear_in_the_weights_has_no_curvature(source: Source, weights: dict[str, Tensor]) -> None:
    linear = replace(source, loss=lambda outputs, _: outputs.mean())
    found = hessian_product(linear, {"5": weights["5"]}, {"5": weights["5"]})
    assert found["5"].count_nonzero() == 0


def test_nothing_is_left_behind(source: Source, weights: dict[str, Tensor]) -> None:
    before, vectors = {name: w.clone() for name, w in weights.items()}, drawn(weights)
    kept = {name: v.clone() for name, v in vectors.items()}
    with torch.no_grad():
        first, second = (hessian_product(source, weights, vectors) for _ in range(2))
    for name, weight in weights.items():
        assert torch.equal(first[name], second[name])
        assert torch.equal(vectors[name], kept[name])
        assert torch.equal(weight, before[name])
        assert weight.grad is None


def test_a_product_costs_nine_forward_passes() -> None:
    """Counted by torch: 1 forward, 2 backward, and 6 for going back through both."""
    network, images = resnet20(10, 3).eval(), torch.zeros(1, 3, 32, 32)
    weights = weights_of(network, [name for name, m in network.named_modules() if isinstance(m, nn.Conv2d)])
    source = Source(network, lambda: [(images, torch.zeros(1, dtype=torch.int64))], F.cross_entropy, images)
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        network(images)
    with FlopCounterMode(display=False) as product:
        hessian_product(source, weights, weights)
    assert product.get_total_flops() / forward.get_total_flops() == pytest.approx(HESSIAN, rel=0.01)


class Attention(nn.Module):
    """One head, through the fused operation of torch or written out."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(4, 12), nn.Linear(4, 3)
        self.fused = True

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.inner(x).chunk(3, dim=-1)
        if self.fused:
            seen = F.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None])[:, 0]
        else:
            seen = (query @ key.mT / 2).softmax(-1) @ value
        return self.outer(seen.mean(1))


def test_fused_attention_has_a_hessian_too() -> None:
    network = Attention().double().eval()
    tokens, targets = torch.randn(2, 5, 4, dtype=torch.float64), torch.tensor([0, 2])
    source = Source(network, lambda: [(tokens, targets)], F.cross_entropy, tokens)
    weights = weights_of(network, ["inner", "outer"])
    found = hessian_product(source, weights, weights)
    network.fused = False
    plain = {f"{name}.weight": weight.detach() for name, weight in weights.items()}
    blocks = jacrev(grad(lambda w: F.cross_entropy(functional_call(network, w, (tokens,)), targets)))(plain)
    oracle = sum(torch.tensordot(blocks["inner.weight"][name], plain[name], dims=2) for name in plain)
    assert torch.allclose(found["inner"], oracle, rtol=1e-8, atol=1e-12)


def test_what_cannot_be_done_is_one_line(source: Source, weights: dict[str, Tensor]) -> None:
    with pytest.raises(PruneError, match=r"a vector for unknown layer '1' \(known: 0, 5\)"):
        hessian_product(source, weights, {"1": torch.zeros(3)})
    with pytest.raises(PruneError, match=r"the vector of layer '5' has shape \[3\], expected \[3, 16\]"):
        hessian_product(source, weights, {"5": torch.zeros(3)})

    def aligned(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.ctc_loss(outputs.log_softmax(-1)[:, None], torch.ones_like(targets[:1, None]), [len(outputs)], [1])

    with pytest.raises(PruneError, match=r"no Hessian: .*ctc_loss.*not implemented; take a criterion that needs g"):
        hessian_product(replace(source, loss=aligned), weights, weights)
