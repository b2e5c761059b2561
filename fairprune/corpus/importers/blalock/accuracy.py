"""The columns of results.csv about accuracy."""

from __future__ import annotations

from fairprune.corpus.importers.reading import Line
from fairprune.corpus.importers.units import accuracy_from_error, rounded
from fairprune.corpus.tables import Note

ROUNDING = 0.011  # points: three figures with two decimals


def accuracies(line: Line, notes: list[Note]) -> dict[str, float | None]:
    """Accuracies in percent and their changes in points; `notes` grows by what is interpreted or left out."""
    found: dict[str, float | None] = {}
    for name in ("1", "5"):
        found[f"top{name}"] = _accuracy(line, f"top{name}", f"Top{name}", f"Err{name}", notes)
        found[f"base_top{name}"] = _accuracy(line, f"base_top{name}", f"OrigTop{name}", f"OrigErr{name}", notes)
        found[f"top{name}_change"] = _change(line, f"top{name}", f"dTop{name}", found, notes)
    found["top1_std"] = line.number_in("stdTop1", percent=True)
    found["base_top1_std"] = line.number_in("stdOrigTop1", percent=True)
    return found


def _accuracy(line: Line, name: str, right: str, wrong: str, notes: list[Note]) -> float | None:
    """An accuracy, or 100 minus an error; what is printed as an accuracy stands, where there are both."""
    value, error = line.number_in(right, percent=True), line.number_in(wrong, percent=True)
    if value is None and error is not None:
        notes.append(line.interpreted(name, "100 minus the error that is printed"))
        value = accuracy_from_error(error)
    if value is not None and not 0 <= value <= 100:
        notes.append(line.left_out(name, f"{value:g} is no percentage"))
        return None
    return value


def _change(line: Line, name: str, column: str, found: dict[str, float | None], notes: list[Note]) -> float | None:
    """Final minus base, unless the two accuracies contradict it."""
    change, value, base = line.number_in(column, percent=True), found[name], found[f"base_{name}"]
    if change is None or value is None or base is None or abs(value - base - change) <= ROUNDING:
        return change
    follows = rounded(value - base)
    notes.append(line.left_out(f"{name}_change", f"{change:g}, but {value:g} minus the base's {base:g} is {follows:g}"))
    return None
