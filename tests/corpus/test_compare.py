from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairprune.audit import setups
from fairprune.corpus.audited import as_result
from fairprune.corpus.compare import Comparison, compare
from fairprune.corpus.names import names_of
from fairprune.corpus.tables import Corpus, Part, merged, nothing, save
from fairprune.errors import CorpusError, SpecError

Command = Callable[..., tuple[int, str, str]]
BASE = {"base_checkpoint": "zoo", "base_top1": 93.0}
ROWS: list[dict[str, Any]] = [
    {"method": "x", "speedup": 2.0, "top1": 92.0, "retrain_schedule": "constant:1e-2 total:40", **BASE},
    {"method": "x", "variant": "late", "speedup": 4.0, "top1_change": -1.0},
    {"method": "x", "dataset": "e", "speedup": 2.0},
    {"method": "x", "network": None, "speedup": 2.0},
    {"method": "y", "speedup": 2.02, "top1": 92.5, "retrain_schedule": "constant:1e-3 total:40", **BASE},
    {"method": "y", "speedup": 3.9, "top1_change": -1.5, "top5": 99.0},
    {"method": "y", "compression": 2.0},
]


def literature(rows: list[dict[str, Any]]) -> Corpus:
    least = {"paper": "p", "source": "t", "transcribed_by": "us", "kind": "prune", "dataset": "d", "network": "n"}
    methods = [
        {"key": "x", "name": "X-method", "aliases": ["ex"]},
        {"key": "y", "name": "Y"},
        {"key": "z", "name": "Z"},
    ]
    tables: dict[Any, Any] = {
        "methods": methods,
        "datasets": [{"key": "d", "name": "D"}, {"key": "e", "name": "E"}],
        "networks": [{"key": "n", "name": "N"}],
        "results": [{"key": f"p/{n}", **least, **row} for n, row in enumerate(rows)],
    }
    return merged(nothing(), Part("o", tables))


def said(found: Comparison) -> Mapping[tuple[str, str], str | None]:
    return {(each.pair.a.id, each.pair.b.id): each.pair.verdict.setup for each in found.pairs}


def test_pairs_by_hand() -> None:
    found = compare(literature(ROWS), "ex", "Y")
    assert found.results == (4, 3)
    assert said(found) == {("p/0", "p/4"): "S3.1", ("p/1", "p/5"): "S1"}  # strictest first
    assert [each.pair.verdict.setup for each in found.pairs] == ["S3.1", "S1"]
    first, second = found.pairs
    assert {block.field for block in first.pair.verdict.blocked_by if block.setup == "S3.2"} >= {"retrain_schedule"}
    assert first.metrics == {"top1": (92.0, 92.5), "top1_change": (-1.0, -0.5)}
    assert second.metrics == {"top1_change": (-1.0, -1.5)}
    assert second.labels == ("late, p", "p")
    # 12 pairs: 2 above; p/2 (another data set) and p/3 (no network) with all three of y; p/0 and p/1 with p/6, of which
    # only the compression is known; p/0 with p/5 and p/1 with p/4 at other speedups
    assert found.incomparable == {
        "on another data set or network": 3,
        "of an unknown data set or network": 3,
        "with no rate known of both": 2,
        "at rates that do not match": 2,
    }


def test_a_variant_alone_and_the_options() -> None:
    corpus = literature(ROWS)
    assert list(said(compare(corpus, "x:late", "y"))) == [("p/1", "p/5")]
    assert list(said(compare(corpus, "x:late", "y", tau=0.01))) == []
    assert said(compare(corpus, "y", "x:late", assume_equal={"base_checkpoint"})) == {("p/5", "p/1"): "S2"}
    granted = compare(corpus, "x", "y", assume_equal={"network", "speedup"})
    assert ("p/3", "p/4") in said(granted)
    assert sum(granted.incomparable.values()) == 12 - len(granted.pairs)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("X-metod", "y", "unknown method 'X-metod'; did you mean 'X-method'"),
        ("x:lade", "y", "unknown variant of x 'lade'; did you mean 'late'"),
        ("x", "z", "the corpus has no result of 'z'"),
        ("x", "ex", "'x' and 'ex' share results"),
        ("x:late", "x", "share results"),
    ],
)
def test_what_cannot_be_compared(a: str, b: str, message: str) -> None:
    with pytest.raises((CorpusError, SpecError), match=message):
        compare(literature(ROWS), a, b)


def test_runs_count_as_their_mean() -> None:
    runs = [{"method": "x", "speedup": 2.0, "replicate": n, "top1": 90.0 + n} for n in range(3)]
    found = compare(literature([*runs, {"method": "y", "speedup": 2.0, "top1": 90.0}]), "x", "y")
    assert found.results == (1, 1)
    assert found.pairs[0].metrics == {"top1": (91.0, 90.0)}
    assert (found.pairs[0].pair.a.seeds, found.pairs[0].pair.a.top1_std) == (3, 1.0)


RESULT = st.fixed_dictionaries(
    {
        "dataset": st.sampled_from(["d", "e", None]),
        "speedup": st.sampled_from([None, 2.0, 2.05, 3.0]),
        "compression": st.sampled_from([None, 2.0]),
        "base_checkpoint": st.sampled_from([None, "zoo"]),
    }
)
SIDE = st.lists(RESULT, min_size=1, max_size=4)


@settings(max_examples=50)
@given(SIDE, SIDE, st.sampled_from([(), ("speedup",), ("dataset", "base_checkpoint")]))
def test_every_pair_is_counted_once(a: list[dict[str, Any]], b: list[dict[str, Any]], granted: tuple[str, ...]) -> None:
    corpus = literature([{"method": "x", **row} for row in a] + [{"method": "y", **row} for row in b])
    found = compare(corpus, "x", "y", assume_equal=set(granted))
    assert len(found.pairs) + sum(found.incomparable.values()) == len(a) * len(b)
    names = names_of(corpus)
    results = {row["key"]: as_result(row, names) for row in corpus["results"].iter_rows(named=True)}
    expected = {
        (f"p/{i}", f"p/{j}"): verdict.setup
        for i in range(len(a))
        for j in range(len(a), len(a) + len(b))
        if (verdict := setups.compare(results[f"p/{i}"], results[f"p/{j}"], 0.05, set(granted))).setup
    }
    assert said(found) == expected


def test_the_command(fairprune: Command, tmp_path: Path) -> None:
    save(literature(ROWS), tmp_path)
    code, out, _ = fairprune("corpus", "compare", "x", "y", "--corpus", tmp_path)
    assert code == 0
    assert out.startswith("a: x, 4 results; b: y, 3 results\n\nN on D ")
    assert "1 pair kept from S2: base_checkpoint unknown\n" in out
    assert "12 pairs: 1 S3.1, 1 S1, 10 below S1\n" in out
    _, out, _ = fairprune("corpus", "compare", "x", "y", "--corpus", tmp_path, "--json")
    found = json.loads(out)
    assert found["incomparable"] == 10
    assert found["pairs"][0]["top1"] == {"a": 92.0, "b": 92.5, "difference": -0.5}
    assert found["pairs"][0]["setup"] == "S3.1"
    assert {"setup": "S2", "field": "base_checkpoint", "a": None, "b": None} in found["pairs"][1]["blocked_by"]
    code, _, err = fairprune("corpus", "compare", "x", "y", "--corpus", tmp_path, "--tau", "2")
    assert (code, err) == (2, "error: --tau 2: expected a fraction from 0 to below 1, e.g. 0.05\n")
