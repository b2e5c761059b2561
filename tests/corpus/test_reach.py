from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairprune.audit.setups import ORDER, Level, compare, strictness
from fairprune.corpus.audited import as_result
from fairprune.corpus.names import names_of
from fairprune.corpus.reach import reaching
from fairprune.corpus.tables import Corpus, Part, merged, nothing
from fairprune.errors import SpecError

PLACE: dict[str, Any] = {"dataset": "d", "network": "n"}


def corpus_of(rows: list[dict[str, Any]]) -> Corpus:
    least = {"paper": "p", "source": "t", "transcribed_by": "us", "kind": "prune"}
    named = {"methods": "xyz", "datasets": "de", "networks": "nm"}
    tables: Any = {table: [{"key": key, "name": key.upper()} for key in keys] for table, keys in named.items()}
    return merged(
        nothing(), Part("o", {**tables, "results": [{"key": str(n), **least, **r} for n, r in enumerate(rows)]})
    )


def test_a_rival_is_another_method_in_the_same_place_at_a_rate_that_matches() -> None:
    corpus = corpus_of(
        [
            {"method": "x", "speedup": 2.0, **PLACE},
            {"method": "x", "variant": "other", "speedup": 2.0, **PLACE},
            {"method": "y", "speedup": 2.2, **PLACE},
            {"method": "z", "base_flops_g": 2.1, "flops_g": 1.0, "compression": 3.0, **PLACE},
            {"method": "y", "compression": 3.1, **PLACE},
            {"method": "y", "speedup": 2.0, "dataset": "e", "network": "n"},
            {"method": "z", "speedup": 2.0, "network": "n"},
            {"speedup": 2.0, **PLACE},
        ]
    )
    assert reaching(corpus, "S1") == {"0", "1", "2", "3", "4"}
    assert reaching(corpus, "S1", tau=0.01) == frozenset()
    assert reaching(corpus, "S2") == frozenset()
    assert reaching(corpus, "S2", assume_equal={"base_checkpoint"}) == {"0", "1", "2", "3", "4"}
    assert reaching(corpus, "S1", assume_equal={"dataset"}) == {"0", "1", "2", "3", "4", "5", "6"}


def test_a_field_that_does_not_exist() -> None:
    with pytest.raises(SpecError, match="did you mean 'momentum'"):
        reaching(corpus_of([]), "S1", assume_equal={"momentun"})


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "method": st.sampled_from(["x", "y", "z", None]),
            "kind": st.sampled_from(["prune", "prune", "dense"]),
            "dataset": st.sampled_from(["d", None]),
            "network": st.sampled_from(["n", "m"]),
            "speedup": st.sampled_from([None, 1.0]),
            "base_flops_g": st.sampled_from([None, 4.0]),
            "flops_g": st.sampled_from([None, 0.0, 2.0, 4.0]),
            "compression": st.sampled_from([None, 1.0]),
            "base_params_m": st.sampled_from([4.0, 4.1, 4.5]),
            "params_m": st.sampled_from([None, 2.0]),
            "base_checkpoint": st.sampled_from([None, "one", "other"]),
            "base_top1": st.sampled_from([None, 93.0, 94.0]),
        }
    ),
    max_size=6,
)
GRANTED = st.sampled_from([(), ("base_checkpoint",), ("speedup",), ("dataset", "optimizer")])


@settings(max_examples=60)
@given(ROWS, st.sampled_from(ORDER[:3]), GRANTED)
def test_every_pair_compared_gives_the_same(rows: list[dict[str, Any]], level: Level, granted: tuple[str, ...]) -> None:
    sizes = ("speedup", "flops_g", "compression", "params_m")
    corpus = corpus_of([row | (dict.fromkeys(sizes) if row["kind"] == "dense" else {}) for row in rows])
    names = names_of(corpus)
    results = [as_result(row, names) for row in corpus["results"].iter_rows(named=True) if row["method"]]
    expected = {
        a.id
        for a in results
        for b in results
        if a.method != b.method and strictness(compare(a, b, 0.05, set(granted))) >= ORDER.index(level)
    }
    assert reaching(corpus, level, 0.05, frozenset(granted)) == expected
