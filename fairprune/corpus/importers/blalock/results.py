"""results.csv: one row for each result that a paper prints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from fairprune.corpus.importers.blalock.accuracy import accuracies
from fairprune.corpus.importers.blalock.names import UNKNOWN, names, shipped_toml
from fairprune.corpus.importers.blalock.sizes import sizes
from fairprune.corpus.importers.reading import Line
from fairprune.corpus.tables import Note
from fairprune.errors import CorpusError

COLUMNS = (
    *("Name", "Paper", "Dataset", "Model", "Method", "Notes", "NumTrials", "Err1", "Err5", "Top1", "stdTop1", "dTop1"),
    *("Top5", "dTop5", "MParams", "savedParams", "keptParams", "GFLOPS", "savedFLOPS", "keptFLOPS", "OrigTop1"),
    *("stdOrigTop1", "OrigTop5", "OrigMParams", "OrigGFLOPS", "old/new Nparam", "old/new FLOPS", "OrigErr1"),
    "OrigErr5",
)
BY = "Blalock et al. 2020"
SCRATCH = "rethinking-net-pruning"  # trains small networks anew, but where it repeats magnitude pruning

_PLACE = re.compile(r"\b(table|fig(?:ure)?)\.? ?(\d+)([a-z]\b)?", re.IGNORECASE)


@dataclass(frozen=True)
class Amendment:
    """What a row needs besides its columns; see rows.toml."""

    why: str | None = None
    set: Mapping[str, Any] = field(default_factory=dict)
    unset: Sequence[str] = ()
    where: str | None = None
    remark: str | None = None


def result(line: Line) -> tuple[dict[str, Any], list[Note]]:
    """A row of the table `results`, and what of it had to be interpreted or left out.

    Raises CorpusError for cells that cannot be read.
    """
    notes: list[Note] = []
    amended = _amendments().get(line["Name"], ())
    row = _what(line) | accuracies(line, notes)
    row |= sizes(line, row["network"], row["dataset"], notes)
    for each in amended:
        row |= dict.fromkeys(each.unset) | dict(each.set)
        notes = [note for note in notes if note.field not in each.set]
        if each.why:
            row["corrected"] = f"{each.why} (fairprune)"
            notes += [line.left_out(name, each.why) for name in each.unset]
            notes += [line.interpreted(name, each.why) for name in each.set]
        elif each.remark:
            notes += [line.interpreted(name, each.remark) for name in each.set or (None,)]
    where = [each.where for each in amended if each.where is not None]
    remarks = [f"({each.remark})" for each in amended if each.remark]
    place = where[0] if where else _place(line["Notes"])
    source = ", ".join(part for part in (f"results.csv row {line['Name']}", place) if part)
    return row | {"source": " ".join([source, *remarks])}, notes


def _what(line: Line) -> dict[str, Any]:
    """Whose result it is, and of what."""
    trials = line.number_in("NumTrials")
    if trials is not None and not (trials >= 1 and trials == int(trials)):
        raise CorpusError(f"{line.place}, NumTrials: {trials:g}: expected a whole number of runs")
    scratch = line["Paper"] == SCRATCH and line["Method"] != "Magnitude"
    return {
        "key": f"{line['Paper']}/{line['Name']}",
        "paper": line["Paper"],
        "transcribed_by": BY,
        "kind": "scratch" if scratch else "prune",
        "method": line["Paper"],
        "variant": line["Method"] or None,
        "network": names("networks").key(line["Model"]),
        "dataset": names("datasets").key(line["Dataset"]),
        "seeds": None if trials is None else int(trials),
    }


def _place(remarks: str) -> str:
    """The first table or figure that remarks name."""
    match = _PLACE.search(remarks)
    if not match:
        return ""
    return f"{'table' if match[1].lower() == 'table' else 'figure'} {match[2]}{match[3] or ''}"


def unknown_names(lines: Sequence[Line]) -> list[Note]:
    """Notes on rows whose network or data set the file does not know."""
    return [
        line.left_out(name, "not known which one; null, and out of the counts")
        for line in lines
        for name, column in (("network", "Model"), ("dataset", "Dataset"))
        if line[column] == UNKNOWN
    ]


@cache
def _amendments() -> Mapping[str, tuple[Amendment, ...]]:
    found: dict[str, tuple[Amendment, ...]] = {}
    for given in shipped_toml("rows")["rows"]:
        amendment = Amendment(**{name: value for name, value in given.items() if name != "ids"})
        for row in given["ids"]:
            found[str(row)] = (*found.get(str(row), ()), amendment)
    return MappingProxyType(found)
