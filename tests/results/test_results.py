"""Results for programs and notebooks: frames, figures, and HTML without anything that runs."""

import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import polars as pl
import pytest

import fairprune as fp
from fairprune.cli import main
from fairprune.errors import FigureError, SpecError, StoreError
from fairprune.study import read_study

EVIL = "<script>alert(1)</script>"
STUDY = f"""
name = "tiny"
question = "{EVIL}"
targets = [2]
seeds = 2
control = "random*"
[task]
data = "digits"
network = "digits_cnn"
[task.pretrain]
schedule = "constant:5e-2 total:1"
[methods."{EVIL}"]
criterion = "magnitude"
[retraining.finetune]
schedule = "constant:1e-2 total:0.5"
"""
SVG = "{http://www.w3.org/2000/svg}"
SHOWN = {"div", "h3", "p", "table", "caption", "thead", "tbody", "tr", "th", "td"}
DRAWN = {"svg", "title", "desc", "rect", "g", "path", "text", "circle", "line", "polygon"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study that has been run: its file and its store."""
    folder = tmp_path_factory.mktemp("study")
    path = folder / "tiny.toml"
    path.write_text(STUDY)
    with pytest.MonkeyPatch.context() as patch:
        arguments = ["fairprune", "run", path, "--store", folder / "store", "-j", 1, "--threads", 1, "--json"]
        patch.setattr(sys, "argv", list(map(str, arguments)))
        with pytest.raises(SystemExit):
            main()
    return path, folder / "store"


@pytest.fixture(scope="module")
def results(study):
    return fp.read_results(*study)


def _tags(text):
    """Every tag with its attributes."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(text)
    return found


def test_a_row_for_every_point(results):
    table = results.table
    assert table.select("method", "target", "done", "expected").rows() == [
        ("dense", "", 2, 2),
        (EVIL, "compression 2x", 2, 2),
        ("random-weight", "compression 2x", 2, 2),
    ]
    (evil,) = table.filter(pl.col("method") == EVIL).iter_rows(named=True)
    (cell,) = (cell for panel in results.summary.panels for cell in panel.cells if cell.method == EVIL)
    assert (evil["mean"], evil["low"], evil["high"]) == (cell.endpoint.mean, cell.endpoint.low, cell.endpoint.high)
    assert evil["control"] == "random-weight"
    assert evil["difference_low"] < evil["difference"] < evil["difference_high"]
    assert evil["verdict"] == results.summary.panels[0].comparisons[0].verdict
    assert evil["compression"] == pytest.approx(2, rel=0.01)
    assert table["control"].to_list().count(None) == 2


def test_a_row_for_every_run(results):
    assert sorted(results.runs["label.method"]) == [EVIL] * 2 + ["dense"] * 2 + ["random-weight"] * 2
    assert set(results.runs["id"]) == set(results.records)


def test_notebooks_see_headline_table_figure_and_findings(results):
    text = results._repr_html_()
    tags = _tags(text)
    assert {tag for tag, _ in tags} <= SHOWN | DRAWN
    assert {"table", "svg"} <= {tag for tag, _ in tags}
    assert not {name for _, attributes in tags for name in attributes} & {"src", "href", "onload", "onclick", "id"}
    assert EVIL not in text
    shown = " ".join(ElementTree.fromstring(text).itertext())
    assert f"{EVIL} at 2x" in shown or EVIL in shown
    assert "2/2" in shown
    for finding in results.findings:
        assert finding.text in shown
    assert str(results).splitlines()[0] == "tiny"


def test_figures_are_svg_with_everything_in_them(results, tmp_path):
    for axis, title in ((None, "compression"), ("compression", "compression"), ("speedup", "theoretical speedup")):
        drawing = results.figure(axis)
        root = ElementTree.fromstring(drawing._repr_svg_())
        words = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
        assert root.tag == f"{SVG}svg"
        assert f"{title} (dense / kept" in words
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= DRAWN
        assert "script" not in {element.tag.removeprefix(SVG) for element in root.iter()}
    drawing.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text() == drawing.svg
    assert ElementTree.fromstring(results.figure(inches=3.25).svg).get("width") == "3.2500in"


def test_figures_that_cannot_be(results, tmp_path):
    with pytest.raises(SpecError, match="did you mean 'speedup'"):
        results.figure("sped")
    for axis in ("measured", "speedups"):
        with pytest.raises(FigureError, match="no run of tiny was timed"):
            results.figure(axis)
    with pytest.raises(FigureError, match="unknown form of figure 'gif'"):
        results.figure().save(tmp_path / "a.gif")


def test_what_is_missing_is_said(study):
    path, store = study
    half = fp.read_results(path, store, overrides=["seeds=3"])
    assert half.table["done"].to_list() == [2, 2, 2]
    assert "6 of 9 runs ended" in str(half)
    none = fp.read_results(path, store, overrides=["targets=[4]", "controls.dense=false"])
    assert none.table["mean"].to_list() == [None, None]
    assert "No figure" in none._repr_html_()
    assert none.records == {}
    assert none.runs.is_empty()


def test_a_study_may_be_a_value(study, results):
    path, store = study
    assert fp.read_results(read_study(path), store).summary == results.summary


def test_where_the_store_is(study, results, monkeypatch, tmp_path):
    path, store = study
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="no results in fairprune-results"):
        fp.read_results(path)
    monkeypatch.setenv("FAIRPRUNE_STORE", str(store))
    assert fp.read_results(str(path)).summary == results.summary
    with pytest.raises(SpecError, match="no study file"):
        fp.read_results(tmp_path / "none.toml")


def test_importing_the_library_waits_for_nothing_heavy():
    heavy = "{'torch', 'polars', 'pydantic', 'jinja2'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", f"import sys, fairprune; sys.exit(bool({heavy}))"], check=False)
    assert done.returncode == 0
