"""Criteria that see calibration data: what they leave unchanged, and their declarations."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fairprune import registry

Scored = Callable[..., dict[str, Tensor]]
UNITS = [("taylor", "weight"), ("taylor", "channel"), ("obd_fisher", "weight"), ("snip", "weight")]
FLOWS = [("synflow", "weight")]


@pytest.mark.parametrize(("criterion", "granularity"), UNITS + FLOWS)
def test_rescaling_that_leaves_the_function_alone(
    criterion: str, granularity: str, plain: nn.Module, scored: Scored, stretched: Callable[..., nn.Module]
) -> None:
    before = scored(plain, criterion, granularity)
    after = scored(stretched(plain, 4.0), criterion, granularity)
    assert all(torch.allclose(after[name], before[name], rtol=1e-9, atol=1e-15) for name in before)


def test_hutchinson_ignores_rescaling_given_the_same_signs(
    plain: nn.Module, scored: Scored, stretched: Callable[..., nn.Module]
) -> None:
    """One layer at a time, as products of two layers mix scales."""
    for name in ("0", "3"):
        network = copy.deepcopy(plain)
        before = scored(network, "obd_hutchinson", layers=[name])
        after = scored(stretched(network, 4.0), "obd_hutchinson", layers=[name])
        assert torch.allclose(after[name], before[name], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("criterion", "granularity"), [*UNITS, *FLOWS, ("grasp", "weight"), ("hrank", "channel")])
def test_permuted_units_have_permuted_scores(
    criterion: str,
    granularity: str,
    plain: nn.Module,
    scored: Scored,
    turned: Callable[..., nn.Module],
    inputs_turned: Callable[..., Tensor],
) -> None:
    before, order = scored(plain, criterion, granularity), torch.tensor([2, 0, 3, 1])
    after = scored(turned(plain, order), criterion, granularity)
    assert torch.allclose(after["0"], before["0"][order], rtol=1e-9, atol=1e-15)
    expected = before["3"] if before["3"].dim() == 1 else inputs_turned(before["3"], order)
    assert torch.allclose(after["3"], expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", ["snip", "grasp", "synflow"])
def test_those_before_training_start_at_the_initialisation(name: str) -> None:
    criterion = registry.load("criterion", name)
    assert (criterion.start, criterion.allocation, criterion.scope) == ("init", "global", "network")
    assert criterion.granularities == ("weight",)
    assert criterion.steps == (100 if name == "synflow" else 1)


@pytest.mark.parametrize("name", ["taylor", "obd_fisher", "obd_hutchinson", "hrank"])
def test_others_start_at_the_trained_network(name: str) -> None:
    criterion = registry.load("criterion", name)
    assert (criterion.start, criterion.allocation, criterion.steps) == ("trained", "", 1)
