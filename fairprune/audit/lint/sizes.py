"""Rules about the sizes in one row: do its ratios, and its sizes against the base network's, say the same?

Each of them implies a fraction of the base network that is kept. Where two cannot both be right within their printed
digits, the rules try the known mix-ups, one cell at a time, and name those that make all of them agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from fairprune.audit.lint.finding import Said
from fairprune.audit.lint.printed import ONE, Interval, Printed, agree
from fairprune.audit.lint.table import Entry, Table

KEPT, DOUBLED, FRACTION = "kept-for-removed", "macs-doubled", "fraction-for-percent"
_HUNDREDTH = Fraction(1, 100)
Reading = tuple[str, str, Callable[[Interval], Interval | None]]  # the rule, what the cell then is, the fraction kept


@dataclass(frozen=True)
class Axis:
    """Parameters or multiply-adds: the columns that tell what fraction is kept."""

    size: str
    base: str
    factor: str
    percent: str

    def kept(self, entry: Entry, base: Printed | None) -> dict[str, Interval]:
        """The fraction kept, by each column that tells. A dense network keeps all."""
        size, factor, percent = (entry.number(column) for column in (self.size, self.factor, self.percent))
        found = {
            self.size: size.amount.over(base.amount) if size and base else None,
            self.factor: ONE.over(factor.amount) if factor else None,
            self.percent: percent.amount.scaled(_HUNDREDTH) if percent else None,
            "kind": ONE if entry.kind == "dense" else None,
        }
        return {column: kept for column, kept in found.items() if kept}

    @property
    def readings(self) -> Mapping[str, tuple[Reading, ...]]:
        """What else may stand in a column, and the fraction that is then kept, out of the one computed from it."""
        doubled = (
            (DOUBLED, f"counts 2 for each multiply-add and {self.base} counts 1", _halved),
            (DOUBLED, f"counts 1 for each multiply-add and {self.base} counts 2", _doubled),
        )
        sizes = (*(doubled if self.size == "macs_g" else ()), (KEPT, "counts what is removed", _rest))
        percents = (
            (KEPT, "is the percentage removed", _rest),
            (FRACTION, "is a fraction, not a percentage", _hundredfold),
        )
        return {self.size: sizes, self.percent: percents, self.factor: _FACTORS}


def _rest(kept: Interval) -> Interval:
    return ONE - kept


def _halved(kept: Interval) -> Interval:
    return kept.scaled(Fraction(1, 2))


def _doubled(kept: Interval) -> Interval:
    return kept.scaled(2)


def _hundredfold(kept: Interval) -> Interval:
    return kept.scaled(100)


def _inverse(kept: Interval) -> Interval | None:
    return ONE.over(kept)


def _inverse_rest(kept: Interval) -> Interval | None:
    itself = ONE.over(kept)
    return ONE - itself if itself else None


def _percent(kept: Interval) -> Interval | None:
    return ONE.over(kept.scaled(100))


def _percent_rest(kept: Interval) -> Interval | None:
    itself = _percent(kept)
    return ONE - itself if itself else None


_FACTORS: tuple[Reading, ...] = (
    (KEPT, "is the fraction kept", _inverse),
    (KEPT, "is the fraction removed", _inverse_rest),
    (KEPT, "is the percentage kept", _percent),
    (KEPT, "is the percentage removed", _percent_rest),
    (KEPT, "is dense over removed", _rest),
)
PARAMS = Axis("params_m", "params_m_base", "compression", "params_kept_pct")
MACS = Axis("macs_g", "macs_g_base", "speedup", "macs_kept_pct")
AXES = (PARAMS, MACS)


@dataclass(frozen=True)
class Sizes:
    """What one row says about one axis."""

    entry: Entry
    axis: Axis
    base: Printed | None
    kept: Mapping[str, Interval]

    @property
    def consistent(self) -> bool:
        """Whether one fraction fits all columns."""
        return agree(self.kept.values())

    @property
    def ratios(self) -> tuple[Interval, ...]:
        """The fractions that do not come from the sizes of two networks."""
        return tuple(kept for column, kept in self.kept.items() if column != self.axis.size)

    @property
    def mix_ups(self) -> tuple[tuple[str, str], ...]:
        """Rule and words of each mix-up that makes the columns agree; empty where they agree, or nothing helps."""
        return () if self.consistent else tuple(_explanations(self))

    def said(self) -> str:
        """What each column says."""
        return "; ".join(self._said(column, kept) for column, kept in self.kept.items())

    def _said(self, column: str, kept: Interval) -> str:
        if column == "kind":
            return "a dense network keeps all"
        of = f" of {self.base}" if column == self.axis.size else ""
        return f"{column} {self.entry.number(column)}{of} keeps {kept.scaled(100)} %"


def _explanations(sizes: Sizes) -> Iterator[tuple[str, str]]:
    for column, readings in sizes.axis.readings.items():
        for rule, words, read in readings if column in sizes.kept else ():
            kept = read(sizes.kept[column])
            if kept and kept.high > 0 and agree({**sizes.kept, column: kept}.values()):
                yield rule, f"{column} {words}"


@lru_cache(maxsize=1)  # several rules ask, one after the other
def sizes(rows: Table) -> tuple[Sizes, ...]:
    """Both axes of every row."""
    bases = ((entry, axis, rows.base(entry, axis.base)) for entry in rows.entries for axis in AXES)
    return tuple(Sizes(entry, axis, base, axis.kept(entry, base)) for entry, axis, base in bases)


def mixed_up(rule: str) -> Callable[[Table], Iterator[Said]]:
    """A check for the mix-ups of that name."""

    def check(rows: Table) -> Iterator[Said]:
        for found in sizes(rows):
            words = [words for named, words in found.mix_ups if named == rule]
            if words and found.mix_ups[0][0] == rule:
                yield [found.entry], f"{found.said()}; they agree if {' or if '.join(words)}"

    return check


def contradicting(rows: Table) -> Iterator[Said]:
    """Ratios that contradict each other, whatever the sizes are."""
    for found in sizes(rows):
        if not agree(found.ratios) and not found.mix_ups:
            yield [found.entry], found.said()


def below_one(rows: Table) -> Iterator[Said]:
    """Factors that can be none, where nothing beside them tells what they are."""
    for found in sizes(rows):
        factor = found.entry.number(found.axis.factor)
        if factor and factor.value >= 0 and factor.interval.high < 1 and not found.mix_ups:
            yield [found.entry], f"{found.axis.factor} is {factor}: a fraction, of what is kept or of what is removed"


def foreign(rows: Table) -> Iterator[Said]:
    """Sizes that contradict ratios which agree, or exceed the base network's."""
    for found in sizes(rows):
        size = found.kept.get(found.axis.size)
        implied = imply(found.entry, found.axis)
        if size is None or found.mix_ups:
            continue
        if implied and not found.consistent:
            yield [found.entry], f"{implied[1]}, but {found.axis.base} is {found.base}"
        elif agree(found.ratios) and size.low > 1:
            number = found.entry.number(found.axis.size)
            yield [found.entry], f"{found.axis.size} is {number}, more than the {found.base} of the base network"


def imply(entry: Entry, axis: Axis) -> tuple[Interval, str] | None:
    """The base network's size by the row's own size and ratios, and in words; None where they do not tell."""
    size = entry.number(axis.size)
    ratios = {column: kept for column, kept in axis.kept(entry, None).items() if column != axis.size}
    if not size or not ratios or not agree(ratios.values()):  # those that do not agree are another rule's
        return None
    kept = Interval(max(i.low for i in ratios.values()), min(i.high for i in ratios.values()))
    base = size.amount.over(kept)
    beside = " and ".join("a dense network" if c == "kind" else f"{c} {entry.number(c)}" for c in ratios)
    return (base, f"{axis.size} {size} with {beside} implies a base of {base}") if base else None
