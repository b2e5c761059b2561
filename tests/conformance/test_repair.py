"""The conformance suite of repairs: built-in ones pass, and every offence is named."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from fairprune import registry
from fairprune.conformance.repair import CHECKS, check_repair
from fairprune.pruning.criterion import Context, Granularity
from fairprune.pruning.repair import Remaining, Repair, repair


def failures(rule: Repair) -> list[str]:
    return [f"{result.name}: {result.detail}" for result in check_repair(rule) if not result.passed]


@pytest.mark.parametrize("name", sorted(registry.BUILTIN["repair"]))
def test_built_in_repairs_conform(name: str) -> None:
    rule = registry.load("repair", name)
    results = check_repair(rule)
    assert rule.name == name
    assert rule.paper
    assert len(results) == len(CHECKS) * len(rule.granularities)
    assert [result.detail for result in results if result.detail] == []


def by_layer(function: object, granularity: Granularity = "weight") -> Repair:
    def mine(context: Context, remaining: Remaining) -> Mapping[str, Tensor]:
        return {n: function(context, w, remaining[n]) for n, w in context.weights.items()}  # type: ignore[operator]

    return repair(paper="none", granularities=(granularity,))(mine)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda _c, w, _k: w.flatten(), "weights of layer '0' have shape [108], expected [6, 2, 3, 3]"),
        (lambda _c, w, k: w / w.flatten(1).norm(dim=1).reshape(-1, *[1] * (w.dim() - 1)) * k, "values that are NaN"),
        (lambda c, _w, _k: c.gradients["0"], "repair 'mine' reads gradients without declaring it"),
        (
            lambda _c, w, _k: torch.rand_like(w),
            "weights change from call to call with one seed: draw from context.generator",
        ),
        (lambda _c, w, _k: w.no_such_thing, "AttributeError: "),
    ],
)
@pytest.mark.parametrize("granularity", ["weight", "channel"])
def test_every_offence_is_named(function: object, message: str, granularity: Granularity) -> None:
    assert any(message in failure for failure in failures(by_layer(function, granularity)))


def test_a_network_that_changes_is_found() -> None:
    held: list[nn.Parameter] = []

    def meddles(_context: Context, _remaining: Remaining) -> Mapping[str, Tensor]:
        with torch.no_grad():
            for parameter in held:
                parameter.add_(1)
        return {}

    rule = repair(paper="none")(meddles)
    original = nn.Conv2d.__init__

    def watched(self: nn.Conv2d, *args: object, **options: object) -> None:
        original(self, *args, **options)  # type: ignore[arg-type]
        held.append(self.weight)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Conv2d, "__init__", watched)
        assert any("changes 3.weight of the network" in failure for failure in failures(rule))


def test_removed_blocks_leave_nothing_to_mend() -> None:
    assert any("removed blocks leave nothing to mend" in failure for failure in failures(by_layer(None, "block")))


def test_what_was_not_checked_is_said() -> None:
    @repair(paper="none", granularities=("channel",))
    def nothing(_context: Context, _remaining: Remaining) -> Mapping[str, Tensor]:
        return {}

    assert [r.detail for r in check_repair(nothing) if r.detail] == ["mends no layer: not checked"]
    assert failures(nothing) == []
