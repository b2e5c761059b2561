"""The rule about ranks: does a better place mean a better accuracy?

Rounding keeps order, so numbers with the same decimals are compared as they are printed; with others, by what they may
stand for. Boards often rank several series one after the other (rates, or methods with and without a regulariser), so
ranks that repeat are first told apart by the rates printed beside them, then by where they start anew.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from fairprune.audit.lint.finding import Case, Rule, Said
from fairprune.audit.lint.printed import Interval, Printed
from fairprune.audit.lint.table import Entry, Table, table_of

_PAIR = 2


@dataclass(frozen=True)
class _Place:
    """A rank, and what the rows are ranked by: the higher, the better."""

    entry: Entry
    rank: int
    value: Fraction
    interval: Interval
    decimals: int | None  # None: computed
    words: str

    def beats(self, other: _Place) -> bool:
        """Whether it is certainly the better one."""
        if self.decimals is not None and self.decimals == other.decimals:
            return self.value > other.value
        return self.interval.low > other.interval.high


Key = Callable[[Entry], "_Place | None"]


def _accuracy(entry: Entry) -> _Place | None:
    top1 = entry.number("top1")
    if entry.rank is None or top1 is None:
        return None
    return _Place(entry, entry.rank, top1.value, top1.interval, top1.decimals, f"top1 {top1}")


def _change(entry: Entry) -> _Place | None:
    base, top1 = entry.number("base_top1"), entry.number("top1")
    if entry.rank is None or base is None or top1 is None:
        return None
    words = f"top1 {top1} from {base}"
    return _Place(entry, entry.rank, top1.value - base.value, top1.interval - base.interval, None, words)


def _printed_change(column: str, sign: int) -> Key:
    def key(entry: Entry) -> _Place | None:
        number: Printed | None = entry.number(column)
        if entry.rank is None or number is None:
            return None
        interval = number.interval if sign > 0 else -number.interval
        return _Place(entry, entry.rank, sign * number.value, interval, number.decimals, f"{column} {number}")

    return key


_KEYS: tuple[Key, ...] = (_accuracy, _change, _printed_change("delta_top1", 1), _printed_change("drop_top1", -1))


def _series(places: Sequence[_Place]) -> list[list[_Place]]:
    """The places that one ranking holds, whatever their order in the file."""
    by_rate = _by_rate(places)
    if any(len(group) < _PAIR for group in by_rate):
        by_rate = [list(places)]
    if _repeats(places):
        return [part for group in by_rate for part in (_restarts(group) if _repeats(group) else [group])]
    return [list(places)] if any(map(_out_of_order, by_rate)) else by_rate


def _by_rate(places: Sequence[_Place]) -> list[list[_Place]]:
    rates: defaultdict[tuple[str, ...], list[_Place]] = defaultdict(list)
    for place in places:
        rates[tuple(str(place.entry.number(column)) for column in ("compression", "speedup"))].append(place)
    return list(rates.values())


def _restarts(places: Sequence[_Place]) -> list[list[_Place]]:
    parts: list[list[_Place]] = []
    for place in places:
        if not parts or place.rank < parts[-1][-1].rank:
            parts.append([])
        parts[-1].append(place)
    return parts


def _repeats(places: Iterable[_Place]) -> list[tuple[_Place, _Place]]:
    """Places of one rank, of which one is certainly the better: that one, and the other."""
    best: dict[int, _Place] = {}
    found = []
    for place in sorted(places, key=lambda p: (p.rank, -p.value)):
        first = best.setdefault(place.rank, place)
        if first.beats(place):
            found.append((first, place))
    return found


def _out_of_order(places: Sequence[_Place]) -> list[tuple[_Place, _Place]]:
    """The fewest places that must go so that the others are in order, each with a neighbour that it contradicts."""
    ordered = sorted(places, key=lambda p: (p.rank, -p.value))
    positions = _longest(ordered)
    kept = [place for position, place in enumerate(ordered) if position in positions]
    ranks = [place.rank for place in kept]
    found = []
    for place in (place for position, place in enumerate(ordered) if position not in positions):
        above, below = bisect_left(ranks, place.rank), bisect_right(ranks, place.rank)
        if above and place.beats(kept[above - 1]):
            found.append((place, kept[above - 1]))
        elif below < len(kept) and kept[below].beats(place):
            found.append((place, kept[below]))
    return found


def _longest(ordered: Sequence[_Place]) -> set[int]:
    """Positions of a longest run of values none of which is above one before it."""
    tails: list[Fraction] = []
    ends: list[int] = []
    before: list[int | None] = []
    for position, place in enumerate(ordered):
        length = bisect_right(tails, -place.value)
        before.append(ends[length - 1] if length else None)
        tails[length : length + 1] = [-place.value]
        ends[length : length + 1] = [position]
    kept: set[int] = set()
    at: int | None = ends[-1] if ends else None
    while at is not None:
        kept.add(at)
        at = before[at]
    return kept


def _faults(entries: Sequence[Entry], key: Key) -> list[tuple[_Place, _Place]]:
    places = [place for entry in entries if (place := key(entry))]
    return [fault for series in _series(places) for fault in (*_out_of_order(series), *_repeats(series))]


def _rank_order(rows: Table) -> Iterator[Said]:
    for entries in rows.boards.values():
        ranked = [entry for entry in entries if entry.rank is not None]
        known = {key: sum(key(entry) is not None for entry in ranked) for key in _KEYS}
        keys = [key for key, count in known.items() if count == max(known.values())]
        faults = min((_faults(ranked, key) for key in keys), key=len)
        for place, other in faults:
            said = f"rank {place.rank} has {place.words}, rank {other.rank} has {other.words}"
            yield [place.entry, other.entry], said


_SHARED = {"dataset": "ImageNet", "network": "ResNet-50", "base_top1": "76.128"}

RULES = (
    Rule(
        id="rank-order",
        severity="caution",
        reason="A board is read by its ranks, and these do not follow from the accuracies beside them.",
        check=_rank_order,
        violation=Case(
            "Rank 7 has 71.664, rank 8 has 71.812 (in print: PruningBench's board of ResNet-50 at 2x).",
            table_of(
                {"method": "Taylor", "rank": "6", "top1": "72.101"},
                {"method": "OBD", "rank": "7", "top1": "71.664"},
                {"method": "BN scale", "rank": "8", "top1": "71.812"},
                {"method": "CP", "rank": "9", "top1": "71.410"},
                **_SHARED,
            ),
        ),
        passing=Case(
            "Two equal accuracies may share a rank or follow one another.",
            table_of(
                {"method": "OBD", "rank": "1", "top1": "71.812"},
                {"method": "Taylor", "rank": "2", "top1": "71.400"},
                {"method": "CP", "rank": "2", "top1": "71.400"},
                {"method": "LAMP", "rank": "3", "top1": "71.400"},
                **_SHARED,
            ),
        ),
    ),
)
