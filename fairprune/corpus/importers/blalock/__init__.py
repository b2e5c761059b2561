"""The collection of Blalock et al. 2020 (arXiv 2003.03033): papers.csv, results.csv, and tables in folders beside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fairprune.corpus.importers.blalock import dense, papers, results, sweeps, tickets
from fairprune.corpus.importers.blalock.names import UNKNOWN, names
from fairprune.corpus.importers.reading import header_of, read_csv, read_rows
from fairprune.corpus.tables import Corpus, Part

WHAT = "a folder with papers.csv and results.csv of Blalock et al. 2020"
ORIGIN = "blalock-2020"


def recognises(path: Path) -> bool:
    """Whether it is a folder with both files, with columns that only they have."""
    marks = {"papers.csv": "Compares To", "results.csv": "old/new Nparam"}
    return path.is_dir() and all(mark in header_of(path / name) for name, mark in marks.items())


def read(path: Path, corpus: Corpus) -> Sequence[Part]:  # noqa: ARG001 it refers to nothing that is there already
    """One part for results.csv, and one for each table in the folders beside it that are there."""
    zoos = [zoo for zoo in dense.ZOOS if (path / zoo.file).exists()]
    beside = [dense.part(zoo, path) for zoo in zoos]
    beside += [each.part(path / each.FOLDER) for each in (sweeps, tickets) if (path / each.FOLDER).is_dir()]
    return [_collection(path, [model for zoo in zoos for model in dense.models(zoo, path)]), *beside]


def _collection(path: Path, models: Sequence[str]) -> Part:
    """papers.csv and results.csv; `models` are networks that tables beside them have."""
    listed = read_csv(path / "papers.csv", papers.COLUMNS)
    lines = read_csv(path / "results.csv", results.COLUMNS)
    found, unread = read_rows(lines, results.result)
    networks = [line["Model"] for line in lines if line["Model"] != UNKNOWN]
    datasets = [line["Dataset"] for line in lines if line["Dataset"] != UNKNOWN]
    return Part(
        ORIGIN,
        {
            "papers": papers.papers(listed),
            "methods": papers.methods(listed),
            "networks": names("networks").rows(dict.fromkeys([*networks, *models])),
            "datasets": names("datasets").rows(dict.fromkeys(datasets)),
            "results": [row for _, (row, _) in found],
            "comparisons": papers.comparisons(listed),
        },
        (
            *papers.notes(listed),
            *unread,
            *(note for _, (_, notes) in found for note in notes),
            *results.unknown_names(lines),
        ),
        {
            **{("papers", (line["Name"],)): line.place for line in listed},
            **{("results", (row["key"],)): line.place for line, (row, _) in found},
        },
    )
