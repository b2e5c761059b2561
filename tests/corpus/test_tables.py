from pathlib import Path
from typing import Any

import pytest

from fairprune.corpus.check import check, faults
from fairprune.corpus.tables import MANIFEST, Corpus, Part, load, merged, nothing, of_origin, save
from fairprune.errors import CorpusError

PAPER = {"key": "p", "title": "T", "first_author": "A", "year": 2020, "pruning": True}
RESULT = {"key": "p/1", "paper": "p", "source": "table 1", "transcribed_by": "us", "kind": "prune"}


def part(origin: str = "o", **rows: Any) -> Part:
    return Part(origin, {"papers": [PAPER], "results": [RESULT], **rows})


def rules(**result: Any) -> list[tuple[str, str]]:
    corpus = merged(nothing(), part(results=[RESULT | result]))
    return [(fault.field, fault.rule) for fault in faults(corpus, {})]


def test_a_part_replaces_what_its_origin_had() -> None:
    once = merged(nothing(), part())
    twice = merged(once, part(results=[RESULT | {"key": "p/2"}]))
    assert twice["results"]["key"].to_list() == ["p/2"]
    other = merged(twice, Part("other", {"results": [RESULT | {"key": "p/0"}]}))
    assert other["results"]["key"].to_list() == ["p/0", "p/2"]
    assert other["results"]["origin"].to_list() == ["other", "o"]
    assert other.origins == ("o", "other")


def test_the_same_corpus_has_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        save(merged(nothing(), part()), tmp_path / folder)
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    back = load(tmp_path / "a")
    assert all(back[table].equals(frame) for table, frame in merged(nothing(), part()).tables.items())


def test_damage_is_named(tmp_path: Path) -> None:
    save(nothing(), tmp_path)
    (tmp_path / "papers.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorpusError, match=r"papers\.parquet is damaged"):
        load(tmp_path)
    assert load(tmp_path, only=["results"])["results"].is_empty()
    (tmp_path / "papers.parquet").unlink()
    with pytest.raises(CorpusError, match=r"cannot read .*papers\.parquet"):
        load(tmp_path)
    (tmp_path / MANIFEST).write_text("[]")
    with pytest.raises(CorpusError, match=MANIFEST):
        load(tmp_path)
    with pytest.raises(CorpusError, match="no corpus in"):
        load(tmp_path / "nowhere")


def test_a_good_corpus_has_no_faults() -> None:
    assert rules(top1=90.0, base_top1=91.0, top1_change=-1.0, compression=2.0) == []
    check(merged(nothing(), part()), part())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"paper": "q"}, ("paper", "unknown-name")),
        ({"kind": "pruned"}, ("kind", "unknown-name")),
        ({"network": "resnet"}, ("network", "unknown-name")),
        ({"source": ""}, ("source", "missing")),
        ({"top1": 100.5}, ("top1", "bounds")),
        ({"batch_size": 0}, ("batch_size", "bounds")),
        ({"speedup": 0.5}, ("speedup", "ratio")),
        ({"top1": 90.0, "base_top1": 91.0, "top1_change": 1.0}, ("top1_change", "contradiction")),
    ],
)
def test_faults(values: dict[str, Any], expected: tuple[str, str]) -> None:
    assert rules(**values) == [expected]


def test_rounded_figures_do_not_contradict() -> None:
    assert rules(top1=93.77, base_top1=93.53, top1_change=0.23) == []
    assert rules(top1=93.77, base_top1=93.53, top1_change=0.22) == [("top1_change", "contradiction")]


def test_duplicate_keys_and_places() -> None:
    twice = part(results=[RESULT, RESULT])
    corpus: Corpus = merged(nothing(), twice)
    (fault,) = faults(corpus, {("results", ("p/1",)): "f.toml, line 7"})
    assert str(fault) == "f.toml, line 7, key: 'p/1' stands there twice [duplicate-key]"
    with pytest.raises(CorpusError, match="duplicate-key"):
        check(corpus, twice)


def test_what_an_origin_brought() -> None:
    network = {"key": "n", "name": "N"}
    whole = merged(merged(nothing(), part(networks=[network])), Part("other", {"results": [RESULT | {"key": "p/2"}]}))
    found = of_origin(whole, "other")
    assert found["results"]["key"].to_list() == ["p/2"]
    assert found["papers"]["key"].to_list() == ["p"]  # of another origin, but this one has a result of it
    assert found["networks"]["key"].to_list() == ["n"]
    assert of_origin(whole, "o")["results"]["key"].to_list() == ["p/1"]
