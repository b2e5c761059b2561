from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fairprune.errors import PruneError, SpecError
from fairprune.pruning.criterion import Context, Scored, Scores, Undeclared, criterion
from fairprune.pruning.repair import repair
from fairprune.pruning.training_method import training_method


def test_options_are_the_keyword_only_arguments() -> None:
    @criterion(needs=("gradients",), paper="a paper", scope="network")
    def mine(context: Context, *, power: int = 2) -> Scores:
        return {name: w**power for name, w in context.weights.items()}

    assert (mine.name, mine.options, mine.scope, mine.needs) == ("mine", {"power": 2}, "network", ("gradients",))
    context = Context({"a": torch.tensor([3.0])}, torch.Generator())
    assert mine(context, power=3).scores["a"].item() == 27


def test_new_weights_come_through() -> None:
    @criterion()
    def mine(context: Context) -> Scored:
        return Scored(context.weights, {"a": torch.zeros(1)})

    assert mine(Context({"a": torch.ones(1)}, torch.Generator())).weights["a"].item() == 0


def test_an_option_without_default_is_refused() -> None:
    with pytest.raises(SpecError, match=r"option 'power' of 'mine' has no default"):

        @criterion()
        def mine(context: Context, *, power: int) -> Scores:
            return {name: w**power for name, w in context.weights.items()}


@pytest.mark.parametrize("declare", [criterion, repair, training_method])
def test_an_unknown_granularity_is_refused_with_the_nearest(declare: Callable[..., Any]) -> None:
    with pytest.raises(SpecError, match=r"unknown granularity of a .* 'weights'; did you mean 'weight'\?"):
        declare(paper="mine", granularities=("weights",))


@pytest.mark.parametrize(
    ("declare", "expected"), [(criterion, "context"), (repair, "context, remaining"), (training_method, "setting")]
)
def test_a_function_of_nothing_is_refused(declare: Callable[..., Any], expected: str) -> None:
    def empty(*, power: int = 2) -> dict[str, Any]:
        return {"power": power}

    with pytest.raises(SpecError, match=rf"^empty\(.*\).*: expected a function of \({expected}, \*, options with"):
        declare(paper="mine", granularities=("weight",))(empty)


def test_an_unknown_need_is_refused_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="unknown need of a criterion 'gradient'; did you mean 'gradients'"):
        criterion(needs=("gradient",))  # type: ignore[arg-type]


def test_reading_an_undeclared_need_is_an_error_in_every_way() -> None:
    need = Undeclared("mine", "gradients")
    for read in (lambda: need["a"], lambda: need.get("a"), lambda: "a" in need, lambda: list(need), lambda: bool(need)):
        with pytest.raises(PruneError, match=r"criterion 'mine' reads gradients without declaring it"):
            read()


def test_calling_an_undeclared_need_is_an_error() -> None:
    stream = Undeclared("mine", "gradient_stream")
    with pytest.raises(PruneError, match=r"criterion 'mine' reads gradient_stream .*: needs=\('gradient_stream',\)"):
        stream(1, temperature=2.0)
