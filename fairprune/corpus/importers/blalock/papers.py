"""papers.csv: papers, their methods, and whom they compare with."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from fairprune.corpus.importers.blalock.names import shipped_toml
from fairprune.corpus.importers.reading import Line
from fairprune.corpus.tables import Note
from fairprune.errors import CorpusError

COLUMNS = ("Name", "Date", "AuthorName", "Venue", "BibTeX", "Compares To", "Non-pruning")
NOT_PRUNING = "lempitsky-fast-convnets"  # Blalock et al. leave its results out of their counts

_ARXIV = re.compile(r"arXiv[:\s]+(\d{4}\.\d{4,5})|eprint=\{(\d{4}\.\d{4,5})\}")
_DATE = re.compile(r"(\d{4})-(\d{1,2})")
_ACCENT = re.compile(r"\{?\\'\{?([a-zA-Z])\}?\}?")


def papers(lines: list[Line]) -> list[dict[str, Any]]:
    """Rows of the table `papers`. Raises CorpusError for a date or an entry that cannot be read."""
    known = shipped_toml("papers")
    return [_paper(line, known.get(line["Name"], {})) for line in lines]


def methods(lines: list[Line]) -> list[dict[str, Any]]:
    """Rows of the table `methods`: one for each paper, under its key."""
    known = shipped_toml("papers")
    return [_method(line["Name"], known.get(line["Name"], {})) for line in lines]


def comparisons(lines: list[Line]) -> list[dict[str, str]]:
    """Rows of the table `comparisons`, in the order of the file, each pair once."""
    pairs = [(line["Name"], other.strip()) for line in lines for other in line["Compares To"].split(",")]
    return [{"paper": paper, "compared_to": other} for paper, other in dict.fromkeys(pairs) if other]


def notes(lines: list[Line]) -> Iterator[Note]:
    """What had to be interpreted."""
    known = shipped_toml("papers")
    dates = {line["Name"]: _date(line) for line in lines}
    for line in lines:
        given = known.get(line["Name"], {})
        if "venue" in given:
            yield line.interpreted("venue", f"{given['venue']}: {given['why']}")
        if line["Non-pruning"]:
            yield line.interpreted("pruning", "marked as not about pruning; its results count in the paper's figures")
        if line["Name"] == NOT_PRUNING:
            yield line.interpreted("pruning", "not marked, but its results do not count in the paper's figures")
        if _plain(_family(line)) != _plain(line["AuthorName"].partition(",")[0]):
            yield line.interpreted("first_author", f"{_family(line)}, as its BibTeX entry says")
        for other in line["Compares To"].split(","):
            if dates.get(other.strip(), (0, 0))[0] > dates[line["Name"]][0] + 1:
                yield line.interpreted("compared_to", f"{other.strip()} came out years later; kept, as it counts")


def _paper(line: Line, given: Mapping[str, Any]) -> dict[str, Any]:
    year, month = _date(line)
    arxiv = _ARXIV.search(line["BibTeX"])
    return {
        "key": line["Name"],
        "title": given.get("title", _decoded(_entry(line, "title"))),
        "first_author": _family(line),
        "year": year,
        "month": month,
        "venue": given.get("venue", line["Venue"] or None),
        "url": f"https://arxiv.org/abs/{arxiv[1] or arxiv[2]}" if arxiv else None,
        "pruning": line["Name"] != NOT_PRUNING,
    }


def _method(key: str, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": key,
        "name": given.get("method", key),
        "aliases": list(given.get("aliases", ())),
        "paper": key,
        "component": given.get("component"),
    }


def _date(line: Line) -> tuple[int, int]:
    match = _DATE.fullmatch(line["Date"])
    if not match:
        raise CorpusError(f"{line.place}, Date: '{line['Date']}': expected a year and a month, as in 2019-6")
    return int(match[1]), int(match[2])


def _entry(line: Line, field: str) -> str:
    """A field of its BibTeX entry."""
    match = re.search(rf"\b{field}\s*=\s*\{{((?:[^{{}}]|\{{[^{{}}]*\}})*)\}}", line["BibTeX"])
    if not match:
        raise CorpusError(f"{line.place}, BibTeX: no {field}; expected an entry with {field}={{...}}")
    return " ".join(match[1].split())


def _family(line: Line) -> str:
    first = _decoded(_entry(line, "author").split(" and ")[0])
    return first.partition(",")[0] if "," in first else first.split()[-1]


def _decoded(text: str) -> str:
    accented = _ACCENT.sub(lambda match: unicodedata.normalize("NFC", f"{match[1]}\N{COMBINING ACUTE ACCENT}"), text)
    return accented.replace("{", "").replace("}", "")


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
