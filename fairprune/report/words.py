"""Numbers and counts in words, the same in every table and page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a summary brings statistics, and these torch; words are said of less, too
    from fairprune.summary import Cell, Comparison, Range, Spread, State, Summary

MARKS = {"better": "▲", "worse": "▼", "not separated": "○", "not estimable": "–"}
_ENDPOINTS = {"top1": "top-1 accuracy", "top5": "top-5 accuracy"}
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_FINE = 1000  # test samples from which hundredths of a percent mean something


def digits(summary: Summary) -> int:
    """Decimals of an endpoint: no finer than the test split can tell apart."""
    if summary.unit != "%":
        return 4
    return 2 if summary.samples.get("test", 0) >= _FINE else 1


def endpoint(summary: Summary) -> str:
    """The endpoint by the name that papers give it."""
    return _ENDPOINTS.get(summary.endpoint, summary.endpoint.replace("_", " "))


def number(value: float, decimals: int, sign: str = "") -> str:
    """A number with a true minus sign, and none before a zero."""
    return f"{value:{sign}z.{decimals}f}".replace("-", "−")


def interval(value: Spread | Comparison, decimals: int, sign: str = "") -> str:
    """`[low, high]`, or nothing where there is no interval."""
    if value.low is None or value.high is None:
        return ""
    return f"[{number(value.low, decimals, sign)}, {number(value.high, decimals, sign)}]"


def spread(value: Spread | None, decimals: int) -> str:
    """`mean [low, high]`; a mean alone where one value is all there is."""
    return f"{number(value.mean, decimals)} {interval(value, decimals)}".strip() if value else "–"


def difference(value: Comparison | None, decimals: int) -> str:
    """`+difference [low, high]`."""
    if value is None or value.difference is None:
        return "–"
    return f"{number(value.difference, decimals, '+')} {interval(value, decimals, '+')}".strip()


def verdict(value: Comparison | None) -> str:
    """The verdict with its mark: never by colour alone."""
    if value is None:
        return ""
    return f"{MARKS[value.verdict]} {value.verdict}" + (", equivalent" if value.equivalent else "")


def times(value: float) -> str:
    """A factor with two significant decimals: `1.98x`, `16x`, `25.1x`."""
    return f"{value:.2f}".rstrip("0").rstrip(".") + "x" if value < 10 else f"{value:.1f}".removesuffix(".0") + "x"


def achieved(value: Range | None) -> str:
    """The mean factor, or smallest and largest where runs differ by more than 2 %."""
    if value is None:
        return "–"
    if value.max - value.min <= 0.02 * value.mean:
        return times(value.mean)
    return f"{times(value.min).removesuffix('x')}–{times(value.max)}"


def target(cell: Cell) -> str:
    """The target's value: a factor, or a fraction of units removed."""
    return "" if cell.amount is None else amount_of(cell.target, cell.amount)


def amount_of(target: str, value: float) -> str:
    """A target's value by its text."""
    return f"{value:g} removed" if target.startswith("ratio") else f"{value:g}x"


def runs(cell: Cell) -> str:
    """`3/3`, or `1/3 (1 diverged, 1 missing)`."""
    others = unfinished(cell.counts)
    return f"{cell.done}/{cell.expected}" + (f" ({others})" if others else "")


def unfinished(counts: Mapping[State, int]) -> str:
    """`1 failed, 2 diverged`, worst first; empty where every run ended."""
    order: tuple[State, ...] = ("failed", "diverged", "skipped", "missing")
    return ", ".join(f"{counts[state]} {state}" for state in order if counts.get(state))


def measured(cell: Cell) -> list[tuple[str, tuple[str, str, str]]]:
    """What was measured besides, a line a metric: its name and unit, its means on base, pruned and final network."""
    means = {(m.name, m.when): f"{m.mean * (100 if m.unit.startswith('fraction') else 1):.4g}" for m in cell.measured}
    units = {m.name: m.unit.replace("fraction", "%") for m in cell.measured}
    return [
        (
            name.replace("_", " ") + (f", {unit}" if unit else ""),
            (means.get((name, "base"), ""), means.get((name, "pruned"), ""), means.get((name, "final"), "")),
        )
        for name, unit in units.items()
    ]


def listed(items: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last


def capital(text: str) -> str:
    """The text with its first letter raised."""
    return text[:1].upper() + text[1:]


def plural(n: int, noun: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def duration(seconds: float) -> str:
    """`42 s`, `7.5 min`, `3.2 h`."""
    if seconds < 90:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def amount(value: float) -> str:
    """A count of operations with its power of ten: `3.2e12` as `3.2 · 10¹²`."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return "0" if value == 0 else f"{mantissa} · 10{str(int(exponent)).translate(_RAISED)}"


def device_hours(summary: Summary) -> str:
    """What a study took, `0.71 CPU-hours`: the time of each stage on its device, whatever its threads."""
    hours = sum(charge.seconds for charge in summary.charges) / 3600
    kinds = sorted({"CPU" if place.text.startswith("CPU") else "GPU" for place in summary.places})
    return f"{hours:.2g} {kinds[0]}-hours" if len(kinds) == 1 else f"{hours:.2g} hours of {' and '.join(kinds)}"


def notes(summary: Summary) -> list[str]:
    """What a reader of the table alone must know."""
    family = max((c.family for c in summary.comparisons), default=0)
    tested = f"the {plural(family, 'declared comparison')} of the study" if family else "all declared comparisons"
    images = summary.samples.get("test")
    return [
        f"[ ]: {summary.confidence:.0%} intervals over runs; against control they are simultaneous.",
        f"Verdicts are corrected for {tested} (Holm) and hold for {f'these {images:,}' if images else 'these'} test "
        "images. Not separated does not mean equal.",
        f"Ranks: all that comparisons of every two methods allow, which hold together at {summary.confidence:.0%} over "
        "the study (Tukey, Holm); methods that are not separated share ranks.",
        "Compression: parameters, dense over kept, of the whole network. Speedup is theoretical: multiply-adds, dense "
        "over kept; masked weights are executed densely.",
    ]


def points_of(summary: Summary) -> str:
    """What differences are counted in."""
    return "points" if summary.unit == "%" else summary.unit
