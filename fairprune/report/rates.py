"""What accuracy is laid against: compression, theoretical speedup, and speedup that was measured."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fairprune.report import words
from fairprune.summary import Cell, Range, Summary

_MEASURED = re.compile(r"measured_speedup_b(\d+)")


@dataclass(frozen=True)
class Rate:
    """One of them: `key` is its name in pages and on the command line; `batch_size` where it was measured."""

    key: str
    kind: Literal["compression", "speedup", "measured"]
    name: str
    title: str
    batch_size: int = 0

    @property
    def least(self) -> float:
        """How far an axis of it reaches at least: little is gained in measured time, often."""
        return 1.25 if self.kind == "measured" else 2.0

    def of(self, cell: Cell) -> Range | None:
        """What a cell's runs reach; None where nothing is known."""
        if self.kind == "compression":
            return cell.compression
        if self.kind == "speedup":
            return cell.speedup
        found = next((m for m in cell.measured if m.name == f"measured_speedup_b{self.batch_size}"), None)
        return Range(mean=found.mean, min=found.min, max=found.max) if found else None

    def factor(self, cell: Cell) -> float | None:
        """Its mean, as it is drawn: only what was measured can lie below 1."""
        found = self.of(cell)
        return None if found is None else found.mean if self.kind == "measured" else max(found.mean, 1.0)


COMPRESSION = Rate("compression", "compression", "compression", "compression (dense / kept parameters)")
SPEEDUP = Rate("speedup", "speedup", "theoretical speedup", "theoretical speedup (dense / kept multiply-adds)")


def rates(summary: Summary) -> tuple[Rate, ...]:
    """All that are known of a study: compression, theoretical speedup, and one a batch size that was timed."""
    cells = (cell for panel in summary.panels for cell in panel.cells)
    sizes = {int(found[1]) for cell in cells for m in cell.measured if (found := _MEASURED.fullmatch(m.name))}
    return (COMPRESSION, SPEEDUP, *(_measured(size) for size in sorted(sizes)))


def shown_first(summary: Summary) -> Rate:
    """The one that the study declared."""
    return SPEEDUP if summary.axis == "speedup" else COMPRESSION


def machines(summary: Summary) -> str:
    """A sentence on where latency was measured; empty where it was not."""
    if not summary.timed:
        return ""
    named = "; ".join(f"{place.text} ({words.plural(place.runs, 'run')})" for place in summary.timed)
    apart = "" if len(summary.timed) == 1 else " Times of different machines do not compare, and are mixed here."
    return f"Measured on {named}.{apart}"


def _measured(size: int) -> Rate:
    name = f"measured speedup, batch {size}"
    return Rate(f"measured-b{size}", "measured", name, f"{name} (dense / pruned latency)", size)
