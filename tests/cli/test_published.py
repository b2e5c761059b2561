"""`fairprune report --with-corpus`: what it lays beside a study, and what it refuses."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from fairprune.cli.published import _unusual
from fairprune.corpus.tables import Part, merged, nothing, save
from fairprune.spec import NetworkSpec

STUDY = """
    name = "tiny"
    targets = [2]
    endpoint = "top1"
    control = "random*"
    [task]
    data = "digits"
    network = "digits_cnn"
    [task.pretrain]
    schedule = "constant:5e-2 total:2"
    [methods.magnitude]
    criterion = "magnitude"
    [retraining.finetune]
    schedule = "constant:1e-2 total:0.5"
"""

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study without runs, beside a corpus that has a result of its network."""
    path = tmp_path / "tiny.toml"
    path.write_text(textwrap.dedent(STUDY))
    (tmp_path / "store" / "records").mkdir(parents=True)
    where = {"paper": "p", "source": "table 1", "transcribed_by": "us", "kind": "prune", "method": "m"}
    result = {**where, "key": "p/1", "network": "n", "dataset": "d", "top1": 97.0, "compression": 2.0}
    tables = {
        "papers": [{"key": "p", "title": "P", "first_author": "Poe", "year": 2017, "pruning": True}],
        "methods": [{"key": "m", "name": "Their method"}],
        "networks": [{"key": "n", "name": "A CNN", "component": "digits_cnn"}],
        "datasets": [{"key": "d", "name": "Digits", "component": "digits"}],
        "results": [result],
    }
    save(merged(nothing(), Part("o", tables)), tmp_path / "corpus")  # type: ignore[arg-type]
    return path


def test_published_results_stand_beside_a_study(fairprune: Command, study: Path) -> None:
    page, store = study.with_suffix(".md"), study.parent / "store"
    asked = ("report", study, "--store", store, "--with-corpus", "--corpus", study.parent / "corpus", "-o", page)
    code, out, err = fairprune(*asked, "--json")
    assert code == 0, err
    (one,) = json.loads(out)["published"]
    assert (one["key"], one["accuracy"], one["setup"], one["with_run"]) == ("p/1", 97.0, None, None)
    assert "| Poe 2017 | Their method | 2x |  | 97.00 | unknown | no run of ours |" in page.read_text()


def test_without_the_option_nothing_is_published(fairprune: Command, study: Path) -> None:
    page = study.with_suffix(".html")
    code, out, _ = fairprune("report", study, "--store", study.parent / "store", "-o", page, "--json")
    assert (code, json.loads(out)) == (0, {"report": str(page)})
    assert "Published results" not in page.read_text()


def test_what_nobody_published_is_refused(fairprune: Command, study: Path) -> None:
    page = study.with_suffix(".html")
    code, _, err = fairprune("report", study, "--store", study.parent / "store", "--with-corpus", "-o", page)
    assert code == 2
    assert "nothing is published on what the study has: digits_cnn on digits; the corpus has " in err
    assert "lenet5, lenet5_caffe on mnist" in err
    assert not page.exists()


def test_options_that_a_network_does_not_have_by_default() -> None:
    assert _unusual(NetworkSpec(name="resnet20")) == {}
    assert _unusual(NetworkSpec(name="resnet20", options={"shortcut": "A"})) == {}
    assert _unusual(NetworkSpec(name="resnet20", options={"shortcut": "B"})) == {"shortcut": "B"}
    assert _unusual(NetworkSpec(name="lenet5", options={"batch_norm": True, "size": 28})) == {"batch_norm": True}
    assert _unusual(NetworkSpec(name="mine:net", options={"width": 3})) == {"width": 3}
