"""LASSO selection of channels, against scikit-learn, and normal equations against the regressors laid out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso, lasso_path
from torch import Tensor, nn

from fairprune.errors import SpecError
from fairprune.pruning.criteria.regression import chosen, lasso, normal_equations, regression
from fairprune.pruning.criterion import Context, Tap
from fairprune.pruning.granularity.channels import channel_space
from fairprune.pruning.repairs.least_squares import least_squares
from fairprune.pruning.sequence import walk


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tap(units: int = 8, *, samples: int = 60, out: int = 5, kernel: int = 3, seed: int = 1, noise: float = 0.0) -> Tap:
    """Correlated inputs, as behind a convolution."""
    mixing = torch.eye(units) + 0.4 * drawn(units, units, seed=seed + 2)
    inputs = torch.einsum("ski,ij->sjk", drawn(samples, kernel, units, seed=seed), mixing).relu()
    weight = drawn(out, units, kernel, seed=seed + 1) * torch.linspace(0.2, 2, units)[:, None]
    outputs = torch.einsum("sik,oik->so", inputs, weight) + noise * drawn(samples, out, seed=seed + 3)
    return Tap(inputs, outputs, weight, torch.arange(units))


def ranks(*taps: Tap, count: int = 4, per_unit: int = 1, **options: float) -> Tensor:
    units = 1 + max(int(tap.units.max()) for tap in taps)
    context = Context(
        {"producer": torch.zeros(units * per_unit, 2)},
        torch.Generator(),
        "channel",
        taps={f"reader{i}": tap for i, tap in enumerate(taps)},
        count=count,
    )
    return regression(context, **options).scores["producer"]


def laid_out(one: Tap, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Z [samples * outputs, units] with unit weights, and what is left of Y beside other groups' inputs."""
    columns = []
    for unit in range(units):
        mine = one.units == unit
        weight = one.weight[:, mine].double()
        columns.append(torch.einsum("sik,oik->so", one.inputs[:, mine].double(), weight / weight.norm()).reshape(-1))
    other = one.units < 0
    fixed = torch.einsum("sik,oik->so", one.inputs[:, other].double(), one.weight[:, other].double())
    return torch.stack(columns, 1).numpy(), (one.outputs.double() - fixed).reshape(-1).numpy()


def test_it_declares_where_it_belongs() -> None:
    assert (regression.scope, regression.needs, regression.granularities) == ("sequence", ("taps",), ("channel",))
    assert (regression.allocation, regression.repair) == ("uniform", "least_squares")


@pytest.mark.parametrize(
    "units", [torch.arange(6), torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([1, -1, 0, -1, 2, 0])]
)
@pytest.mark.parametrize("block", [4, 1024])
def test_normal_equations(monkeypatch: pytest.MonkeyPatch, units: Tensor, block: int) -> None:
    monkeypatch.setattr("fairprune.pruning.criteria.regression.BLOCK", block)
    one, number = replace(tap(6, noise=0.5), units=units), int(units.max()) + 1
    gram, moments = normal_equations([one], number)
    z, y = laid_out(one, number)
    np.testing.assert_allclose(gram, z.T @ z, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(moments, z.T @ y, rtol=1e-9, atol=1e-9)


def test_normal_equations_of_several_readers_with_a_common_norm() -> None:
    first, second = tap(3, out=2), tap(3, out=4, seed=7)
    gram, _ = normal_equations([first, second], 3)
    norm = (first.weight.square().sum((0, 2)) + second.weight.square().sum((0, 2))).sqrt().double().numpy()
    parts = [normal_equations([one], 3)[0] * np.outer(own, own) for one in (first, second) for own in [_norms(one)]]
    np.testing.assert_allclose(gram, sum(parts) / np.outer(norm, norm), rtol=1e-6)


def _norms(one: Tap) -> np.ndarray:
    return one.weight.double().square().sum((0, 2)).sqrt().numpy()


def test_lasso_by_hand() -> None:
    # b = soft(m, penalty) / g where units do not overlap
    found = lasso(np.diag([2.0, 4.0, 1.0]), np.array([3.0, -2.0, 0.5]), 1.0, np.zeros(3), 1e-12, 100)
    np.testing.assert_allclose(found, [1.0, -0.25, 0.0])


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
@pytest.mark.parametrize("seed", range(3))
def test_lasso_is_scikit_learns(seed: int, share: float) -> None:
    z, y = laid_out(tap(seed=seed, noise=1.0), 8)
    gram, moments = z.T @ z, z.T @ y
    penalty = share * np.abs(moments).max()
    oracle = Lasso(alpha=penalty / len(y), fit_intercept=False, tol=1e-12, max_iter=100_000).fit(z, y)
    found = lasso(gram, moments, penalty, np.zeros(8), 1e-10, 100_000)
    np.testing.assert_allclose(found, oracle.coef_, rtol=1e-5, atol=1e-8)
    assert np.array_equal(found != 0, oracle.coef_ != 0)
    elsewhere = lasso(gram, moments, penalty, np.linspace(-3, 3, 8), 1e-10, 100_000)
    np.testing.assert_allclose(elsewhere, found, rtol=1e-5, atol=1e-8)


def test_the_smallest_penalty_with_no_more_than_count() -> None:
    one = tap(noise=1.0)
    z, y = laid_out(one, 8)
    alphas = np.geomspace(1, 1e-5, 2000) * np.abs(z.T @ y).max() / len(y)
    _, path, _ = lasso_path(z, y, alphas=alphas, tol=1e-8)
    numbers = np.count_nonzero(path, axis=0)
    for count in range(1, 8):
        # raised from the smallest, as in the paper, the first penalty with no more than that many
        last = np.flatnonzero(numbers <= count).max()
        expected = np.flatnonzero(path[:, last]).tolist()
        found, before = chosen(z.T @ z, z.T @ y, count, 1e-6, 10_000)
        assert np.flatnonzero(found).tolist() == expected
        assert np.count_nonzero(before) > count
        kept = ranks(one, count=count, tolerance=1e-6).argsort()[-count:]
        assert set(expected) <= set(kept.tolist())


def test_ranks_are_a_permutation_with_selected_units_on_top() -> None:
    one = tap()
    for count in range(1, 9):
        assert sorted(ranks(one, count=count).tolist()) == list(range(8))


def test_places_that_are_left_go_to_those_selected_just_below(monkeypatch: pytest.MonkeyPatch) -> None:
    at, before = np.array([0.0, -1.0, 0.0, 0.0]), np.array([5.0, 0.1, -2.0, 0.0])
    monkeypatch.setattr("fairprune.pruning.criteria.regression.chosen", lambda *_: (at, before))
    assert ranks(tap(4), count=2).tolist() == [2, 3, 1, 0]


def test_a_unit_that_says_everything_is_kept() -> None:
    one = tap()
    only = replace(one, outputs=torch.einsum("sk,ok->so", one.inputs[:, 2], one.weight[:, 2]))
    assert int(ranks(only, count=1).argmax()) == 2


def test_units_in_another_order() -> None:
    one, order = tap(6), torch.tensor([3, 0, 5, 1, 4, 2])
    turned = Tap(one.inputs[:, order], one.outputs, one.weight[:, order], torch.arange(6))
    assert torch.equal(ranks(turned, count=3), ranks(one, count=3)[order])


def test_scale_of_the_data_does_not_matter() -> None:
    one = tap()
    louder = replace(one, inputs=one.inputs * 1e4, outputs=one.outputs * 1e4)
    assert torch.equal(ranks(louder), ranks(one))
    heavier = replace(one, weight=one.weight * 1e-6, outputs=one.outputs * 1e-6)
    assert torch.equal(ranks(heavier), ranks(one))


def test_dead_and_copied_units() -> None:
    one = tap()
    one.inputs[:, 4] = 0
    one.weight[:, 2] = 0
    one.inputs[:, 6], one.weight[:, 6] = one.inputs[:, 5], one.weight[:, 5]
    dead = replace(one, outputs=torch.einsum("sik,oik->so", one.inputs, one.weight))
    assert set(ranks(dead, count=5)[[2, 4]].tolist()) == {0, 1}
    assert sorted(ranks(dead, count=8).tolist()) == list(range(8))
    for empty in (
        replace(one, outputs=torch.zeros_like(one.outputs)),
        replace(one, inputs=torch.zeros_like(one.inputs)),
    ):
        assert sorted(ranks(empty).tolist()) == list(range(8))
    assert ranks(tap(1), count=1).tolist() == [0]


def test_channels_of_one_unit_score_alike() -> None:
    assert ranks(tap(3), count=2, per_unit=2).reshape(3, 2).diff(dim=1).abs().sum() == 0


def test_exactly_count_are_kept_in_a_network_and_options_are_known() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 16, 5), nn.ReLU(), nn.Linear(5, 3)
    )
    space = channel_space(network, torch.zeros(1, 2, 6, 6))
    images = drawn(30, 2, 6, 6)
    options = {"batches": lambda: [(images, torch.zeros(30))], "seed": 0, "repair": least_squares}
    walked = walk(network, space, regression, {"sweeps": 50}, {"0": 4, "3": 2}, **options)
    assert [len(kept) for kept in walked.kept.values()] == [4, 2]
    with pytest.raises(SpecError, match="unknown option of criterion 'regression' 'sweep'; did you mean 'sweeps'"):
        walk(network, space, regression, {"sweep": 50}, {"0": 4}, **options)
