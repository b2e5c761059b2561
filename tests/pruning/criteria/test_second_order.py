"""Optimal brain damage and gradient signal preservation, against derivatives written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jacrev
from torch.nn import functional as F

from fairprune.errors import SpecError
from fairprune.pruning.criteria.brain_damage import obd_fisher, obd_hutchinson
from fairprune.pruning.criteria.grasp import grasp
from fairprune.pruning.criterion import Context

WEIGHT = torch.tensor([[3.0, -4.0], [0.0, -1.0]], dtype=torch.float64)
Scored = Callable[..., dict[str, Tensor]]


def with_hessian(matrix: Tensor, weight: Tensor = WEIGHT) -> Context:
    def product(vectors: Mapping[str, Tensor], _: float = 1.0) -> dict[str, Tensor]:
        return {"fc": (matrix @ vectors["fc"].flatten()).reshape(weight.shape)}

    return Context({"fc": weight}, torch.Generator().manual_seed(2), hessian=product)


def test_one_probe_is_exact_where_the_hessian_is_diagonal() -> None:
    found = obd_hutchinson(with_hessian(torch.diag(torch.tensor([1.0, 0.5, 9.0, -2.0]).double())), probes=1)
    assert found.scores["fc"].tolist() == [[4.5, 4], [0, -1]]  # 1/2 h w^2; removing the last lowers the loss


def test_probes_come_near_the_diagonal_as_their_variance_says() -> None:
    root = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    matrix, probes = root + root.T, 900
    found = obd_hutchinson(with_hessian(matrix, torch.ones(2, 2).double()), probes=probes).scores["fc"].flatten() * 2
    spread = ((matrix.square().sum(1) - matrix.diagonal().square()) / probes).sqrt()
    assert ((found - matrix.diagonal()).abs() < 4 * spread).all()
    assert ((found - matrix.diagonal()).abs() > spread / 1e3).any()  # it is an estimate


def test_probes_are_drawn_from_the_generator_and_there_is_one_at_least() -> None:
    matrix = torch.ones(4, 4).double()
    first, second = (obd_hutchinson(with_hessian(matrix)).scores["fc"] for _ in range(2))
    assert torch.equal(first, second)
    with pytest.raises(SpecError, match="option probes of obd_hutchinson: expected at least 1, got 0"):
        obd_hutchinson(with_hessian(matrix), probes=0)


def test_fisher_by_hand() -> None:
    samples = [torch.tensor([[1.0, 0.5], [9.0, 2.0]]).double(), torch.tensor([[-1.0, 0.5], [0.0, 0.0]]).double()]
    context = Context(
        {"fc": WEIGHT},
        torch.Generator(),
        gradient_stream=lambda chunk, _=1.0: iter([{"fc": gradient} for gradient in samples] * chunk),
    )
    assert obd_fisher(context).scores["fc"].tolist() == [[4.5, 2], [0, 1]]


def loss_of(network: nn.Module, inputs: Tensor, targets: Tensor, temperature: float = 1.0) -> Callable[..., Tensor]:
    def loss(weights: Mapping[str, Tensor]) -> Tensor:
        state = {f"{name}.weight": weight for name, weight in weights.items()}
        return F.cross_entropy(functional_call(network, state, (inputs,)) / temperature, targets)

    return loss


def test_fisher_is_the_mean_over_single_samples(
    plain: nn.Module, scored: Scored, samples: tuple[Tensor, Tensor]
) -> None:
    weights = {name: plain.get_submodule(name).get_parameter("weight").detach() for name in ("0", "3")}
    squares = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for image, target in zip(*samples, strict=True):
        for name, gradient in grad(loss_of(plain, image[None], target[None]))(weights).items():
            squares[name] += gradient**2
    found = scored(plain, "obd_fisher")
    for name, weight in weights.items():
        assert torch.allclose(found[name], weight**2 * squares[name] / len(samples[0]) / 2, rtol=1e-9)


def test_saliencies_of_the_network_are_near_those_of_its_hessian(
    plain: nn.Module, scored: Scored, samples: tuple[Tensor, Tensor]
) -> None:
    weight = plain.get_submodule("3").get_parameter("weight").detach()
    matrix = jacrev(grad(loss_of(plain, *samples)))({"3": weight})["3"]["3"].reshape(48, 48)
    found = scored(plain, "obd_hutchinson", layers=["3"], options={"probes": 200})["3"].flatten()
    oracle = matrix.diagonal() * weight.flatten() ** 2 / 2
    spread = ((matrix**2).sum(1) - matrix.diagonal() ** 2).sqrt() / 200**0.5 * weight.flatten() ** 2 / 2
    assert ((found - oracle).abs() <= 5 * spread).all()  # equal where an input is always zero
    assert torch.corrcoef(torch.stack([found, oracle]))[0, 1] > 0.95


def test_grasp_by_hand() -> None:
    gradient = torch.tensor([[1.0, 0.0], [2.0, -1.0]]).double()

    def stream(chunk: int, temperature: float) -> object:
        assert (chunk > 1e9, temperature) == (True, 200)
        return iter([{"fc": gradient}])

    def product(vectors: Mapping[str, Tensor], temperature: float) -> dict[str, Tensor]:
        assert temperature == 200
        return {"fc": 2 * vectors["fc"]}

    context = Context({"fc": WEIGHT}, torch.Generator(), gradient_stream=stream, hessian=product)  # type: ignore[arg-type]
    assert grasp(context).scores["fc"].tolist() == [[6, 0], [0, 2]]


@pytest.mark.parametrize("temperature", [1.0, 200.0])
def test_grasp_keeps_the_weights_whose_removal_costs_most_gradient(
    plain: nn.Module, scored: Scored, samples: tuple[Tensor, Tensor], temperature: float
) -> None:
    """Without a weight, |g|^2 changes by -2 w Hg to first order: w times the slope of |g|^2, with the other sign."""
    weights = {name: plain.get_submodule(name).get_parameter("weight").detach() for name in ("0", "3")}
    loss = loss_of(plain, *samples, temperature)

    def flow(at: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([gradient.square().sum() for gradient in grad(loss)(at).values()]).sum()

    slope = grad(flow)(weights)
    found = scored(plain, "grasp", options={"temperature": temperature})
    for name, weight in weights.items():
        assert torch.allclose(found[name], weight * slope[name] / 2, rtol=1e-8, atol=1e-18)


def test_grasp_as_the_authors_compute_it(plain: nn.Module, scored: Scored, samples: tuple[Tensor, Tensor]) -> None:
    """They remove the highest of -w times the derivative of g (fixed) * g (with its graph)."""
    weights = [plain.get_submodule(name).get_parameter("weight") for name in ("0", "3")]
    loss = F.cross_entropy(plain(samples[0]) / 200, samples[1])
    fixed = torch.autograd.grad(loss, weights, retain_graph=True)
    moving = torch.autograd.grad(loss, weights, create_graph=True)
    product = torch.autograd.grad(sum((f * m).sum() for f, m in zip(fixed, moving, strict=True)), weights)
    theirs = torch.cat([(-w * p).flatten() for w, p in zip(weights, product, strict=True)])
    ours = torch.cat([part.flatten() for part in scored(plain, "grasp").values()])
    assert torch.equal(theirs.argsort(descending=True)[:30], ours.argsort()[:30])
