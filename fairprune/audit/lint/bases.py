"""Rules about base networks: do the rows of a table start from one network, and is it the one that they name?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction

from fairprune.audit.lint.finding import Said
from fairprune.audit.lint.known import known
from fairprune.audit.lint.printed import Interval, Printed, commonest
from fairprune.audit.lint.sizes import AXES, Axis, imply
from fairprune.audit.lint.table import Entry, Table

TOLERANCE = Fraction(1, 10)  # counters differ by biases, batch norm, shortcuts; another network differs by more
_SHOWN = 6
Base = tuple[Entry, Interval, str]  # a row, the size of its base network, and how it says so


def _bases(entries: Sequence[Entry], axis: Axis) -> list[Base]:
    """The base networks that rows state; where none does, those that their sizes and ratios imply."""
    stated = [(e, number.amount, f"{axis.base} is {number}") for e in entries if (number := e.number(axis.base))]
    return stated or [(entry, *implied) for entry in entries if (implied := imply(entry, axis))]


def another_base(rows: Table) -> Iterator[Said]:
    """Rows of one network whose base is not that of most others."""
    for entries in rows.networks.values():
        for axis in AXES:
            bases = _bases(entries, axis)
            usual = commonest(base for _, base, _ in bases)
            if len(usual) == len(bases):
                continue
            if 2 * len(usual) <= len(bases):
                said = "; ".join(dict.fromkeys(said for _, _, said in bases[:_SHOWN]))
                yield [entry for entry, _, _ in bases], f"no one base network for most of these rows: {said}"
            else:
                most = _common([bases[position] for position in usual])
                odd = (base for position, base in enumerate(bases) if position not in set(usual))
                yield from (([entry], f"{said}; most rows beside it: {most}") for entry, _, said in odd)


def _common(bases: Sequence[Base]) -> str:
    """What rows that agree say of their base network."""
    low, high = max(base.low for _, base, _ in bases), min(base.high for _, base, _ in bases)
    said = {said for _, _, said in bases}
    return said.pop() if len(said) == 1 else f"a base of {Interval(low, high)}"


def _unknown(rows: Table) -> Iterator[tuple[list[Entry], str, str, Interval, tuple[float, ...]]]:
    """Rows whose base is not the size of the network they name: they, what they say, the column, the sizes."""
    for (_, dataset, network), entries in rows.networks.items():
        found = known(dataset, network)
        for axis in AXES if found else ():
            sizes = found.near(axis.base) if found else ()
            odd: defaultdict[str, list[Base]] = defaultdict(list)
            for base in _bases(entries, axis):
                if not any(_near(base[1], size) for size in sizes):
                    odd[base[2]].append(base)
            for said, bases in odd.items():
                yield [entry for entry, _, _ in bases], said, axis.base, bases[0][1], sizes


def _near(base: Interval, size: float) -> bool:
    around = Fraction(size)
    return base.meets(Interval(around * (1 - TOLERANCE), around * (1 + TOLERANCE)))


def _twice(column: str, base: Interval, sizes: Sequence[float]) -> float | None:
    """The size that the base is twice of; None for other bases, and for parameters."""
    return next((s for s in sizes if column == "macs_g_base" and _near(base.scaled(Fraction(1, 2)), s)), None)


def doubled(rows: Table) -> Iterator[Said]:
    """Bases of twice the multiply-adds of the network they name."""
    for entries, said, column, base, sizes in _unknown(rows):
        size = _twice(column, base, sizes)
        if size:
            yield entries, f"{said}, twice the {size:g} of {entries[0].text('network')}: 2 for each multiply-add"


def unlike(rows: Table) -> Iterator[Said]:
    """Bases of another size than the network they name, and pruned networks that are larger than it."""
    for entries, said, column, base, sizes in _unknown(rows):
        if not _twice(column, base, sizes):
            yield entries, f"{said}, but {entries[0].text('network')} has {_listed(sizes)}"
    for (_, dataset, network), group in rows.networks.items():
        found = known(dataset, network)
        for axis in AXES if found else ():
            sizes = found.near(axis.base) if found else ()
            for entry, number in _alone(rows, group, axis):
                if number.amount.low > max(map(Fraction, sizes)) * (1 + TOLERANCE):
                    yield [entry], f"{axis.size} is {number}, more than the {_listed(sizes)} of {entry.text('network')}"


def _alone(rows: Table, entries: Sequence[Entry], axis: Axis) -> Iterator[tuple[Entry, Printed]]:
    """Sizes beside which nothing tells the base network's."""
    for entry in entries:
        number = entry.number(axis.size)
        if number and rows.base(entry, axis.base) is None and not imply(entry, axis):
            yield entry, number


def _listed(sizes: Sequence[float]) -> str:
    return " or ".join(f"{size:g}" for size in sizes)
