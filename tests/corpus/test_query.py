from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairprune.cli.corpus.query import fit
from fairprune.corpus.query import COLUMNS, SHOWN, Filters, chosen, parse_years, query, sql
from fairprune.corpus.tables import Corpus, save
from fairprune.errors import CorpusError, SpecError

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(literature: Corpus, tmp_path: Path) -> Path:
    save(literature, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"network": ("LeNet",)}, ["a/1", "a/2", "a/3", "b/4"]),
        ({"network": ("lenet", "VGG"), "dataset": ("MNIST",)}, ["a/1", "a/2", "b/4", "e/12"]),
        ({"method": ("Method A",)}, ["a/1", "a/2", "a/3", "e/12"]),
        ({"paper": ("b",)}, ["b/4", "b/5"]),
        ({"years": (2015, 2015)}, ["b/4", "b/5"]),
        ({"years": (2016, 2017), "metrics": ("compression",)}, ["c/8", "c/9"]),
        ({"metrics": ("top1", "base_top1")}, ["a/1", "a/2", "c/6"]),
        ({"origin": ("us",)}, ["e/12"]),
        ({"kind": ("scratch", "dense")}, []),
        ({"setup": "S1"}, []),
    ],
)
def test_filters(literature: Corpus, filters: dict[str, Any], expected: list[str]) -> None:
    assert sorted(query(literature, Filters(**filters))["key"]) == sorted(expected)


def test_setups_are_of_methods_not_of_filters(corpus_of: Callable[..., Corpus]) -> None:
    rows = [
        {"key": f"p/{n}", "paper": "p", "kind": "prune", "source": "t", "transcribed_by": "us", "network": "n"}
        | {"dataset": "d", "method": method, "variant": variant, "speedup": speedup}
        for n, (method, variant, speedup) in enumerate(
            [("x", None, 2.0), ("y", "2", 2.0), ("y", None, 4.0), ("y", "2", 4.0)]
        )
    ]
    tables = {
        table: [{"key": key, "name": key.upper()} for key in keys]
        for table, keys in {"methods": "xy", "networks": "n", "datasets": "d"}.items()
    }
    papers = [{"key": "p", "title": "P", "first_author": "P", "year": 2020, "pruning": True}]
    corpus = corpus_of(papers=papers, results=rows, **tables)
    assert query(corpus, Filters(setup="S1"))["key"].to_list() == ["p/0", "p/1"]  # variants are one method
    assert query(corpus, Filters(setup="S1", method=("x",)))["key"].to_list() == ["p/0"]
    assert query(corpus, Filters(setup="S2")).is_empty()
    assert query(corpus, Filters(setup="S2", assume_equal={"base_checkpoint"})).height == 2


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"network": ("lenett",)}, "unknown network 'lenett'; did you mean 'lenet'"),
        ({"method": ("Methd A",)}, "did you mean 'Method A'"),
        ({"paper": ("A",)}, "unknown paper 'A'"),
        ({"origin": ("uz",)}, "did you mean 'us'"),
        ({"kind": ("pruned",)}, "did you mean 'prune'"),
        ({"metrics": ("top2",)}, "unknown metric 'top2'; did you mean 'top"),
        ({"setup": "S3"}, "unknown setup 'S3'; did you mean 'S3"),
    ],
)
def test_unknown_names(literature: Corpus, filters: dict[str, Any], message: str) -> None:
    with pytest.raises((CorpusError, SpecError), match=message):
        query(literature, Filters(**filters))


def test_columns(literature: Corpus) -> None:
    found = query(literature, Filters())
    assert tuple(found.columns) == COLUMNS
    assert tuple(chosen(found).columns) == SHOWN
    assert chosen(found, ["year", "key"]).columns == ["year", "key"]
    assert found.filter(key="talk/10")["year"].to_list() == [2017]
    with pytest.raises(CorpusError, match="unknown column 'yaer'; did you mean 'year'"):
        chosen(found, ["yaer"])


def test_years() -> None:
    assert parse_years("2018") == (2018, 2018)
    assert parse_years("2017..2019") == (2017, 2019)
    for text in ("", "18a", "2019..2017", "2017..", "2017-2019"):
        with pytest.raises(SpecError, match="years"):
            parse_years(text)


def test_sql(folder: Path) -> None:
    asked = "SELECT p.year, COUNT(*) AS n FROM results AS r JOIN papers AS p ON r.paper = p.key GROUP BY p.year"
    assert sorted(sql(folder, asked).rows()) == [(2009, 3), (2015, 2), (2016, 5), (2017, 1), (2023, 1)]
    assert sql(folder, "WITH x AS (SELECT key FROM networks) SELECT COUNT(*) AS n FROM x").item() == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT nework FROM results", "unknown column 'nework'; did you mean 'network'"),
        ("SELECT r.nework FROM results AS r", "unknown column 'nework'; did you mean 'network'"),
        ("SELECT key FROM result", "unknown table 'result'; did you mean 'results'"),
        ("SELECT key FROM results WHERE", "SQL: sql parser error.*tables: papers, methods"),
        ("SELECT top1 + paper FROM results", "SQL: arithmetic on dtypes"),
        ("DROP TABLE results", "expected SELECT"),
    ],
)
def test_errors_of_sql_are_one_line(folder: Path, text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        sql(folder, text)
    assert "\n" not in str(caught.value)


def test_only_tables_that_are_asked_for_are_read(folder: Path) -> None:
    (folder / "papers.parquet").write_bytes(b"damaged")
    assert sql(folder, "SELECT COUNT(*) AS n FROM results").item() == 12
    with pytest.raises(CorpusError, match=r"papers\.parquet is damaged"):
        sql(folder, "SELECT COUNT(*) FROM papers")


COLUMNS_OF_WORDS = [["a-very-long-name", "a-longer-name-still", "x", "93.53"], ["b", "c", "x", "1"]]


@pytest.mark.parametrize(
    ("columns", "width", "expected"),
    [
        (["paper ", "method ", "x ", "top1"], 80, [0, 1, 2, 3]),
        (["paper ", "method ", "x ", "top1"], 33, [0, 1, 2, 3]),  # 10 + 10 + 2 + 5 and 3 gaps of 2
        (["paper ", "method ", "x ", "top1"], 32, [0, 1, 2]),
        (["paper ", "variant ", "x ", "top1"], 32, [0, 2, 3]),  # a detail
        (["paper ", "method ", "x ", "top1"], 5, [0]),
    ],
)
def test_columns_that_fit(columns: list[str], width: int, expected: list[int]) -> None:
    assert fit(columns, COLUMNS_OF_WORDS, width) == expected


@pytest.mark.parametrize("width", [40, 80, 160])
def test_what_the_terminal_has_no_room_for_is_named(
    fairprune: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = fairprune("corpus", "query", "--corpus", folder, "--sql", "SELECT * FROM results")
    header = out.splitlines()[0].split()
    hidden = out.replace("\n", " ").partition("--json: ")[2].replace(",", "").split()[: len(COLUMNS) - 1 - len(header)]
    assert sorted([*header, *hidden]) == sorted(set(COLUMNS) - {"year"})


def test_the_command(fairprune: Command, folder: Path) -> None:
    asked = ("corpus", "query", "--corpus", folder)
    code, out, _ = fairprune(*asked, "--network", "lenet", "--dataset", "mnist")
    assert code == 0
    assert out.startswith("all: kind prune, network lenet, dataset mnist\n")
    assert out.endswith("3 rows\n")
    _, out, _ = fairprune(*asked, "--columns", "key,speedup", "--csv", "--metric", "speedup", "--limit", "2")
    assert out == "key,speedup\nb/4,2.0\nd/11,2.0\n"
    _, out, _ = fairprune(*asked, "--paper", "e", "--json")
    assert json.loads(out)[0].items() >= {"key": "e/12", "year": 2023, "top1": 98.0, "top5": None}.items()
    _, out, _ = fairprune(*asked, "--limit", "5")
    assert out.endswith("12 rows, 5 shown (--limit 0: all)\n")
    _, out, _ = fairprune(*asked, "--sql", "SELECT key, aliases FROM networks", "--csv")
    assert out == 'key,aliases\nlenet,""\nresnet,""\nvgg,""\n'
    _, out, _ = fairprune(
        *asked, "--sql", "SELECT network, ARRAY_AGG(seeds) AS s FROM results GROUP BY network", "--csv"
    )
    assert "resnet,3" in out
    _, out, _ = fairprune(*asked, "--sql", "SELECT * FROM results")
    assert " more columns in a wider terminal, by --columns, --csv or --json: " in " ".join(out.split())
    code, _, err = fairprune(*asked, "--sql", "SELECT 1", "--paper", "e")
    assert (code, err) == (2, "error: --sql stands alone, but for --limit: its WHERE takes the place of filters\n")
