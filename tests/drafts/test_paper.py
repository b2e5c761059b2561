"""A paper begun: what is still to be typed in is what the corpus misses."""

import tomllib
from dataclasses import replace

import pytest

from fairprune.corpus.importers.contribution import examine
from fairprune.corpus.tables import SHIPPED, load
from fairprune.drafts.paper import Paper, paper_written
from fairprune.errors import SpecError

PAPER = Paper("doe-2024", 'Pruning, "Plainly"', "Doe", 2024, "https://example.org", "Plain {0} # x", "Jane")
ROW = 'Plain 2x, "Plain {0} # x", 50, 93.2, "0:1e-2,30:1e-3 total:90"\n'


def _examined(paper, folder, row=""):
    file = folder / f"{paper.key}.toml"
    file.write_text(paper_written(paper).replace("retrain_schedule\n'''", f"retrain_schedule\n{row}'''"))
    return examine(file, load(SHIPPED))


def test_with_a_row_it_can_be_taken(tmp_path):
    part, faults = _examined(PAPER, tmp_path, ROW)
    assert faults == []
    assert [(row["method"], row["top1"]) for row in part.rows["results"]] == [("plain-0-x", 93.2)]
    assert [row["title"] for row in part.rows["papers"]] == [PAPER.title]


def test_what_is_blank_is_said(tmp_path):
    _, faults = _examined(replace(PAPER, title="", first_author=""), tmp_path, ROW)
    assert {fault.field for fault in faults} == {"title", "first_author"}


def test_keys_are_plain():
    for key in ("Doe 2024", "doe_2024", "-doe", "", "a\nb"):
        with pytest.raises(SpecError, match="doe-2024"):
            paper_written(replace(PAPER, key=key))


def test_names_stay_names():
    evil = 'x"\n[paper]\nkey = "y'
    table = tomllib.loads(paper_written(replace(PAPER, method=evil, url=evil)))
    assert (table["methods"][0]["name"], table["paper"]["url"], table["paper"]["key"]) == (evil, evil, "doe-2024")
