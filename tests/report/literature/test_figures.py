from __future__ import annotations

import csv
import io
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean, stdev

import polars as pl
import pytest

from fairprune.corpus.tables import Part, load, merged, nothing
from fairprune.errors import CorpusError, SpecError
from fairprune.report.figures.files import drawn
from fairprune.report.literature.figures import FIGURES, figures, page


@pytest.fixture(scope="module")
def shipped():
    return load()


@pytest.fixture(scope="module")
def all_figures(shipped):
    return {figure.key: figure for figure in figures(shipped, "blalock-2020")}


def bars(panel):
    return {int(p.x): int(p.y) for s in panel.series for p in s.points}


def plain(table):
    """The rows of a table as strings, by a way that knows nothing of the figures."""
    return list(csv.DictReader(io.StringIO(table.write_csv())))


def test_all_figures_have_something_to_show(all_figures):
    assert list(all_figures) == list(FIGURES)
    for figure in all_figures.values():
        assert figure.caption
        assert any(not panel.empty for panel in figure.panels)


def test_comparisons_are_those_of_the_paper(all_figures, shipped):
    reach, reached = (bars(panel) for panel in all_figures["comparisons"].panels)
    assert (reach[0], reach[1]) == (21, 22)
    assert reached[0] == 33
    assert sum(reach.values()) == sum(reached.values()) == 81
    papers = {row["key"] for row in plain(shipped["papers"].drop("pruning")) if row["origin"] == "blalock-2020"}
    pairs = {(row["paper"], row["compared_to"]) for row in plain(shipped["comparisons"]) if row["paper"] in papers}
    pairs = {(a, b) for a, b in pairs if b in papers and a != b}
    assert reach == Counter(Counter(a for a, _ in pairs).get(paper, 0) for paper in papers)
    assert reached == Counter(Counter(b for _, b in pairs).get(paper, 0) for paper in papers)


def test_the_graph_has_a_mark_for_each_comparison_at_both_papers(corpus, shipped):
    pairs = [{"paper": "b", "compared_to": "a"}, {"paper": "c", "compared_to": "a"}, {"paper": "c", "compared_to": "x"}]
    (small,) = figures(corpus(comparisons=pairs), None, ["graph"])
    points = [p for s in small.panels[0].series for p in s.points]
    assert [(p.x, p.y, p.label) for p in points] == [(0, 1, "Ann 2017"), (0, 2, "")]
    assert points[0].text == "Bea 2018a compares with Ann 2017\nOn b\nwith On a"
    (whole,) = figures(shipped, "blalock-2020", ["graph"])
    marks = [(p.x, p.y) for s in whole.panels[0].series for p in s.points]
    assert len(marks) == len(set(marks)) == 173


def test_combinations_are_those_of_the_paper(all_figures):
    named, every = all_figures["combinations"].panels
    counts = {name: p.x for name, p in zip(named.y.names, named.series[0].points, strict=False)}
    assert counts["VGG-16 / ImageNet"] == 22
    assert counts["ResNet-56 / CIFAR-10"] == 14
    assert sum(bars(every).values()) == 195


def test_points_on_curves_are_counted_once(all_figures, shipped):
    curves = bars(all_figures["points"].panels[0])
    rows = [row for row in plain(shipped["results"]) if row["origin"] == "blalock-2020"]
    accuracies, amounts = (
        ("top1", "top1_change", "top5", "top5_change"),
        ("params_m", "compression", "flops_g", "speedup"),
    )
    known = [
        row
        for row in rows
        if row["network"] and row["dataset"] and row["paper"] != "lempitsky-fast-convnets"
        if any(row[name] for name in accuracies) and any(row[name] for name in amounts)
    ]
    assert curves == Counter(Counter((r["paper"], r["dataset"], r["network"]) for r in known).values())


def test_replicates_are_means_with_intervals_over_three_runs(all_figures, shipped):
    figure = all_figures["replicates"]
    assert len(figure.panels) == 12
    panel = next(p for p in figure.panels if p.title == "VGG-11" and p.y.title.startswith("CIFAR-100"))
    series = next(s for s in panel.series if s.name == "SNIP")
    first = series.points[0]
    values = [
        float(row["top1"])
        for row in plain(shipped["results"].filter(origin="tanaka-2020", method="SNIP", compression=1.0))
        if row["dataset"] == "cifar-100" and "vgg11" in row["network"]
    ]
    assert len(values) == 3
    assert first.x == 1.0
    assert first.y == pytest.approx(fmean(values))
    assert first.high - first.y == pytest.approx(4.302653 * stdev(values) / 3**0.5, rel=1e-5)
    assert all(len(s.points) == 13 for s in panel.series)


def test_a_fragment_is_the_change_that_its_paper_prints(corpus, result):
    made = corpus(
        result("1", "a", top1=70.0, base_top1=71.0, compression=2.0),
        result("2", "a", top1=60.0, base_top1=71.0, compression=4.0),
        result("3", "a", top1=70.5, base_top1=71.0, compression=3.0, variant="other"),
        result("4", "b", "resnet-56", dataset="cifar-10", top1_change=0.5, top1_std=0.2, speedup=2.0),
        result("5", "c", "tiny", top1_change=0.5, speedup=2.0),
    )
    (figure,) = figures(made, None, ["fragmentation"])
    over = {"compression": [], "speedup": []}
    for panel in figure.panels:
        over[panel.x.title] += [(panel.title, panel.y.title, s.name, s.points) for s in panel.series if s.points]
    assert [[(p.x, p.y, p.open) for p in points] for *_, points in over["compression"]] == [
        [(2.0, -1.0, False), (4.0, -11.0, True)],
        [(3.0, -0.5, False)],
    ]
    assert {name for _, _, name, _ in over["compression"]} == {"Ann 2017"}
    ((place, y, name, (last,)),) = over["speedup"]
    assert (place, y, name) == ("ResNet-56, CIFAR-10", "change of top-1, points", "Bea 2018a")
    assert (last.x, last.y, last.low, last.high) == (2.0, 0.5, 0.3, 0.7)
    assert "2 of 3 papers" in figure.caption
    assert "Hollow: 1 point below −6" in figure.caption


def test_spread_is_from_the_median_and_needs_three_papers(corpus, result):
    made = corpus(
        *(
            result(p, p, base_top1=v, base_flops_g=f)
            for p, v, f in (("a", 70.0, 1.0), ("b", 71.5, 2.0), ("c", 71.0, 4.0))
        ),
        *(result(f"{p}2", p, "tiny", base_top1=50.0) for p in "ab"),
    )
    (figure,) = figures(made, None, ["spread"])
    accuracy, sizes, operations = figure.panels
    assert accuracy.y.names == ("VGG-16 / ImageNet",)
    assert sorted(p.x for p in accuracy.series[0].points) == [-1.0, 0.0, 0.5]
    assert sizes.empty
    assert sorted(p.x for p in operations.series[0].points) == [0.5, 1.0, 2.0]


def test_tradeoffs_lead_to_papers_and_tell_filled_from_hollow(corpus, result):
    made = corpus(
        result("1", "a", base_top1=70.0, top1=69.0, compression=2.0),
        result("2", "b", kind="dense", top1=71.6, params_m=138.0),
        result("3", "b", "resnet-50", kind="dense", top1=76.0, params_m=25.6),
        result("4", "c", "tiny", base_top1=70.0, top1=69.0, compression=2.0),
    )
    (figure,) = figures(made, None, ["tradeoffs"])
    shown = [(s.name, s.open, [(p.x, p.y) for p in s.points]) for s in figure.panels[0].series if s.points]
    assert shown == [
        ("VGG", False, [(138.0, 71.6)]),
        ("ResNet", False, [(25.6, 76.0)]),
        ("VGG", True, [(69.0, 69.0)]),
    ]
    assert [p.link for s in figure.panels[0].series for p in s.points if s.open] == ["https://example.org/a"]
    assert "VGG-16 from 138 M parameters, 15.5 G multiply-adds, 70 % top-1" in figure.caption


def test_a_recipe_is_its_stages(corpus):
    shared = {"paper": "a", "source": "appendix", "transcribed_by": "us", "method": "a", "dataset": "imagenet"}
    recipes = [
        {**shared, "key": "1", "epochs": 90.0, "first_rate": 1e-2, "schedule": "0:1e-2,30:1e-3,60:1e-6 total:90"},
        {**shared, "key": "2", "epochs": 40.0, "first_rate": 1e-3, "schedule": "cosine:1e-3->0 total:40"},
        {**shared, "key": "3", "epochs": 20.0},
        {**shared, "key": "4", "first_rate": 1e-2},
    ]
    (figure,) = figures(corpus(recipes=recipes), None, ["recipes"])
    (panel,) = figure.panels
    assert panel.y.names == ("Ma (Ann 2017)",) * 3
    shown = {s.name: [(p.y, p.low, p.high) for p in s.points] for s in panel.series}
    assert shown == {
        "rate from 0.01": [(2, 0.0, 30.0)],
        "rate from 0.001": [(1, 0.0, 40.0), (2, 30.0, 60.0)],
        "rate from 0.0001": [],
        "lower, or not said": [(0, 0.0, 20.0), (2, 60.0, 90.0)],
    }
    assert "Of 4 recipes, 1 do not say how long they are." in figure.caption


def test_papers_of_one_author_and_year_are_told_apart(corpus, result):
    rows = [result(p, p, base_top1=70.0) for p in "abc"]
    (figure,) = figures(corpus(*rows), None, ["spread"])
    said = {p.text.splitlines()[0] for p in figure.panels[0].series[0].points}
    assert said == {"Ann 2017", "Bea 2018a", "Bea 2018b"}


@pytest.mark.parametrize("made", [nothing(), merged(nothing(), Part("one", {}))])
def test_an_empty_corpus_makes_figures_that_say_so(made):
    for figure in figures(made, None):
        svg = drawn(figure, "svg", 3.25).decode()
        assert "nothing reported" in svg
        assert "nan" not in svg


@pytest.mark.parametrize("name", ["tradeoffs", "fragmentation", "replicates"])
def test_images_of_the_docs_are_what_is_drawn_now(all_figures, name):
    image = Path(__file__).parents[3] / f"docs/images/corpus-{name}.svg"
    assert image.read_bytes() == drawn(all_figures[name], "svg", 6.75), f"draw {image.name} again"


def test_unknown_names_are_refused(shipped):
    with pytest.raises(SpecError, match="unknown figure 'tradeoff'; did you mean 'tradeoffs'"):
        figures(shipped, None, ["tradeoff"])
    with pytest.raises(CorpusError, match="unknown origin"):
        figures(shipped, "nobody")


HOSTILE = "\"'></title><script>alert(1)</script>&\x1b"


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.elements = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


def test_the_page_is_one_file_and_hostile_names_are_harmless(corpus, result):
    made = corpus(result("1", "a", base_top1=70.0, top1=69.0, compression=2.0, variant=HOSTILE, source=HOSTILE))
    frames = dict(made.tables)
    for table, columns in (("papers", ("title", "first_author")), ("methods", ("name",)), ("networks", ("name",))):
        frames[table] = (
            frames[table]
            .with_columns(**dict.fromkeys(columns, None))
            .with_columns(**{column: pl.lit(HOSTILE) for column in columns})
        )
    text = page(figures(type(made)(frames), None))
    reader = Reader()
    reader.feed(text)
    assert sum(tag == "script" for tag, _ in reader.elements) == 1
    assert "<script>alert" not in text
    assert not any(key.startswith("on") for _, attributes in reader.elements for key in attributes)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in reader.elements}
    assert not re.search(r"@import|url\(|\bsrc=", text)
    links = {a[key] for tag, a in reader.elements for key in ("href", "src", "action") if key in a}
    assert all(link.startswith("#") or link == "https://example.org/a" for link in links)
