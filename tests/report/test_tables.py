from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from fairprune.report import headline, markdown, terminal, words
from fairprune.summary import Place, Range, summarise

FOUND = {"mild": "note", "worst": "unfair"}
METHODS = {"random-weight": ("weight", 3.0), "magnitude": ("weight", 0.5), "gradient_weight": ("weight", 3.0)}


def printed(what, width):
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(what)
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 200])
def test_a_terminal_of_any_width_shows_methods_numbers_and_verdicts(synthetic, width):
    made = synthetic(METHODS)
    text = printed(terminal.table(summarise(made.study, made.points, made.records)), width)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("▲ better") == 4
    assert text.count("○") == 4
    joined = "".join(text.split())
    assert "Notseparateddoesnotmeanequal." in joined
    assert ("compression" in text) == (width >= 140)


def test_markup_in_names_is_text(synthetic):
    made = synthetic(METHODS | {"magnitude-[red]x[/red]": ("weight", 1.0)})
    text = printed(terminal.table(summarise(made.study, made.points, made.records)), 160)
    assert "magnitude-[red]x[/red]" in text


def test_the_markdown_table_has_a_row_for_every_cell(synthetic):
    made = synthetic(METHODS)
    text = markdown.table(summarise(made.study, made.points, made.records))
    body = [line for line in text.splitlines() if line.startswith("|")]
    assert len(body) == 2 + 2 + 3 * 4  # head and rule, dense base and control, cells
    assert {line.count("|") for line in body} == {10}
    assert "▲ better" in text


def test_markdown_in_names_is_text(synthetic):
    made = synthetic(METHODS | {"magnitude|<b>*x*\n# y": ("weight", 1.0)})
    text = markdown.table(summarise(made.study, made.points, made.records))
    assert r"magnitude\|&lt;b&gt;\*x\* \# y" in text


def test_the_page_has_results_costs_and_findings(synthetic):
    made = synthetic(METHODS)
    found = [SimpleNamespace(rule=rule, severity=severity, ids=(), text="a *b*") for rule, severity in FOUND.items()]
    text = markdown.page(summarise(made.study, made.points, made.records), found, "fairprune run study.toml")
    assert text.startswith("# example\n\n")
    assert "```console\nfairprune run study.toml\n```" in text
    results, costs = text.split("\n## Cost\n")
    assert "▲ better" in results
    costs, audit = costs.split("\n## What the audit says\n")
    assert len([line for line in costs.splitlines() if line.startswith("| finetune |")]) == 1 + 3 * 4
    assert audit.split("\n")[1:3] == [r"- **unfair**, `worst`: a \*b\*", r"- **note**, `mild`: a \*b\*"]


def test_costs_are_means_relative_to_the_dearest_base(synthetic):
    made = synthetic(METHODS)
    summary = summarise(made.study, made.points, made.records)
    panel = summary.panels[0]
    records = [made.records[run.id] for run in panel.cells[0].runs]
    cost = panel.cells[0].cost
    spent = [sum(e.multiply_adds for e in r.ledger if e.stage == "retrain") for r in records]
    assert cost.retraining == pytest.approx(sum(spent) / len(spent))
    base = max(cell.cost.base for cell in (panel.dense, *panel.cells))
    assert f"| {cost.base / base:.3g} | {cost.pruning / base:.3g} | {cost.retraining / base:.3g} |" in markdown.ledger(
        summary
    )


def test_the_headline_claims_what_is_separated_and_names_what_is_not(synthetic):
    made = synthetic(METHODS)
    summary = summarise(made.study, made.points, made.records)
    (statement,) = headline.headline(summary)
    compared = {name: [c for c in summary.comparisons if c.method == name] for name in ("magnitude", "gradient_weight")}
    ends = {name: (min(c.low for c in found), max(c.high for c in found)) for name, found in compared.items()}
    spans = {
        name: f"[{words.number(low, 1, '+')},\xa0{words.number(high, 1, '+')}]" for name, (low, high) in ends.items()
    }
    assert len(set(spans.values())) == 2
    assert statement.where == "digits-digits_cnn, finetune"
    assert statement.sentences == (
        f"Better than random-weight: magnitude at every target {spans['magnitude']}.",
        f"Not separated from random-weight: gradient_weight at every target {spans['gradient_weight']}.",
        "Each point rests on 3 runs from 3 base models.",
    )


def test_the_headline_of_one_base_and_one_seed(synthetic):
    made = synthetic(METHODS, seeds=[0])
    (statement,) = headline.headline(summarise(made.study, made.points, made.records))
    assert statement.sentences[0].startswith("Not estimable: 8 of 8 (too few seeds")
    assert statement.sentences[-1].endswith("Intervals hold given this one base.")


def test_many_methods_are_named_without_sizes(synthetic):
    made = synthetic({"random": ("weight", 4.0)} | {f"magnitude-{n}": ("weight", 0.1) for n in range(13)}, noise=0.1)
    (statement,) = headline.headline(summarise(made.study, made.points, made.records))
    assert statement.sentences[0].startswith("Better than random: magnitude-0 at every target; magnitude-1 at")
    assert "[" not in statement.sentences[0]


def test_what_a_study_took_is_in_hours_of_its_devices(synthetic):
    made = synthetic(METHODS)
    summary = summarise(made.study, made.points, made.records)
    hours = f"{sum(charge.seconds for charge in summary.charges) / 3600:.2g}"
    assert words.device_hours(summary) == f"{hours} CPU-hours"
    gpu = Place(text="NVIDIA H200; 1 thread", runs=1)
    assert words.device_hours(summary.model_copy(update={"places": (gpu,)})) == f"{hours} GPU-hours"
    both = summary.model_copy(update={"places": (gpu, *summary.places)})
    assert words.device_hours(both) == f"{hours} hours of CPU and GPU"


def test_an_unfinished_study_says_so_first(synthetic):
    made = synthetic(METHODS)
    first = made.points[0].id
    records = {key: record for key, record in made.records.items() if key != first}
    said = headline.headline(summarise(made.study, made.points, records))
    assert said[0].sentences == ("38 of 39 runs ended (1 missing). What follows rests on those that ended.",)
    assert headline.headline(summarise(made.study, made.points, {}))[0].sentences == (
        "No run has ended yet (39 missing of 39).",
    )


def test_what_could_have_been_detected(synthetic):
    made = synthetic(METHODS)
    summary = summarise(made.study, made.points, made.records)
    smallest = min(c.detectable for c in summary.comparisons)
    text = headline.detectable(summary, summary.panels[0])
    assert f"{smallest:.1f} to " in text
    assert "80% power (Bonferroni over 8 comparisons)" in text
    nothing = summarise(made.study, made.points, {})
    assert headline.detectable(nothing, nothing.panels[0]).startswith("No difference could have been detected")


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1x"), (1.984, "1.98x"), (2.5, "2.5x"), (10.0, "10x"), (25.13, "25.1x"), (100.0, "100x")]
)
def test_factors(value, text):
    assert words.times(value) == text


def test_small_words():
    assert words.number(-0.04, 1, "+") == "+0.0"
    assert words.number(-1.25, 2) == "−1.25"
    assert words.achieved(Range(mean=3.9, min=3.8, max=4.0)) == "3.8–4x"
    assert words.achieved(Range(mean=3.99, min=3.98, max=4.0)) == "3.99x"
    assert words.achieved(None) == "–"
    assert (words.duration(42), words.duration(450), words.duration(11520)) == ("42 s", "7.5 min", "3.2 h")
    assert (words.amount(3.21e12), words.amount(0)) == ("3.2 · 10¹²", "0")
    assert (words.listed(["a"]), words.listed("abc")) == ("a", "a, b and c")
    assert (words.plural(1, "run"), words.plural(2000, "run")) == ("1 run", "2,000 runs")


def test_the_headline_says_how_many_bases_at_least_and_whether_runs_share_them(synthetic):
    crossed = synthetic(METHODS, seeds=[0, 1], base_seeds=[0, 1])
    (statement,) = headline.headline(summarise(crossed.study, crossed.points, crossed.records))
    assert statement.sentences[-1] == (
        "Each point rests on 4 runs from 2 base models. Intervals hold given these bases."
    )
    made = synthetic(METHODS)
    lost = next(p.id for p in made.points if p.labels["method"] == "magnitude")
    records = {key: record for key, record in made.records.items() if key != lost}
    _, statement = headline.headline(summarise(made.study, made.points, records))
    assert statement.sentences[-1] == "Each point rests on 2 to 3 runs from 2 to 3 base models."


def test_tables_state_their_conventions(synthetic):
    made = synthetic(METHODS)
    summary = summarise(made.study, made.points, made.records)
    notes = " ".join(words.notes(summary))
    assert "corrected for the 8 declared comparisons of the study (Holm) and hold for these 360 test images" in notes
    assert "Speedup is theoretical: multiply-adds, dense over kept; masked weights are executed densely." in notes
    assert notes.split() == printed(terminal.table(summary), 100).split()[-len(notes.split()) :]
    assert markdown.table(summary).replace("\\", "").endswith(notes + "\n")
    assert "corrected for all declared comparisons" in " ".join(words.notes(summarise(made.study, made.points, {})))
