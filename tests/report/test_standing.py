"""Ranks and what stands beside them, in words and in every kind of table."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

from rich.console import Console

from fairprune.report import headline, html, markdown, terminal
from fairprune.report.standing import rank, standing
from fairprune.summary import Beside, Rank, Ranking, Summary, summarise

METHODS = {"random-weight": ("weight", 3.0), "magnitude": ("weight", 0.5), "lamp": ("weight", 0.6)}
RANKS = (Rank(method="magnitude", best=1, worst=2), Rank(method="lamp", best=1, worst=2))
HOSTILE = "[red]\"'><script>alert(1)</script>&|*x*"


def ranking(target, *, ranks=RANKS, beside=("random-weight", "no run ended"), reason="", around="magnitude"):
    return Ranking(
        target=f"compression {target}x", amount=target, granularity="weight", setup="S3.2", tau=0.05, around=around,
        ranks=ranks, beside=(Beside(method=beside[0], reason=beside[1]),) if beside else (), reason=reason,
    )  # fmt: skip


def ranked(made, *rankings) -> Summary:
    summary = summarise(made.study, made.points, made.records)
    return summary.model_copy(update={"panels": (summary.panels[0].model_copy(update={"rankings": rankings}),)})


def printed(what, width=160):
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(what)
    return out.getvalue()


def test_a_rank_in_words(synthetic):
    last = (*RANKS, Rank(method="random-weight", best=3, worst=3))
    few = ranking(8, ranks=(), beside=(), reason="too few seeds")
    (panel,) = ranked(synthetic(METHODS), ranking(2), ranking(4, ranks=last, beside=()), few).panels
    shown = {(cell.method, cell.amount): rank(panel, cell) for cell in panel.cells}
    assert {amount: shown["random-weight", amount] for amount in (2, 4, 8, 16)} == {
        2: "beside",
        4: "3 of 3",
        8: "–",
        16: "",
    }
    assert (shown["lamp", 2], shown["lamp", 4], shown["lamp", 8]) == ("1–2 of 2", "1–2 of 3", "–")
    assert panel.dense is not None
    assert rank(panel, panel.dense) == ""
    waiting = tuple(cell.model_copy(update={"runs": (), "counts": {}}) for cell in panel.cells)
    before = panel.model_copy(update={"cells": waiting})
    assert {rank(before, cell) for cell in before.cells} == {""}


def test_like_rankings_and_reasons_are_said_once(synthetic):
    wide = ranking(16, beside=("lamp", "no run ended"))
    few = ranking(8, ranks=(), beside=("lamp", "1 of 3 runs diverged"), reason="too few seeds")
    found = standing(ranked(synthetic(METHODS), ranking(2), ranking(4), few, wide).panels[0])
    assert found.about == (
        "Ranked at 2x, 4x and 16x: weight methods that reach S3.2 with magnitude (rates within 5.0%).",
        "Not ranked at 8x: weight methods (too few seeds).",
    )
    assert found.beside == (
        "random-weight at 2x and 4x: no run ended",
        "lamp at 8x: 1 of 3 runs diverged",
        "lamp at 16x: no run ended",
    )


def test_an_empty_study_has_nothing_to_say_of_ranks(synthetic):
    made = synthetic(METHODS)
    (panel,) = summarise(made.study, made.points, {}).panels
    found = standing(panel.model_copy(update={"rankings": (ranking(2),)}))
    assert (found.about, found.beside) == ((), ())


def test_every_table_has_the_ranks_and_what_is_beside_them(synthetic):
    summary = ranked(synthetic(METHODS), ranking(2))
    page = html.page(summary, {}, (), "fairprune run study.toml")
    for text in (markdown.table(summary), printed(terminal.table(summary)), page):
        assert text.replace('<span class="unseen">', "").count("1–2 of 2") == 2
        assert "Ranked at 2x: weight methods that reach S3.2 with magnitude (rates within 5.0%)." in text
        assert "Beside the ranking:" in text
        assert "random-weight at 2x: no run ended" in text
    bare = ranked(synthetic(METHODS))
    assert "Beside the ranking" not in markdown.table(bare) + printed(terminal.table(bare))
    assert "(Tukey, Holm)" in markdown.table(bare)


def test_a_name_heads_every_row_and_is_seen_once(synthetic):
    page = html.page(ranked(synthetic(METHODS), ranking(2)), {}, (), "fairprune run study.toml")
    assert page.count('<th scope="row"><span>') == 2 + 3  # dense networks, methods
    assert page.count('<th scope="row"><span class="again">') == 3 * 3


def test_hostile_names_and_reasons_are_text(synthetic):
    hostile = ranking(2, beside=(HOSTILE, HOSTILE), around=HOSTILE)
    summary = ranked(synthetic(METHODS), hostile)
    page = html.page(summary, {}, (), "fairprune run study.toml")
    assert "<script>alert" not in page
    reader = HTMLParser()
    seen = []
    reader.handle_data = seen.append
    reader.feed(page)
    assert "".join(seen).count(HOSTILE) == 3
    assert printed(terminal.table(summary), 200).count(HOSTILE) == 3
    table = markdown.table(summary)
    assert "<script>" not in table
    assert r"\|\*x\* at 2x" in table


def test_a_verdict_on_what_is_beside_the_ranking_says_so(synthetic):
    apart = ranking(2, beside=("lamp", "S3.2 needs one retrain_schedule"))
    (found,) = headline.headline(ranked(synthetic(METHODS), apart, ranking(4, beside=())))
    unsized = tuple(re.sub(r" \[[^]]*\]", "", sentence) for sentence in found.sentences)
    assert unsized[:2] == (
        "Better than random-weight: magnitude at every target; lamp at 4x, 8x and 16x.",
        "Better than random-weight, but not like with like (see beside the ranking): lamp at 2x.",
    )
