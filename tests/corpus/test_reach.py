from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairprune.audit.result import Result
from fairprune.audit.setups import ORDER, Level, compare, strictness
from fairprune.corpus.reach import reaching
from fairprune.errors import SpecError
from fairprune.schedules import parse

PLACE: dict[str, Any] = {"dataset": "CIFAR-10", "network": "ResNet-56"}


def by_method(*results: Result) -> dict[str, list[Result]]:
    return {name: [r for r in results if r.method == name] for name in {str(r.method) for r in results}}


def test_a_rival_is_another_method_in_the_same_place_at_a_rate_that_matches() -> None:
    results = by_method(
        Result("a", method="x", speedup=2.0, **PLACE),
        Result("b", method="x", speedup=2.0, **PLACE),
        Result("c", method="y", speedup=2.2, **PLACE),
        Result("d", method="z", speedup=2.1, compression=3.0, **PLACE),
        Result("e", method="y", compression=3.1, **PLACE),
        Result("f", method="y", speedup=2.0, dataset="CIFAR-100", network="ResNet-56"),
        Result("g", method="z", speedup=2.0, network="ResNet-56"),
    )
    assert reaching(results, "S1") == {"a", "b", "c", "d", "e"}
    assert reaching(results, "S1", tau=0.01) == frozenset()
    assert reaching(results, "S2") == frozenset()
    assert reaching(results, "S2", assume_equal={"base_checkpoint"}) == {"a", "b", "c", "d", "e"}
    assert reaching(results, "S1", assume_equal={"dataset"}) >= {"a", "f", "g"}


def test_a_field_that_does_not_exist() -> None:
    with pytest.raises(SpecError, match="did you mean 'momentum'"):
        reaching({}, "S1", assume_equal={"momentun"})


RESULTS = st.lists(
    st.builds(
        dict,
        method=st.sampled_from("xyz"),
        kind=st.sampled_from(["prune", "scratch"]),
        dataset=st.sampled_from(["CIFAR-10", None]),
        network=st.sampled_from(["ResNet-56", "VGG-16"]),
        speedup=st.sampled_from([None, 2.0, 2.09, 2.19]),
        compression=st.sampled_from([None, 4.0, 4.1]),
        base_checkpoint=st.sampled_from([None, "one", "other"]),
        base_top1=st.sampled_from([None, 93.0, 94.0]),
        retrain_schedule=st.sampled_from([None, parse("constant:1e-2 total:40"), parse("constant:1e-3 total:40")]),
    ),
    max_size=7,
)


@given(
    RESULTS, st.sampled_from(ORDER), st.sampled_from([(), ("base_checkpoint",), ("speedup",), ("dataset", "optimizer")])
)
def test_every_pair_compared_gives_the_same(rows: list[dict[str, Any]], level: Level, assumed: tuple[str, ...]) -> None:
    for row in rows:
        if row["kind"] == "scratch":
            row["retrain_schedule"] = None
    results = [Result(str(number), **row) for number, row in enumerate(rows)]
    expected = {
        a.id
        for a in results
        for b in results
        if a.method != b.method and strictness(compare(a, b, 0.05, set(assumed))) >= ORDER.index(level)
    }
    assert reaching(by_method(*results), level, 0.05, frozenset(assumed)) == expected
