"""How comparable results are, as text and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fairprune.audit.read import CONVENTION, Table
from fairprune.audit.setups import ORDER, Pair
from fairprune.cli.printing import console, print_findings, print_table
from fairprune.schedules import Schedule

if TYPE_CHECKING:
    from fairprune.audit.against import Judgement

SHOWN = 40  # pairs in the terminal
_COUNTED = {
    "wang": "all stages of both (--reading liu: a scratch run's rival without retraining)",
    "liu": "a scratch run's rival without its retraining (--reading wang: all stages of both)",
}


def to_json(judgement: Judgement, table: Table) -> str:
    """Pairs that reach S1, findings, and by which conventions; one item a line, since there may be very many pairs."""
    document: dict[str, Any] = {
        "pairs": [pair_json(pair) for pair in judgement.pairs],
        "pairs_below_s1": judgement.below,
        "findings": [asdict(finding) for finding in judgement.findings],
        "conventions": {
            "tau": judgement.tau,
            "assume_equal": sorted(judgement.assume_equal),
            "reading": judgement.reading,
            "multiply_adds": CONVENTION,
        },
        "results": [{"id": result.id, "source": result.source} for result in table.results],
        "left_out": [{"place": p.place, "column": p.column, "text": p.text} for p in table.problems],
    }
    return "{" + ",".join(f"\n  {json.dumps(key)}: {_lines(value)}" for key, value in document.items()) + "\n}"


def print_judgement(judgement: Judgement) -> None:
    """The pairs, strictest first, with what keeps them from the next level; the conventions; the findings."""
    out = console()
    shown = judgement.pairs[:SHOWN]
    if shown:
        rows = [(p.a.id, p.b.id, level(p), rate(p), ", ".join(p.verdict.flags), next_level(p)) for p in shown]
        print_table(("a ", "b ", "setup ", "rate ", "flags ", "what keeps them from the next setup "), rows)
    if judgement.pairs[SHOWN:]:
        out.print(f"and {len(judgement.pairs) - SHOWN} more pairs, all of them with --json")
    out.print(("\n" if shown else "") + f"{tally(judgement.pairs, judgement.below)}\n")
    for line in _conventions(judgement):
        out.print(line)
    out.print("")
    print_findings(judgement.findings)


def pair_json(pair: Pair) -> dict[str, Any]:
    """A pair, its setup, and what blocks the levels above."""
    verdict = pair.verdict
    return {
        "a": pair.a.id,
        "b": pair.b.id,
        "setup": verdict.setup,
        "flags": verdict.flags,
        "matched": verdict.matched,
        "assumed": verdict.assumed,
        "blocked_by": [
            {"setup": block.setup, "field": block.field, "a": _plain(block.a), "b": _plain(block.b)}
            for block in verdict.blocked_by
        ],
    }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Schedule) else value


def _lines(value: Any) -> str:
    """JSON with each item of a list on a line of its own."""
    if not isinstance(value, list) or not value:
        return json.dumps(value)
    return "[" + ",".join(f"\n    {json.dumps(item)}" for item in value) + "\n  ]"


def level(pair: Pair) -> str:
    """The setup, and the unknown fields that it rests on."""
    assumed = pair.verdict.assumed
    return f"{pair.verdict.setup}" + (f" if {', '.join(assumed)} equal" if assumed else "")


def rate(pair: Pair) -> str:
    """Which rate matched."""
    return "both" if len(pair.verdict.matched) > 1 else pair.verdict.matched[0]


def next_level(pair: Pair) -> str:
    """What keeps two results from the level after theirs."""
    blocks = pair.verdict.blocked_by
    first = min((ORDER.index(block.setup) for block in blocks), default=len(ORDER))
    here = [block for block in blocks if ORDER.index(block.setup) == first]
    open_fields = [block.field for block in here if block.a is None and block.b is None]
    said = [f"{b.field} {_side(b.a)} against {_side(b.b)}" for b in here if b.field not in open_fields]
    said += [f"{', '.join(open_fields)} unknown"] if open_fields else []
    return f"{ORDER[first]}: {', '.join(said)}" if said else ""


def _side(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"


def tally(pairs: Collection[Pair], below: int) -> str:
    """How many pairs reach each setup."""
    found = Counter(pair.verdict.setup for pair in pairs)
    levels = [f"{found[level]} {level}" for level in reversed(ORDER) if found[level]]
    number = len(pairs) + below
    return f"{number} pair{'s' * (number != 1)}: {', '.join([*levels, f'{below} below S1'])}"


def tolerance(tau: float, assume_equal: Iterable[str]) -> str:
    """By which tolerance rates match, and what is assumed."""
    assumed = ", ".join(sorted(assume_equal)) or "nothing"
    return f"Rates match within {tau:.1%} (--tau); {assumed} assumed equal where unknown (--assume-equal)."


def _conventions(judgement: Judgement) -> Iterator[str]:
    yield tolerance(judgement.tau, judgement.assume_equal)
    yield f"SX-B counts {_COUNTED[judgement.reading]}; multiply-adds are {CONVENTION}."
