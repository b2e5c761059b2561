"""Notes beside a store: what is read with them is what is read without, and what has changed is seen."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from fairprune import notes
from fairprune.launch.session import prepare
from fairprune.launch.site import Site
from fairprune.reading import audited, read_noted, read_records, read_session, read_summary, summarised
from fairprune.reading.noted import taken
from fairprune.sealed import seal
from fairprune.study import read_study

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "store.py"


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A study of 4 methods and a store with its records, as the benchmark makes them; one of them failed."""
    found = importlib.util.spec_from_file_location("benchmark_store", BENCHMARK)
    benchmark = importlib.util.module_from_spec(found)
    found.loader.exec_module(benchmark)
    folder = tmp_path_factory.mktemp("filled")
    (folder / "study.toml").write_text(benchmark.study_text(2 * 4 * 2 * 3, methods=4, targets=2, seeds=3))
    session = prepare(read_study(folder / "study.toml"), Site(folder / "store", None, folder))
    benchmark.IMAGES = 200
    benchmark.fill(session, folder / "store", session.points)
    change(folder / "store", session.points[5].id, status="failed", reason="it did")
    return folder


@pytest.fixture
def folder(filled, tmp_path, monkeypatch):
    """A copy of its own, of a size from which notes are made."""
    monkeypatch.setattr(notes, "_LEAST", 10)
    monkeypatch.setattr(notes, "_FEW", 0)
    shutil.copytree(filled, tmp_path / "copy")
    return tmp_path / "copy"


def change(store, run_id, **values):
    (path,) = (store / "records" / run_id).iterdir()
    path.write_bytes(seal({**json.loads(path.read_bytes())["value"], **values}))


def opened(folder):
    return read_session(folder / "study.toml", None, folder / "store", None)


def everything(folder):
    session = opened(folder)
    records = read_noted(session)
    summary = read_summary(session, records)
    return summary, audited(session, records, summary), records


def without(folder, monkeypatch):
    """The same with whole records, and nothing noted."""
    monkeypatch.setattr(notes, "_LEAST", 10**9)
    session = opened(folder)
    records = read_records(session)
    summary = summarised(session, records)
    return summary, audited(session, records, summary), taken(records)


def test_results_are_the_same_with_and_without(folder, monkeypatch):
    first, again = everything(folder), everything(folder)
    assert {path.name for path in (folder / "store" / "views").iterdir()} == {
        "statuses.json",
        "results.json",
        "images.json",
        "summary-large.json",
    }
    shutil.rmtree(folder / "store" / "views")
    deleted = everything(folder)
    expected = without(folder, monkeypatch)
    assert first == again == deleted == expected
    summary, findings, _ = expected
    assert (summary.done, summary.expected) == (47, 48)
    assert summary.panels[0].cells[1].resampled is not None
    assert any(comparison.image_low is not None for comparison in summary.comparisons)
    assert "incomplete-runs" in {finding.rule for finding in findings}


def test_what_is_noted_is_not_read_again(folder, monkeypatch):
    expected = everything(folder)
    monkeypatch.setattr("fairprune.store.unseal", None)  # whoever reads a record breaks
    monkeypatch.setattr("fairprune.store.read_arrays", None)
    assert everything(folder) == expected


def test_a_record_that_changes_is_seen(folder, monkeypatch):
    before, _, _ = everything(folder)
    session = opened(folder)
    change(folder / "store", session.points[7].id, status="diverged", reason="it did")
    changed = everything(folder)
    assert changed[0].counts == {**before.counts, "done": 46, "diverged": 1}
    (path,) = (folder / "store" / "records" / session.points[8].id).iterdir()
    path.write_bytes(path.read_bytes().replace(b'"status":"done"', b'"status":"dome"'))  # its seal is broken
    assert everything(folder)[0].counts["missing"] == 1
    assert everything(folder) == without(folder, monkeypatch)


def test_another_question_to_the_same_records_is_another_summary(folder):
    before, _, _ = everything(folder)
    session = read_session(folder / "study.toml", ["seeds=2", "margin=1.0"], folder / "store", None)
    other = read_summary(session)
    assert (other.expected, other.margin) == (32, 1.0)
    assert read_summary(session) == other
    assert everything(folder)[0] == before


def test_data_with_which_results_were_made_need_not_be_at_hand(folder, monkeypatch):
    monkeypatch.setattr("fairprune.data.load.load_data", None)
    assert len(opened(folder).points) == 48
