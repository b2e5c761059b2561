"""lottery-tix: means over runs of Frankle et al. 2019 with ResNet-50 on ImageNet, by epoch of resetting and pruning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairprune.corpus.importers.reading import Line, header_of, read_csv
from fairprune.corpus.importers.units import rate_from_kept, rounded
from fairprune.corpus.tables import Note, Part
from fairprune.errors import CorpusError

FOLDER = "lottery-tix"
ORIGIN = "frankle-2019"
PAPER = "lottery-ticket-followup"

_KEPT = re.compile(r"fracRemaining=(\d+)%")
_RANDOM = "R"
_FIGURES = (
    ("fig5-resnet50-reset-to-epoch-vs-top1.csv", "resetToEpoch", "figure 5", "reset to epoch {}"),
    ("fig9-resnet50-turnaround-epoch-vs-top1.csv", "pruneAtEpoch", "figure 9", "pruned at epoch {}"),
)


def part(folder: Path) -> Part:
    """Every mean as a row. Raises CorpusError for a file that is missing, or cannot be read."""
    results: list[dict[str, Any]] = []
    notes: list[Note] = []
    for file, epoch, figure, setting in _FIGURES:
        path = folder / file
        kept = [(name, match[1]) for name in header_of(path) if (match := _KEPT.fullmatch(name))]
        stds = [f"stdFrac{percent}%" for _, percent in kept]
        found = [
            row
            for line in read_csv(path, [epoch, *(name for name, _ in kept), *stds])
            for row in _means(line, kept, line[epoch], setting)
        ]
        repeated = {_printed(row) for row in results}
        new = [row for row in found if _printed(row) not in repeated]
        results += [row | {"source": f"{figure}, {file}, {row['setting']}"} for row in new]
        notes.append(Note(file, "compression", "interpreted", "dense over pruned is 1 / (fraction remaining)"))
        if len(new) < len(found):
            notes.append(Note(file, None, "left out", f"{len(found) - len(new)} figures that {_FIGURES[0][0]} has too"))
        if (folder / f"_{file}").exists():
            notes.append(Note(f"_{file}", None, "left out", "the same means as the file without _, and no deviations"))
    return Part(ORIGIN, {"results": results}, tuple(notes))


def _means(line: Line, kept: list[tuple[str, str]], epoch: str, setting: str) -> Iterator[dict[str, Any]]:
    """One row for each fraction that remains."""
    told = "newly initialised" if epoch == _RANDOM else setting.format(epoch)
    for column, percent in kept:
        rate = rate_from_kept(float(percent))
        if rate is None:
            raise CorpusError(f"{line.file}, line 1: {column}: expected a percentage from 1 to 100")
        yield {
            "key": f"{ORIGIN}/{told.replace(' ', '-')}/{percent}",
            "paper": PAPER,
            "transcribed_by": "Blalock et al. 2020",
            "kind": "prune",
            "method": PAPER,
            "setting": told,
            "granularity": "weight",
            "dataset": "imagenet",
            "network": "resnet-50",
            "top1": line.number_of(column),
            "top1_std": line.number_of(f"stdFrac{percent}%"),
            "compression": rounded(rate),
        }


def _printed(row: dict[str, Any]) -> tuple[float, float, float]:
    return row["compression"], row["top1"], row["top1_std"]
