"""All pairs: those, and as comparable, as one finds by comparing every two results."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from fairprune.audit.examples import pruned
from fairprune.audit.finding import Evidence
from fairprune.audit.pairing import compare_all
from fairprune.audit.setups import compare
from fairprune.audit.tabled import pair_all
from fairprune.schedules import parse
from fairprune.spec import Target

TARGETS = (None, Target(axis="speedup", value=2), Target(axis="speedup", value=4))
results = st.fixed_dictionaries(
    {
        "network": st.sampled_from([None, "resnet56", "resnet110"]),
        "method": st.sampled_from(["a", "b", "c"]),
        "target": st.sampled_from(TARGETS),
        "base_seed": st.sampled_from([None, 0, 1]),
        "run_seed": st.sampled_from([None, 0, 1]),
        "base_checkpoint": st.sampled_from([None, "x", "y"]),
        "base_top1": st.sampled_from([None, 90.0, 91.0]),
        "momentum": st.sampled_from([None, 0.9]),
        "compression": st.sampled_from([None, 2.0, 2.05, 4.0]),
        "speedup": st.sampled_from([None, 2.0, 3.0]),
        "retrain_schedule": st.sampled_from([None, "0:1e-2,20:1e-3 total:40", "constant:1e-3 total:40"]).map(
            lambda text: text and parse(text)
        ),
        "retrain_macs": st.sampled_from([None, 1e6]),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(results, max_size=9), st.sampled_from([frozenset(), frozenset({"base_checkpoint", "momentum"})]))
def test_pairs_are_those_of_comparing_every_two(drawn, granted):
    made = [pruned(str(n), **{**fields, "retrain_epochs": None}) for n, fields in enumerate(drawn)]
    expected = [
        (a.id, b.id, verdict)
        for a, b in combinations(made, 2)
        if (verdict := compare(a, b, 0.05, granted)).setup and alike(a, b)
    ]
    assert [(p.a.id, p.b.id, p.verdict) for p in compare_all(made, 0.05, granted)] == [
        (p.a.id, p.b.id, p.verdict) for p in pair_all(made, 0.05, granted)
    ]
    evidence = Evidence(tuple(made), assume_equal=granted)
    assert sorted((p.a.id, p.b.id) for p in evidence.pairs) == sorted(pair[:2] for pair in expected)
    assert {(p.a.id, p.b.id): p.verdict for p in evidence.pairs} == {(a, b): verdict for a, b, verdict in expected}


def alike(a, b):
    sides = ((a.target, b.target), (a.base_seed, b.base_seed), (a.run_seed, b.run_seed))
    return all(x is None or y is None or x == y for x, y in sides)


def test_pairs_come_in_the_order_of_the_results():
    made = [pruned(f"{n}", method=f"m{n}", run_seed=seed) for n, seed in enumerate((0, 1, None, 0, 1))]
    found = [(p.a.id, p.b.id) for p in pair_all(made, traits=lambda result: (result.run_seed,))]
    assert found == [("0", "2"), ("0", "3"), ("1", "2"), ("1", "4"), ("2", "3"), ("2", "4")]


def test_what_many_pairs_have_in_common_is_one_verdict():
    made = [pruned(f"{n}", method=f"m{n}") for n in range(30)]
    for found in (list(compare_all(made)), list(pair_all(made))):
        assert len(found) == 30 * 29 // 2
        assert len({id(pair.verdict) for pair in found}) == 1
