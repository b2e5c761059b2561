from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fairprune.audit.against import as_printed
from fairprune.corpus.audited import as_result
from fairprune.corpus.importers import own
from fairprune.corpus.importers.document import About, read_document
from fairprune.corpus.names import names_of
from fairprune.corpus.tables import Corpus, merged
from fairprune.errors import CorpusError, StoreError
from fairprune.record import Metric, Record
from fairprune.spec import NetworkSpec
from fairprune.store import open_store

Make = Callable[..., Record]
PAPER = """\
transcribed_by = "us"
[paper]
key = "us-2024"
title = "Ours"
first_author = "Us"
year = 2024

[[networks]]
key = "tiny"
name = "Tiny (fairprune)"
component = "small"

[[datasets]]
key = "digits"
name = "Digits"
"""


@pytest.fixture
def published(tmp_path: Path, known: Corpus) -> Callable[..., tuple[own.Part, list[str]]]:
    """The part that these records make, and its faults."""

    def publish(*records: Record, paper: str = PAPER) -> tuple[own.Part, list[str]]:
        store = open_store(tmp_path / "store")
        for record in records:
            store.put_record(record)
        about = tmp_path / "ours.toml"
        about.write_text(paper)
        part, faults = own.examine(tmp_path / "store", known, About.told(read_document(about), known))
        return part, [str(fault) for fault in faults]

    return publish


def test_runs_that_ended_are_results(record: Make, published: Callable[..., tuple[own.Part, list[str]]]) -> None:
    metrics = (Metric(name="top1", split="test", value=0.9629, when="final"),)  # 100 times that is not 96.29
    part, faults = published(record(metrics=metrics), record(id="gone", status="diverged", reason="loss is nan"))
    assert faults == []
    assert part.origin == "ours"
    (row,) = part.rows["results"]
    told = {
        "key": "us-2024/run",
        "paper": "us-2024",
        "source": "record run",
        "transcribed_by": "us",
        "method": "l1",
        "variant": "L1",
        "setting": "speedup 2x, tune",
        "dataset": "digits",
        "network": "tiny",
        "replicate": 2,
        "seeds": 1,
        "base_checkpoint": "base",
        "base_params_m": 0.001,
        "params_m": 0.00025,
        "base_flops_g": 1e-7,
        "flops_g": 5e-8,
        "flops_unit": "macs",
        "retrain_schedule": "constant:1e-3 total:4",
        "optimizer": "sgd",
        "augmentation": "none",
        "top1": 96.29,
    }
    assert {name: row[name] for name in told} == told
    assert [(note.place, note.what, note.text) for note in part.notes] == [
        ("store, record gone", "left out", "diverged: loss is nan")
    ]


def test_the_audit_reads_back_what_was_published(
    record: Make, known: Corpus, published: Callable[..., tuple[own.Part, list[str]]]
) -> None:
    run = record()
    corpus = merged(known, published(run)[0])
    (row,) = corpus["results"].rows(named=True)
    back, there = as_result(row, names_of(corpus)), as_printed(run)
    for name in ("pretrain_schedule", "prune_epochs", "retrain_schedule", "base_checkpoint", "speedup", "augmentation"):
        assert getattr(back, name) == getattr(there, name), name
    assert back.cost() == there.cost()


def test_what_has_no_name_in_the_corpus_is_said_once(
    record: Make, published: Callable[..., tuple[own.Part, list[str]]]
) -> None:
    full = record()
    task = full.spec.task.model_copy(update={"network": NetworkSpec(name="other")})
    spec = full.spec.model_copy(update={"task": task})
    _, faults = published(record(id="a", spec=spec), record(id="b", spec=spec))
    (fault,) = faults
    assert fault.startswith("store, network: unknown network 'other'")
    assert fault.endswith("--about may bring it, under [[networks]] [unknown-name]")


def test_what_is_wrong_with_the_paper_is_said(
    record: Make, published: Callable[..., tuple[own.Part, list[str]]]
) -> None:
    _, faults = published(record(), paper=PAPER.replace("year = 2024", "year = 'now'"))
    assert faults == ["ours.toml, line 6, year: 'now': expected a whole number [type]"]


def test_a_store_alone_does_not_say_its_paper(tmp_path: Path, record: Make, known: Corpus) -> None:
    open_store(tmp_path / "store").put_record(record())
    assert own.recognises(tmp_path / "store")
    assert not own.recognises(tmp_path)
    with pytest.raises(CorpusError, match="which paper its records are of; expected --paper or --about"):
        own.read(tmp_path / "store", known)
    with pytest.raises(StoreError):
        own.examine(tmp_path / "nothing", known, About.of(tmp_path, "li-2017"))
