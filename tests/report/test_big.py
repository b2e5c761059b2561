from __future__ import annotations

from fairprune.report import html
from fairprune.report.curves import MOST_DRAWN, curves
from fairprune.report.headline import headline
from fairprune.summary import summarise


def test_a_plot_of_many_methods_shows_controls_and_the_best_and_says_so(synthetic):
    methods = {"random-channel": ("channel", 9.0)} | {f"l1_norm-{i:02}": ("channel", 1.0 + i) for i in range(60)}
    made = synthetic(methods, seeds=[0, 1], targets=[2, 4], noise=0.01)
    summary = summarise(made.study, made.points, made.records)
    figure = curves(summary, summary.panels[0])["compression"]
    names = [series.name for series in figure.panels[0].series]
    assert names == ["random-channel", *(f"l1_norm-{i:02}" for i in range(MOST_DRAWN - 1))]
    shifts = [series.shift for series in figure.panels[0].series]
    assert (shifts[0], shifts[-1]) == (-5, 5)
    assert figure.caption == (
        "Drawn are the controls and the methods with the best means, 24 of 61; the table has all."
    )
    page = html.page(summary, made.records, (), "run")
    assert figure.caption in page
    assert "l1_norm-59" in page


def test_sentences_name_the_first_of_many_and_count_the_others(synthetic):
    methods = {"random-channel": ("channel", 9.0)} | {f"l1_norm-{i:02}": ("channel", 1.0 + i) for i in range(60)}
    made = synthetic(methods, seeds=[0, 1], targets=[2], noise=0.01)
    summary = summarise(made.study, made.points, made.records)
    said = " ".join(sentence for statement in headline(summary) for sentence in statement.sentences)
    worse = sum(c.verdict == "worse" for c in summary.comparisons)
    assert f"and {worse - 40} more." in said


def test_pointing_lists_the_first_seeds_of_many(synthetic):
    made = synthetic({"random-channel": ("channel", 3.0)}, seeds=list(range(20)), targets=[2])
    summary = summarise(made.study, made.points, made.records)
    point = curves(summary, summary.panels[0])["compression"].panels[0].series[-1].points[0]
    assert "seeds (base/run) 0/0, 1/1, " in point.text
    assert "11/11 and 8 more" in point.text
    assert "12/12" not in point.text
