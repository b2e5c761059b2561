from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairprune.corpus.importers import results_file
from fairprune.corpus.importers.document import About, read_document
from fairprune.corpus.importers.known import read_source
from fairprune.corpus.tables import Corpus, Part, nothing
from fairprune.errors import CorpusError

ROWS = "id,method,network,dataset,top1,speedup,source\na,L1,resnet56,cifar10,93,2,table 1\nb,,,,92,,\n"


def written(folder: Path, text: str, name: str = "mine.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def told(part: Part) -> list[dict[str, Any]]:
    """The results, without what is null."""
    rows = part.frames["results"].drop("origin").rows(named=True)
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def test_a_file_of_one_paper(tmp_path: Path, known: Corpus) -> None:
    path = written(tmp_path, ROWS.replace("92,,", "92,,table 2"))
    (part,) = read_source(path, known, "li-2017")
    assert part.origin == "mine"
    first, second = told(part)
    assert first == {
        "key": "li-2017/table-1/a",
        "kind": "prune",
        "method": "l1",
        "network": "resnet-56",
        "dataset": "cifar-10",
        "top1": 93.0,
        "speedup": 2.0,
        "paper": "li-2017",
        "source": "table 1, a",
        "transcribed_by": "read from mine.csv",
    }
    assert (second["key"], second["top1"]) == ("li-2017/table-2/b", 92.0)


def test_rows_that_name_their_papers(tmp_path: Path, known: Corpus) -> None:
    text = "id;paper;source;top1\na;li-2017;table 1;93\na;luo-2017;table 1;92\nb;;table 1;91\nc;li-2018;table 1;90\n"
    part, faults = results_file.examine(path := written(tmp_path, text), known, About.of(path))
    assert [row["key"] for row in part.rows["results"]][:2] == ["li-2017/table-1/a", "luo-2017/table-1/a"]
    missing, unknown = map(str, faults)
    assert missing == "mine.csv, line 4, paper: expected a column with its key, --paper or --about [missing]"
    assert unknown.startswith("mine.csv, line 5, paper: unknown paper 'li-2018'; did you mean 'li-2017'?")


def test_json_has_the_same_keys(tmp_path: Path, known: Corpus) -> None:
    path = written(tmp_path, '[{"id": "a", "paper": "li-2017", "source": "table 1", "top1": 931}]', "mine.json")
    assert results_file.recognises(path)
    with pytest.raises(CorpusError, match=r"mine\.json, result 1, top1: '931'"):
        results_file.read(path, known)


def test_a_source_has_to_be_named(tmp_path: Path, known: Corpus) -> None:
    with pytest.raises(CorpusError, match=r"mine\.csv, line 3, source: expected where in it: .*\[missing\]$"):
        read_source(written(tmp_path, ROWS), known, "li-2017")


def test_a_new_paper_stands_in_a_file_beside(tmp_path: Path, known: Corpus) -> None:
    head = "transcribed_by = 'me'\n[paper]\nkey = 'doe-2024'\ntitle = 'T'\nfirst_author = 'Doe'\nyear = 2024\n"
    about = written(tmp_path, f"{head}[[networks]]\nkey = 'tiny'\nname = 'Tiny'\n", "doe.toml")
    path = written(tmp_path, "id,network,source\na,Tiny,table 1\n")
    (part,) = read_source(path, known, about=about)
    assert part.origin == "doe"
    assert [row["key"] for row in part.rows["papers"]] == ["doe-2024"]
    (row,) = told(part)
    assert (row["paper"], row["network"], row["transcribed_by"]) == ("doe-2024", "tiny", "me")
    with pytest.raises(CorpusError, match="both say which paper"):
        read_source(path, known, "li-2017", about)
    with pytest.raises(CorpusError, match=r"doe\.toml says itself of which paper it is"):
        read_source(about, known, "li-2017")
    assert About.told(read_document(about), known).broken is False


def test_bytes_that_are_no_text_are_named(tmp_path: Path, known: Corpus) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(b"id,source,method\na,table 1,L\xff\nb,t\xff,L1\n")
    _, faults = results_file.examine(path, known, About.of(path, "li-2017"))
    assert [(fault.place, fault.field, fault.text) for fault in faults] == [
        ("mine.csv, line 2", "method", "not UTF-8; save the file in that encoding"),
        ("mine.csv, line 3", "source", "not UTF-8; save the file in that encoding"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.csv", ROWS, True),
        ("a.csv", '\n\n"id"\ttop1\n', True),
        ("a.csv", "dataset,network,method,compression,replicate,top1\n", False),
        ("a.csv", "", False),
        ("a.json", '{"results": [{"id": 3}]}', True),
        ("a.json", "[]", False),
        ("a.txt", ROWS, False),
    ],
)
def test_what_it_recognises(tmp_path: Path, name: str, text: str, expected: bool) -> None:
    assert results_file.recognises(written(tmp_path, text, name)) == expected


def test_it_recognises_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    assert not results_file.recognises(tmp_path / "a.csv")
    with pytest.raises(CorpusError, match=r"no file .*nowhere\.csv"):
        results_file.read(tmp_path / "nowhere.csv", nothing())
