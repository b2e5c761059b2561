from __future__ import annotations

from collections.abc import Callable

import pytest

from fairprune.audit import Result
from fairprune.audit.classes import Terms, form, terms, unmatched
from fairprune.audit.examples import scratch
from fairprune.schedules import parse
from fairprune.spec import Target
from fairprune.study import Demand

Make = Callable[..., Result]


def runs(make: Make, name: str, seeds: int = 2, **changes: object) -> list[Result]:
    fields = {"base_checkpoint": "base-0", **changes}
    return [make(f"{name}-{s}", method=name, run_seed=s, **fields) for s in range(seeds)]


@pytest.mark.parametrize(
    ("demand", "scratch_runs", "shared"),
    [
        ("", False, "S3.2"),
        ("S1", False, "S1"),
        ("S4.1", False, "S4.1"),
        ("SX-A", False, "S3.2, and SX-A with scratch runs of their own"),
        ("S4.2-overall", False, "S3.2, and S4.2-overall with scratch runs of their own"),
        ("", True, "S1 and SX-A or SX-B"),
        ("S4.2", True, "S1 and SX-A or SX-B"),
        ("SX-B", True, "S1 and SX-B"),
        ("S4.2-overall", True, "S1 and SX-A or SX-B"),
    ],
)
def test_what_a_demand_means_for_a_class(demand: Demand, scratch_runs: bool, shared: str) -> None:
    assert str(terms(demand, scratch=scratch_runs)) == shared


def test_one_class_of_what_reaches_the_setup_with_the_control(make: Make) -> None:
    methods = {
        "random": runs(make, "random"),
        "taylor": runs(make, "taylor"),
        "own": runs(make, "own", base_checkpoint="0123456789abcdef"),
        "none": runs(make, "none", base_checkpoint=None),
        "longer": runs(make, "longer", retrain_schedule=parse("constant:1e-3 total:80")),
        "hotter": runs(make, "hotter", retrain_schedule=parse("constant:1e-2 total:40"), weight_decay=0.0),
        "unsaid": runs(make, "unsaid", momentum=None),
        "slower": runs(make, "slower", speedup=1.7, compression=1.9),
    }
    found = form(methods, "random", Terms())
    assert (found.around, found.members) == ("random", ("random", "taylor"))
    assert found.apart == {
        "own": "against random, S2 needs one base_checkpoint, not '01234567' and 'base-0'",
        "none": "against random, S2 needs one base_checkpoint, not unknown and 'base-0'",
        "longer": "against random, S3.1 needs one retrain_epochs, not '80' and '40'",
        "hotter": "against random, S3.2 needs one retrain_schedule, not 'constant:1e-2 total:40' and "
        "'constant:1e-3 total:40'; S3.2 needs one weight_decay, not '0' and '0.0001'",
        "unsaid": "against random, S3.2 needs one momentum, not unknown and '0.9'",
        "slower": "against random, S1 needs one speedup within 5.0%, not 1.7x and 2x",
    }


def test_a_lower_demand_makes_a_larger_class(make: Make) -> None:
    methods = {"random": runs(make, "random"), "own": runs(make, "own", base_checkpoint="other")}
    assert form(methods, "random", Terms("S1")).members == ("random", "own")
    assert form(methods, "random", Terms("S2")).members == ("random",)


def test_where_the_declared_rate_is_unknown_or_the_target_is_a_ratio(make: Make) -> None:
    methods = {"random": runs(make, "random"), "unsaid": runs(make, "unsaid", speedup=None)}
    (why,) = form(methods, "random", Terms()).apart.values()
    assert why == "against random, S1 needs one speedup within 5.0%, not unknown and 2x"
    half = Target(axis="ratio", value=0.5)
    ratios = {"random": runs(make, "random", target=half), "like": runs(make, "like", target=half, speedup=3.0)}
    assert form(ratios, "random", Terms()).members == ("random", "like")  # one compression, at least
    ratios["thin"] = runs(make, "thin", target=half, speedup=3.0, compression=2.5)
    (why,) = form(ratios, "random", Terms()).apart.values()
    assert why == (
        "against random, S1 needs one rate within 5.0%, not compression '2.5' and '1.9'; "
        "S1 needs one rate within 5.0%, not speedup '3' and '2'"
    )


def test_every_shared_seed_counts_and_one_must_be_shared(make: Make) -> None:
    half = [make("half-0", method="half"), make("half-1", method="half", run_seed=1, base_checkpoint="other")]
    methods = {"random": runs(make, "random"), "half": half, "late": [make("late-7", method="late", run_seed=7)]}
    found = form(methods, "random", Terms())
    assert found.apart["half"].endswith("not 'other' and 'base-0' (at 1 of 2 seeds)")
    assert found.apart["late"] == "no seed in common with random"
    methods["half"] = half[:1]  # one seed is enough, and its lack of the other is no reason
    assert form(methods, "random", Terms()).members == ("random", "half")


def test_a_class_is_no_chain(make: Make) -> None:
    """4 % apart and 4 % apart is 8 % apart: who belongs is decided by the control alone."""
    methods = {name: runs(make, name, speedup=rate) for name, rate in (("a", 2.0), ("b", 2.08), ("c", 2.16))}
    assert form(methods, "a", Terms()).members == ("a", "b")
    assert form(methods, "b", Terms()).members == ("a", "b", "c")
    assert form(methods, "a", Terms(tau=0.1)).members == ("a", "b", "c")


def test_without_the_control_the_largest_class_counts_and_of_equal_ones_the_first(make: Make) -> None:
    rates = {"a": 1.0, "b": 2.0, "c": 2.04, "d": 3.0, "e": 2.08}
    found = form({name: runs(make, name, speedup=rate) for name, rate in rates.items()}, "random", Terms())
    assert (found.around, found.members) == ("b", ("b", "c", "e"))
    assert form({"a": runs(make, "a"), "b": runs(make, "b", speedup=4.0)}, "", Terms()).members == ("a",)
    assert form({}, "random", Terms()).members == ()


def test_scratch_runs_share_a_budget_of_epochs_or_of_multiply_adds() -> None:
    """200 epochs of 62.7 M and 100 of 125.4 M cost the same; 150 of 62.7 M are neither."""

    def anew(name: str, epochs: int, macs: float = 62.7e6) -> list[Result]:
        trained = parse(f"constant:1e-1 total:{epochs}")
        return [scratch(name, method=name, pretrain_schedule=trained, pretrain_macs=macs)]

    methods = {"random": anew("random", 200), "l1": anew("l1", 200, 60e6), "wide": anew("wide", 100, 125.4e6)}
    methods["short"] = anew("short", 150)
    either = form(methods, "random", terms("", scratch=True))
    assert either.members == ("random", "l1", "wide")
    assert either.apart["short"] == (
        "against random, SX-A or SX-B needs one budget, not 150 epochs (9.4e+09 multiply-adds a sample) and "
        "200 epochs (1.25e+10 multiply-adds a sample)"
    )
    assert form(methods, "random", terms("SX-A", scratch=True)).members == ("random", "l1")
    assert form(methods, "random", terms("SX-B", scratch=True)).members == ("random", "wide")


def test_a_demanded_flag_needs_a_scratch_run_of_each_run(make: Make) -> None:
    asked, pruned = terms("SX-A", scratch=False), [make("l1-0")]
    assert unmatched(pruned, [scratch("anew")], asked) == ""  # 160 + 40 epochs against 200
    assert unmatched(pruned, [], asked) == "SX-A is demanded, and no scratch run of it has ended"
    other = [scratch("anew", run_seed=1)]
    assert unmatched(pruned, other, asked) == "SX-A is demanded, and no scratch run of it has ended"
    short = [scratch("anew", pretrain_schedule=parse("constant:1e-1 total:160"))]
    assert unmatched(pruned, short, asked) == "SX-A is demanded, and none of its scratch runs reaches it"
    assert unmatched(pruned, [*short, scratch("anew")], asked) == ""
    assert unmatched(pruned, [], terms("S3.2", scratch=False)) == ""
