"""What was found of a claim: as plain values, lines of text, and a page of Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import fairprune
from fairprune.claims import Judgement
from fairprune.record import Record
from fairprune.report.markdown import bullets, grid, paragraphs, plain
from fairprune.report.words import number, plural
from fairprune.summary import brief, charges, places

_EXPECTED = {
    "positive": "above 0",
    "negative": "below 0",
    "zero": "within ±{margin:g}{unit}",
    "at-least": "above −{margin:g}{unit}",
    "nonzero": "not 0, nor within ±{margin:g}{unit}",
}


def content(judged: Judgement, records: Collection[Record], asked: int, command: str) -> dict[str, Any]:
    """A judgement with what is behind it, as plain values: runs, compute, hardware and the command."""
    runs_in_brief = [brief(record) for record in records]
    spent = charges(runs_in_brief)
    runs: dict[str, int] = {"asked": asked, **Counter(record.status for record in records)}
    return judged.to_json() | {
        "runs": runs,
        "core_hours": sum(charge.seconds for charge in spent) / 3600,
        "hardware": [place.text for place in places(runs_in_brief)],
        "fairprune": fairprune.__version__,
        "command": command,
    }


def sentences(found: Mapping[str, Any]) -> str:
    """A verdict in lines of text."""
    head = f"{found['claim']}, {found['scale']}: {found['verdict']}"
    return "\n".join(
        [head, *(f"  {test['name']}: {_effect(test)}, {expected(test)}, {_decided(test)}" for test in found["tests"])]
    )


def page(found: Mapping[str, Any], note: str) -> str:
    """A verdict as Markdown, with the rule that it follows."""
    runs = ", ".join(f"{count} {name}" for name, count in found["runs"].items())
    titles = ["test", "effect [95% interval]", "expected", "p", "p of the contrary", "outcome"]
    rows = [
        [test["name"], _effect(test), expected(test), _p(test["p"]), _p(test["p_contrary"]), test["outcome"]]
        for test in found["tests"]
    ]
    k = len(rows)
    rule = (
        "Effects are taken within each seed; intervals and p values are Student's, one test at a time. Tests of a "
        "direction are one-sided, so one can hold whose interval, which has two sides, just reaches 0. Reproduced: "
        f"every test holds at 5 %. Contradicted: one of the {k} holds the other way round at 5 % / {k}. Undecided: "
        "at this scale the claim could not be decided."
    )
    parts = [
        f"# {plain(found['claim'])} at scale {plain(found['scale'])}: {plain(found['verdict'])}",
        plain(found["text"]),
        plain(found["source"]),
        plain(note),
        f"```console\n{found['command']}\n```",
        grid([plain(title) for title in titles], "lllrrl", [[plain(cell) for cell in row] for row in rows]),
        rule,
        f"Runs: {runs}; {found['core_hours']:.2g} hours of computing (stages' times added up).",
        bullets(found["hardware"]),
    ]
    return paragraphs(parts)


def expected(test: Mapping[str, Any]) -> str:
    """What was expected of a test's effect."""
    return "expected " + _EXPECTED[test["expect"]].format(margin=test["margin"] or 0, unit=_unit(test))


def _decided(test: Mapping[str, Any]) -> str:
    return (f"p = {_p(test['p'])}: " if test["p"] is not None else "") + str(test["outcome"])


def _effect(test: Mapping[str, Any]) -> str:
    seen = test["effect"]
    if not seen:
        return "no seed has ended"
    interval = "" if seen["low"] is None else f" [{number(seen['low'], 2, '+')}, {number(seen['high'], 2, '+')}]"
    return f"{number(seen['mean'], 2, '+')}{interval}{_unit(test)} ({plural(seen['n'], 'seed')})"


def _unit(test: Mapping[str, Any]) -> str:
    return f" {test['unit']}" if test.get("unit") else ""


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"
