"""Rules about single numbers: can this cell hold that value at all?"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from fairprune.audit.lint.finding import Case, Rule, Said
from fairprune.audit.lint.printed import Printed
from fairprune.audit.lint.sizes import FRACTION, mixed_up
from fairprune.audit.lint.table import Table, table_of

_PERCENT = (Fraction(0), Fraction(100))
_CHANGE = (Fraction(-100), Fraction(100))
_AMOUNT = (Fraction(0), None)
_RANGES: dict[str, tuple[Fraction, Fraction | None]] = {
    **dict.fromkeys(("base_top1", "top1", "top5", "params_kept_pct", "macs_kept_pct"), _PERCENT),
    **dict.fromkeys(("drop_top1", "delta_top1"), _CHANGE),
    **dict.fromkeys(("top1_std", "compression", "speedup"), _AMOUNT),
    **dict.fromkeys(("params_m", "params_m_base", "macs_g", "macs_g_base"), _AMOUNT),
}


def _out_of_range(rows: Table) -> Iterator[Said]:
    for entry in rows.entries:
        for column, (low, high) in _RANGES.items():
            number = entry.number(column)
            if number and (number.value < low or (high is not None and number.value > high)):
                expected = f"expected {low} or more" if high is None else f"expected {low} to {high}"
                yield [entry], f"{column} is {number}; {expected}"


def _fraction_for_percent(rows: Table) -> Iterator[Said]:
    yield from mixed_up(FRACTION)(rows)
    for entry in rows.entries:
        base, top1 = entry.number("base_top1"), entry.number("top1")
        if base and 0 < base.value <= 1:
            yield [entry], f"base_top1 is {base}: a fraction, where percent are expected"
        elif base and top1 and _much_finer(top1, base):
            yield [entry], f"top1 is {top1} beside a base_top1 of {base}: a fraction, where percent are expected"


def _much_finer(number: Printed, beside: Printed) -> bool:
    """0.9377 beside 93.53; but not 0.10 beside 69.76, which is a network that guesses."""
    return 0 < number.value <= 1 < beside.value and number.decimals >= beside.decimals + 2


_SHARED = {"dataset": "CIFAR-10", "network": "ResNet-56"}

RULES = (
    Rule(
        id="out-of-range",
        severity="unfair",
        reason="A share above 100 % or a size below 0 is a slip, or another quantity than the column's.",
        check=_out_of_range,
        violation=Case(
            "113 % of the parameters are kept.", table_of({"method": "L1", "params_kept_pct": "113"}, **_SHARED)
        ),
        passing=Case(
            "100 % of the parameters are kept.", table_of({"method": "L1", "params_kept_pct": "100"}, **_SHARED)
        ),
    ),
    Rule(
        id="fraction-for-percent",
        severity="caution",
        reason="A fraction among percentages is wrong by a factor of 100 for whoever reads the column.",
        check=_fraction_for_percent,
        violation=Case(
            "An accuracy of 0.9377 beside one of 93.53.",
            table_of({"method": "L1", "base_top1": "93.53", "top1": "0.9377"}, **_SHARED),
        ),
        passing=Case(
            "An accuracy of 0.10 beside one of 69.76: the network guesses one class of 1000.",
            table_of({"method": "L1", "base_top1": "69.76", "top1": "0.10"}, **_SHARED),
        ),
    ),
)
