"""Tables of others, read as text: rows with the line they begin on, and what their cells mean."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fairprune.corpus.tables import Note
from fairprune.errors import CorpusError, brief, unknown

T = TypeVar("T")

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """A row of a table: the file's name, the line that it begins on, and its cells without blanks around them."""

    file: str
    number: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    @property
    def place(self) -> str:
        """`FILE, line 3`."""
        return f"{self.file}, line {self.number}"

    def number_in(self, column: str, percent: bool = False) -> float | None:
        """A cell's number, None where it is blank. Raises CorpusError for what is none, or has or lacks a % sign."""
        text = self.cells.get(column, "")
        if not text:
            return None
        bare = text.removesuffix("%") if percent else text
        if not _NUMBER.fullmatch(bare) or (percent and bare == text) or not math.isfinite(float(bare)):
            raise CorpusError(f"{self.place}, {column}: '{text}': expected {'percent' if percent else 'a number'}")
        return float(bare)

    def number_of(self, column: str) -> float:
        """A cell's number. Raises CorpusError where there is none."""
        value = self.number_in(column)
        if value is None:
            raise CorpusError(f"{self.place}, {column}: missing; expected a number")
        return value

    def interpreted(self, field: str | None, text: str) -> Note:
        """A note that something here had to be interpreted."""
        return Note(self.place, field, "interpreted", text)

    def left_out(self, field: str | None, text: str) -> Note:
        """A note that something here was left out."""
        return Note(self.place, field, "left out", text)


def read_rows(lines: Sequence[Line], read: Callable[[Line], T]) -> tuple[list[tuple[Line, T]], list[Note]]:
    """What is read of each line, and notes on those that cannot be read, which are left out.

    Raises CorpusError where there are lines and none can be read.
    """
    found: list[tuple[Line, T]] = []
    notes: list[Note] = []
    for line in lines:
        try:
            found.append((line, read(line)))
        except CorpusError as error:
            notes.append(line.left_out(None, str(error).removeprefix(f"{line.place}, ")))
    if notes and not found:
        raise CorpusError(f"{notes[0].place}, {notes[0].text}")
    return found, notes


def read_csv(path: Path, needed: Collection[str]) -> list[Line]:
    """The rows of a CSV file that has these columns, in order. Raises CorpusError in one line where it has not."""
    return list(_lines(path.name, text_of(path), needed))


def header_of(path: Path) -> tuple[str, ...]:
    """The names of a file's columns; none where it cannot be read as a table."""
    try:
        first = next(csv.reader(io.StringIO(text_of(path), newline="")), [])
    except (CorpusError, csv.Error):
        return ()
    return tuple(name.strip() for name in first)


def text_of(path: Path) -> str:
    """A text file. Raises CorpusError where it cannot be read, or is not UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror or brief(error)}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise CorpusError(f"{path}, line {line}: not UTF-8; expected a text file in UTF-8") from None


def _lines(file: str, text: str, needed: Collection[str]) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins, header = 1, None
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if header is None:
                header = _header(file, stripped, needed)
            elif any(stripped):
                if len(cells) != len(header):
                    raise CorpusError(f"{file}, line {begins}: {len(cells)} cells; expected {len(header)}")
                yield Line(file, begins, dict(zip(header, stripped, strict=True)))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise CorpusError(f"{file}, line {begins}: not CSV: {brief(error)}") from None
    if header is None:
        raise CorpusError(f"{file} is empty; expected the columns {', '.join(needed)}")


def _header(file: str, names: list[str], needed: Collection[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise CorpusError(f"{file}, line 1: a column stands there twice")
    missing = next((name for name in needed if name not in names), None)
    if missing is not None:
        raise CorpusError(f"{file}, line 1: {unknown('column', missing, names).replace('unknown', 'no', 1)}")
    return names
