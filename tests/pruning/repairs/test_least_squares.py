"""Reconstruction by least squares, against scikit-learn and torch.linalg."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, Ridge
from torch import Tensor

from fairprune.pruning.criterion import Context, Tap
from fairprune.pruning.repairs.least_squares import change, least_squares


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tap(inputs: int = 6, *, samples: int = 100, out: int = 4, kernel: int = 3, noise: float = 0.3) -> Tap:
    """What a pruned network yields is not quite what the dense one did."""
    dense, weight = drawn(samples, inputs, kernel).relu(), drawn(out, inputs, kernel, seed=2)
    outputs = torch.einsum("sik,oik->so", dense, weight)
    return Tap(dense + noise * drawn(samples, inputs, kernel, seed=3), outputs, weight, torch.arange(inputs))


def mended(one: Tap, kept: list[int] | slice, **options: float) -> Tensor:
    """[out, in, kernel positions]"""
    remaining = torch.zeros(one.weight.shape, dtype=torch.bool)
    remaining[:, kept] = True
    context = Context({"layer": one.weight}, torch.Generator(), "channel", taps={"layer": one})
    return least_squares(context, {"layer": remaining}, **options)["layer"]


def error(one: Tap, weight: Tensor) -> float:
    made = torch.einsum("sik,oik->so", one.inputs.double(), weight.double())
    return float((one.outputs.double() - made).square().sum())


KEPT = [0, 2, 3]


def test_it_is_the_least_squares_solution() -> None:
    one = tap()
    inputs = one.inputs[:, KEPT].flatten(1).double().numpy()
    oracle = LinearRegression(fit_intercept=False).fit(inputs, one.outputs.double().numpy())
    found = mended(one, KEPT, ridge=1e-12)
    np.testing.assert_allclose(found[:, KEPT].flatten(1).numpy(), oracle.coef_, rtol=1e-6, atol=1e-8)
    assert found[:, [1, 4, 5]].abs().sum() == 0


@pytest.mark.parametrize("samples", [100, 5])  # more samples than inputs, and fewer
def test_the_ridge_pulls_towards_the_weights_as_they_stand(samples: int) -> None:
    one = tap(samples=samples)
    inputs, start = one.inputs[:, KEPT].flatten(1).double(), one.weight[:, KEPT].flatten(1).double()
    penalty = 0.1 * float(inputs.square().sum(0).mean())
    missing = one.outputs.double() - inputs @ start.T
    oracle = Ridge(alpha=penalty, fit_intercept=False, solver="svd").fit(inputs.numpy(), missing.numpy())
    found = mended(one, KEPT, ridge=0.1)[:, KEPT].flatten(1)
    np.testing.assert_allclose(found.numpy(), start.numpy() + oracle.coef_, rtol=1e-7, atol=1e-9)


def test_both_systems_have_one_solution() -> None:
    inputs, missing = drawn(7, 8).double(), drawn(7, 2, seed=2).double()
    narrow = change(inputs, missing, 0.01)
    padded = change(torch.cat([inputs, torch.zeros(3, 8)]), torch.cat([missing, torch.zeros(3, 2)]), 0.01)
    torch.testing.assert_close(narrow, padded)


@pytest.mark.parametrize("samples", [3, 18, 19, 100])
@pytest.mark.parametrize("ridge", [1e-6, 1.0])
def test_the_error_never_grows(samples: int, ridge: float) -> None:
    one = tap(samples=samples)
    cut = one.weight.clone()
    cut[:, [1, 4, 5]] = 0
    assert error(one, mended(one, KEPT, ridge=ridge)) < error(one, cut)


def test_with_everything_kept_nothing_changes() -> None:
    one = tap(noise=0.0)
    torch.testing.assert_close(mended(one, slice(None)).float(), one.weight, rtol=1e-4, atol=1e-5)


def test_what_goes_on_the_samples_is_made_up_for_where_it_can_be() -> None:
    one = tap(noise=0.0)
    one.inputs[:, 5] = 2 * one.inputs[:, 0] - one.inputs[:, 3]
    exact = replace(one, outputs=torch.einsum("sik,oik->so", one.inputs, one.weight))
    found = mended(exact, [0, 1, 2, 3, 4])
    assert error(exact, found) < 1e-6 * float(exact.outputs.square().sum())
    torch.testing.assert_close(found[:, 0].float(), one.weight[:, 0] + 2 * one.weight[:, 5], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found[:, 3].float(), one.weight[:, 3] - one.weight[:, 5], rtol=1e-3, atol=1e-4)


def test_dead_inputs_keep_their_weights() -> None:
    one = tap()
    one.inputs[:, 2] = 0
    found = mended(one, KEPT)
    assert found.isfinite().all()
    torch.testing.assert_close(found[:, 2].float(), one.weight[:, 2])
    nothing = replace(one, inputs=torch.zeros_like(one.inputs))
    torch.testing.assert_close(mended(nothing, KEPT)[:, KEPT].float(), one.weight[:, KEPT])


def test_copies_share_what_they_carry() -> None:
    one = tap()
    one.inputs[:, 2] = one.inputs[:, 0]
    found = mended(one, KEPT)
    assert found.isfinite().all()
    assert found.abs().max() < 100


def test_the_weight_has_the_shape_of_the_layers() -> None:
    one = tap(kernel=4)
    remaining = torch.ones(4, 6, 2, 2, dtype=torch.bool)
    remaining[:, 0] = False
    context = Context({"conv": one.weight}, torch.Generator(), "channel", taps={"conv": one})
    found = least_squares(context, {"conv": remaining})["conv"]
    assert found.shape == (4, 6, 2, 2)
    torch.testing.assert_close(found.flatten(2), mended(one, [1, 2, 3, 4, 5]))
