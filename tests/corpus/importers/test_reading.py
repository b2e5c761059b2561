from pathlib import Path

import pytest

from fairprune.corpus.importers.reading import header_of, read_csv, read_rows
from fairprune.errors import CorpusError


def written(folder: Path, data: bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(data)
    return path


def test_rows_begin_where_they_begin(tmp_path: Path) -> None:
    path = written(tmp_path, b'\xef\xbb\xbfa , b\n1,"x\ny"\n\n 2 ,z\n')
    lines = read_csv(path, ["a", "b"])
    assert [(line.place, dict(line.cells)) for line in lines] == [
        ("t.csv, line 2", {"a": "1", "b": "x\ny"}),
        ("t.csv, line 5", {"a": "2", "b": "z"}),
    ]
    assert header_of(path) == ("a", "b")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "t.csv is empty; expected the columns a, b"),
        (b"a,c\n1,2\n", "t.csv, line 1: no column 'b' (known: a, c)"),
        (b"a,bb\n1,2\n", "t.csv, line 1: no column 'b'; did you mean 'bb'? (known: a, bb)"),
        (b"a,b,a\n1,2,3\n", "t.csv, line 1: a column stands there twice"),
        (b"a,b\n1\n", "t.csv, line 2: 1 cells; expected 2"),
        (b'a,b\n1,2\n3,"x', "t.csv, line 3: not CSV: unexpected end of data"),
        (b'a,b\n1,"x"y\n', "t.csv, line 2: not CSV: ',' expected after '\"'"),
    ],
)
def test_damage_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(CorpusError) as caught:
        read_csv(written(tmp_path, data), ["a", "b"])
    assert str(caught.value) == said


def test_other_encodings_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n1,2\n1,\xe9t\xe9\n")
    with pytest.raises(CorpusError, match=r"t\.csv, line 3: not UTF-8; expected a text file in UTF-8$"):
        read_csv(path, ["a", "b"])
    assert header_of(path) == ()
    with pytest.raises(CorpusError, match=r"line 1: not UTF-8"):
        read_csv(written(tmp_path, "a,b\n".encode("utf-16")), ["a"])
    with pytest.raises(CorpusError, match=r"cannot read .*nowhere\.csv: No such file"):
        read_csv(tmp_path / "nowhere.csv", ["a"])


@pytest.mark.parametrize(
    ("cell", "percent", "said"),
    [("x", False, "'x': expected a number"), ("5", True, "'5': expected percent"), ("5%", False, "expected a number")],
)
def test_cells_that_are_no_numbers(tmp_path: Path, cell: str, percent: bool, said: str) -> None:
    (line,) = read_csv(written(tmp_path, f"a,b\n1,{cell}\n".encode()), ["a", "b"])
    with pytest.raises(CorpusError, match=rf"t\.csv, line 2, b: .*{said}"):
        line.number_in("b", percent)


def test_numbers(tmp_path: Path) -> None:
    (line,) = read_csv(written(tmp_path, b"a,b,c\n1.50,-0.400%,\n"), ["a"])
    assert line.number_in("a") == 1.5
    assert line.number_in("b", percent=True) == -0.4
    assert line.number_in("c") is None
    with pytest.raises(CorpusError, match="line 2, c: missing"):
        line.number_of("c")


def test_rows_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    lines = read_csv(written(tmp_path, b"a\n1\nx\n3\n"), ["a"])
    found, notes = read_rows(lines, lambda line: line.number_of("a"))
    assert [value for _, value in found] == [1, 3]
    assert [(note.place, note.what, note.text) for note in notes] == [
        ("t.csv, line 3", "left out", "a: 'x': expected a number")
    ]
    with pytest.raises(CorpusError, match=r"t\.csv, line 3, a: 'x': expected a number"):
        read_rows(lines[1:2], lambda line: line.number_of("a"))
    assert read_rows([], lambda line: line) == ([], [])
