import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fairprune.corpus.importing import import_sources, line_of, markdown, told
from fairprune.corpus.tables import SHIPPED, Note, load
from fairprune.errors import CorpusError

Command = Callable[..., tuple[int, str, str]]
ROWS = "dataset,network,method,compression,replicate,top1\nCIFAR-10,tiny_resnet18,SynFlow,10.0,0,93.5\n"


def note(line: int, field: str | None = "top1", text: str = "t") -> Note:
    return Note(f"f.csv, line {line}", field, "interpreted", text)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "synflow.csv"
    path.write_text(ROWS)
    return path


def test_notes_that_say_the_same_are_one() -> None:
    notes = [note(3), note(9, "top5"), note(5), note(4), note(2, None, "u"), Note("g.csv", None, "left out", "t")]
    assert [line_of(each) for each in told(notes)] == [
        "g.csv: t",
        "f.csv, lines 3-5 and 9 (top1, top5): t",
        "f.csv, line 2: u",
    ]
    assert line_of(told([note(n) for n in (1, 3, 5, 6)])[0]) == "f.csv, lines 1, 3 and 5-6 (top1): t"


def test_an_import_replaces_what_its_origin_had(source: Path) -> None:
    shipped = load()
    imported = import_sources(shipped, [source])
    kept = imported.corpus["results"].filter(origin="tanaka-2020")
    assert kept["top1"].to_list() == [93.5]
    others = shipped["results"].filter(origin="blalock-2020")
    assert imported.corpus["results"].filter(origin="blalock-2020").equals(others)
    assert imported.rows["tanaka-2020"]["results"] == 1
    assert "| tanaka-2020 | " in markdown(imported)


def test_faults_name_file_and_line(source: Path) -> None:
    source.write_text(ROWS.replace("10.0", "0.5"))
    with pytest.raises(CorpusError, match=r"synflow\.csv, line 2, compression: 0\.5: expected .*\[ratio\]"):
        import_sources(load(), [source])
    source.write_text(ROWS + ROWS.splitlines()[1] + "\n")
    with pytest.raises(CorpusError, match=r"synflow\.csv, line 3, key: .*stands there twice \[duplicate-key\]"):
        import_sources(load(), [source])


def test_the_command_writes_the_same_bytes_twice(source: Path, tmp_path: Path, fairprune: Command) -> None:
    into, report = tmp_path / "corpus", tmp_path / "report.md"
    code, out, err = fairprune("corpus", "import", source, "--into", into, "--report", report)
    assert (code, err) == (0, "")
    assert "interpreted: synflow.csv (retrain_schedule): " in out
    assert out.endswith(f"written to {into}\n")
    assert report.read_text().startswith("# What an import left out or interpreted\n")
    first = {path.name: path.read_bytes() for path in into.iterdir()}
    code, out, _ = fairprune("corpus", "import", source, "--into", into, "--json")
    assert code == 0
    assert {path.name: path.read_bytes() for path in into.iterdir()} == first
    said = json.loads(out)
    assert said["rows"]["tanaka-2020"]["results"] == 1
    assert {"place", "field", "what", "text"} == said["notes"][0].keys()


def test_what_the_command_refuses(source: Path, tmp_path: Path, fairprune: Command) -> None:
    into = tmp_path / "corpus"
    for arguments, said in (
        ((tmp_path / "nowhere",), "there is no "),
        ((tmp_path,), "cannot tell what "),
        ((source, "--report", "r.txt"), "expected a file that ends in .md or .json"),
        ((source, "--fresh"), "dataset: unknown dataset 'cifar-10'"),
    ):
        code, out, err = fairprune("corpus", "import", *arguments, "--into", into)
        assert (code, out) == (2, "")
        assert said in err
        assert len(err.splitlines()) == 1
    assert not into.exists()


def test_the_shipped_folder_is_whole() -> None:
    assert load(SHIPPED).origins
