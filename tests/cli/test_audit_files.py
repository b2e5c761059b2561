"""`fairprune audit` on files of results: what it prints, what it refuses, how it exits."""

import csv
import json
import sys

import pytest

from fairprune.audit.columns import COLUMNS
from fairprune.cli import main
from fairprune.cli.comparing import assumable
from fairprune.corpus.audited import as_result, as_row
from fairprune.corpus.names import names_of
from fairprune.corpus.tables import load

HEAD = "id,method,dataset,network,speedup,base_checkpoint,prune_epochs,retrain_schedule\n"
SLOW, FAST = "constant:1e-3", "constant:1e-2"
TWO = HEAD + f"a,L1,d,n,2,base,0,{SLOW} total:40\nb,X,d,n,2.05,base,,{FAST} total:40\n"


@pytest.fixture
def audit(monkeypatch, capsys):
    """Run the command as a user would: its exit code, output and errors."""

    def audit(*arguments):
        monkeypatch.setattr(sys, "argv", ["fairprune", "audit", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "150")
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return end.value.code or 0, printed.out, printed.err

    return audit


@pytest.fixture
def published(tmp_path):
    """A table of a contributed paper as a file of results; rows go by what their source says behind the table."""

    def published(origin, source):
        corpus = load()
        path = tmp_path / "published.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for row in corpus["results"].filter(origin=origin).iter_rows(named=True):
                found = as_result(row, names_of(corpus))
                named = {name: getattr(found, name) for name in ("method", "dataset", "network")}
                if row["source"].startswith(f"{source}, "):
                    writer.writerow(as_row(found) | named | {"id": row["source"].removeprefix(f"{source}, ")})
        return path

    return published


@pytest.fixture
def two(tmp_path):
    """Two results at 2x from one base model, retrained at different rates."""
    path = tmp_path / "two.csv"
    path.write_text(TWO)
    return path


def test_json_has_pairs_findings_and_conventions(audit, two):
    code, out, err = audit(two, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["pairs"] == [
        {
            "a": "a",
            "b": "b",
            "setup": "S3.1",
            "flags": [],
            "matched": ["speedup"],
            "assumed": [],
            "blocked_by": [
                {"setup": "S3.2", "field": "retrain_schedule", "a": f"{SLOW} total:40", "b": f"{FAST} total:40"},
                *(
                    {"setup": "S3.2", "field": field, "a": None, "b": None}
                    for field in ("optimizer", "momentum", "weight_decay", "batch_size", "augmentation")
                ),
                {"setup": "S4.1", "field": "prune_epochs", "a": 0.0, "b": None},
                {"setup": "S4.2", "field": "prune_schedule", "a": "none", "b": None},
            ],
        }
    ]  # fmt: skip
    assert document["pairs_below_s1"] == 0
    assert {"rule", "severity", "ids", "text"} == set(document["findings"][0])
    assert document["findings"][0]["rule"] == "setup-below-s3.2"
    assert document["findings"][0]["ids"] == ["a", "b"]
    assert document["conventions"]["tau"] == 0.05
    assert document["conventions"]["reading"] == "wang"
    assert "1/speedup" in document["conventions"]["multiply_adds"]
    assert document["left_out"] == []


def test_pairs_below_s1_are_counted_and_not_listed(audit, two):
    document = json.loads(audit(two, "--json", "--tau", "0.02")[1])
    assert (document["pairs"], document["pairs_below_s1"]) == ([], 1)
    assert "1 pair: 1 below S1" in audit(two, "--tau", 0)[1]


def test_text_has_the_strictest_first_and_what_blocks_the_next(audit, published):
    table = published("wang-2023", "tables 1 and 3")
    code, out, err = audit(table, "--assume-equal", "optimizer,momentum, weight_decay,batch_size")
    first, second, *_ = out.splitlines()
    assert (code, err) == (0, "")
    assert first.split()[:6] == ["a", "b", "setup", "rate", "flags", "what"]
    assert second.split()[:6] == ["GReg-1", "2.31", "GReg-2", "2.31", "S3.1", "speedup"]
    assert "S3.2: augmentation unknown" in second
    assert out.index(" S3.1 ") < out.index(" S1 ")
    assert "Rates match within 5.0%" in out
    assert "batch_size, momentum, optimizer, weight_decay assumed equal where unknown" in out
    assert out.index("unfair ") < out.index("caution ")


def test_long_lists_of_pairs_are_cut_in_text_alone(audit, published):
    table = published("wang-2023", "table 4")
    assert "and 86 more pairs, all of them with --json" in audit(table)[1]
    assert len(json.loads(audit(table, "--json")[1])["pairs"]) == 126


def test_the_count_of_scratch_runs_is_an_option_and_printed(audit, published):
    table = published("liu-2019", "table 1")
    flags = []
    for reading in ("wang", "liu"):
        document = json.loads(audit(table, "--json", "--reading", reading)[1])
        assert document["conventions"]["reading"] == reading
        pruned = [pair for pair in document["pairs"] if "finetuned" in pair["a"] and "Scratch" in pair["b"]]
        flags.append({flag for pair in pruned for flag in pair["flags"]})
    assert flags == [set(), {"SX-B"}]
    assert "SX-B counts all stages of both (--reading liu: " in audit(table)[1]
    assert "SX-B counts a scratch run's rival without its retraining" in audit(table, "--reading", "liu")[1]


def test_fields_assumed_equal_are_told_with_the_verdict(audit, two):
    two.write_text(TWO.replace(FAST, SLOW))
    rest = "optimizer,momentum,weight_decay,batch_size,augmentation"
    (pair,) = json.loads(audit(two, "--json", "--assume-equal", f"{rest},prune_epochs")[1])["pairs"]
    assert (pair["setup"], pair["assumed"]) == ("S4.1", [*rest.split(","), "prune_epochs"])
    assert "S4.1 if optimizer, momentum" in audit(two, "--assume-equal", f"{rest},prune_epochs")[1]


@pytest.mark.parametrize(("severity", "code"), [("never", 0), ("unfair", 1), ("note", 1)])
def test_a_gate(audit, two, severity, code):
    assert audit(two, "--fail-on", severity)[0] == code


def test_a_gate_that_stays_open(audit, two):
    two.write_text(TWO.replace(",X,", ",L1,"))  # one method
    assert audit(two, "--fail-on", "unfair")[0] == 0
    assert audit(two, "--fail-on", "caution")[0] == 1


def test_mistakes_are_one_line_and_the_rest_is_read_on_demand(audit, two):
    two.write_text(TWO + "c,L1,d,n,x,base,0,\nc,L1,d,n,2,base,0\n")
    code, out, err = audit(two)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "two.csv, line 4, column speedup: 'x': expected dense over pruned" in err
    assert err.endswith("(and 1 more); --keep-going reads the rest\n")
    code, out, err = audit(two, "--keep-going", "--json")
    document = json.loads(out)
    assert (code, len(document["pairs"])) == (0, 1)
    assert [problem["column"] for problem in document["left_out"]] == ["speedup", "retrain_schedule"]
    assert err.splitlines()[1] == "left out: two.csv, line 5, column retrain_schedule: 7 cells, expected 8"
    two.write_text(HEAD + "a,L1,d,n,2,base,0,\nb,L1,d,n,x,base,0,\n")
    assert audit(two, "--keep-going", "--fail-on", "unfair")[0] == 1  # what was not read was not found fair


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "no file none.csv"),
        (["none.toml"], "no file none.toml: expected a study (.toml) or a file of results (.csv, .json)"),
        (["none"], "no file none: expected a study (.toml)"),
        (["{two}", "--tau", "5"], "--tau 5: expected a fraction from 0 to below 1"),
        (["{two}", "--tau", "nan"], "--tau nan: expected a fraction"),
        (["{two}", "--assume-equal", "momentun"], "did you mean 'momentum'"),
        (["{two}", "--set", "seeds=3"], "--set is for studies, not for two.csv"),
        (["{two}", "--against", "nowhere"], "no results in nowhere"),
        (["study.toml", "--keep-going"], "--keep-going is for files of results, not for study.toml"),
        (["study.toml", "--reading", "liu"], "--reading is for files of results"),
        (["study.toml", "--assume-equal", "momentun"], "did you mean 'momentum'"),
    ],
)
def test_what_cannot_work_is_one_line_and_exit_code_2(audit, two, arguments, message):
    code, out, err = audit(*(argument.format(two=two) for argument in arguments))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_help_shows_an_example_and_fields_complete(audit):
    code, out, _ = audit("--help")
    assert code == 0
    assert "fairprune audit published.csv --assume-equal" in out
    assert assumable("m") == ["momentum"]
    assert assumable("momentum,we") == ["momentum,weight_decay"]
