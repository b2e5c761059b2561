from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairprune.audit import Result, compare
from fairprune.audit.columns import COLUMNS
from fairprune.audit.read import Table, read_results
from fairprune.audit.setups import ORDER
from fairprune.errors import SpecError
from fairprune.schedules import empty, parse

FULL: dict[str, str] = {
    "id": "row",
    "method": "L1-norm",
    "kind": "prune",
    "granularity": "channel",
    "dataset": "CIFAR-10",
    "network": "ResNet-56",
    "base_top1": "93.14",
    "top1": "92.67",
    "top1_std": ".14",
    "top5": "99.5",
    "seeds": "5",
    "base_checkpoint": "base",
    "compression": "1.2",
    "speedup": "2",
    "params_m_base": ".85",
    "macs_g_base": ".1255",
    "allocation": "uniform",
    "spare": "conv1 classifier",
    "calibration": "0",
    "tuning_trials": "4",
    "pretrain_epochs": "160",
    "pretrain_schedule": "0:1e-1,80:1e-2,120:1e-3 total:160",
    "prune_epochs": "5",
    "prune_schedule": "constant:1e-2 total:5",
    "retrain_epochs": "40",
    "retrain_schedule": "constant:1e-3 total:40",
    "optimizer": "sgd",
    "momentum": "0.9",
    "weight_decay": "1e-4",
    "batch_size": "64",
    "augmentation": "pad-crop:4 flip",
    "selected_on": "last",
    "source": "arXiv:1810.05270",
}


def csv_text(*rows: dict[str, str], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(key for row in rows for key in row)), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read(folder: Path, text: str | bytes, name: str = "r.csv") -> Table:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_results(path)


def problems(folder: Path, text: str | bytes, name: str = "r.csv") -> list[str]:
    return [str(problem) for problem in read(folder, text, name).problems]


def test_every_column_is_a_field_of_a_result() -> None:
    assert set(COLUMNS) == set(FULL)
    assert set(COLUMNS) <= {field.name for field in fields(Result)}


def test_a_row_in_full(tmp_path: Path) -> None:
    (result,) = read(tmp_path, csv_text(FULL)).results
    assert result == Result(
        "row",
        method="L1-norm",
        granularity="channel",
        dataset="CIFAR-10",
        network="ResNet-56",
        base_top1=93.14,
        top1=92.67,
        top1_std=0.14,
        top5=99.5,
        seeds=5,
        base_checkpoint="base",
        compression=1.2,
        speedup=2,
        params_m_base=0.85,
        macs_g_base=0.1255,
        allocation="uniform",
        spare=("classifier", "conv1"),
        calibration=0,
        tuning_trials=4,
        pretrain_schedule=parse("0:1e-1,80:1e-2,120:1e-3 total:160"),
        prune_schedule=parse("constant:1e-2 total:5"),
        retrain_schedule=parse("constant:1e-3 total:40"),
        optimizer="sgd",
        momentum=0.9,
        weight_decay=1e-4,
        batch_size=64,
        augmentation="pad-crop:4,flip",
        selected_on="last",
        source="arXiv:1810.05270",
        pretrain_macs=1,
        prune_macs=1,
        retrain_macs=0.5,
    )


@given(st.sets(st.sampled_from(sorted(FULL.keys() - {"id"}))))
def test_blank_is_unknown(tmp_path_factory: pytest.TempPathFactory, blank: set[str]) -> None:
    folder = tmp_path_factory.getbasetemp()
    row = {**FULL, **dict.fromkeys(blank, " ")}
    (result,) = read(folder, csv_text(row)).results
    supplied = {f"{stage}_epochs" for stage in ("pretrain", "prune", "retrain") if row[f"{stage}_schedule"].strip()}
    for column in blank - supplied - {"kind"}:
        assert getattr(result, column) is None, column
    (without,) = read(folder, csv_text({key: value for key, value in row.items() if key not in blank})).results
    assert without == result


@given(st.lists(st.sampled_from(sorted(FULL.keys() - {"id"})), unique=True, max_size=6), st.data())
def test_blanking_a_cell_never_makes_two_rows_more_alike(
    tmp_path_factory: pytest.TempPathFactory, changed: list[str], data: st.DataObject
) -> None:
    other = {**FULL, "id": "other", "kind": data.draw(st.sampled_from(["prune", "dense", "scratch"]))}
    for column in changed:
        other[column] = "" if data.draw(st.booleans()) else FULL[column]
    if other["kind"] != "prune":
        other.update(dict.fromkeys([k for k in other if k.startswith(("prune", "retrain"))], ""), speedup="1")
        other["compression"] = "1"
    lost = data.draw(st.sampled_from(sorted(FULL.keys() - {"id", "kind", "compression", "speedup"})))

    def judged(row: dict[str, str]) -> tuple[int, set[str]]:
        a, b = read(tmp_path_factory.getbasetemp(), csv_text({**FULL, "speedup": "1", "compression": "1"}, row)).results
        verdict, back = compare(a, b), compare(b, a)
        assert (verdict.setup, verdict.flags) == (back.setup, back.flags)
        return (ORDER.index(verdict.setup) if verdict.setup else -1), set(verdict.flags)

    before, after = judged(other), judged({**other, lost: ""})
    assert after[0] <= before[0]
    assert after[1] <= before[1]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_write(tmp_path: Path, delimiter: str, mark: bytes, end: str) -> None:
    text = csv_text(FULL, {**FULL, "id": "b"}, delimiter=delimiter).replace("\r\n", end)
    table = read(tmp_path, mark + text.encode() + (delimiter * 3 + end).encode())
    assert [result.id for result in table.results] == ["row", "b"]
    assert table.results[0].retrain_schedule == parse("constant:1e-3 total:40")
    assert table.problems == ()


def test_json_says_the_same(tmp_path: Path) -> None:
    numbers: dict[str, Any] = {key: float(text) for key, text in FULL.items() if re.fullmatch(r"[\d.e-]+", text)}
    row = {**FULL, **numbers, "seeds": 5, "source": None}
    expected = read(tmp_path, csv_text({**FULL, "source": ""}))
    for document in ([row], {"results": [row], "about": "x"}):
        assert read(tmp_path, json.dumps(document), "r.JSON") == expected


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"prune_epochs": "0", "prune_schedule": ""}, "prune_schedule", empty()),
        ({"prune_epochs": "", "prune_schedule": "none"}, "prune_epochs", 0),
        ({"prune_epochs": "", "prune_schedule": ""}, "prune_epochs", None),  # one-shot or not: unknown
        ({"retrain_epochs": ""}, "retrain_epochs", 40),
        ({"augmentation": "None"}, "augmentation", ""),
        ({"augmentation": "Pad-crop:4,  flip"}, "augmentation", "pad-crop:4,flip"),
        ({"spare": "None"}, "spare", ()),
        ({"spare": "fc,  Conv1"}, "spare", ("conv1", "fc")),
        ({"optimizer": "SGD"}, "optimizer", "sgd"),
        ({"seeds": "5.0"}, "seeds", 5),
        ({"top1": "93.1%"}, "top1", 93.1),
        ({"top1": "93.1 %"}, "top1", 93.1),
        ({"speedup": "2.1x"}, "speedup", 2.1),
        ({"compression": "2.1 \N{MULTIPLICATION SIGN}"}, "compression", 2.1),
        ({"speedup": ""}, "retrain_macs", None),
        ({"speedup": "4"}, "retrain_macs", 0.25),
        ({"kind": ""}, "kind", "prune"),
        ({"momentum": "0"}, "momentum", 0),
        ({"network": "  Res\n Net "}, "network", "Res Net"),
    ],
)
def test_cells(tmp_path: Path, changes: dict[str, str], field: str, value: Any) -> None:
    (result,) = read(tmp_path, csv_text({**FULL, **changes})).results
    assert getattr(result, field) == value


ABSENT = dict.fromkeys((key for key in FULL if key.startswith(("prune", "retrain"))), "")


def test_a_scratch_run_is_charged_at_the_small_network(tmp_path: Path) -> None:
    (result,) = read(tmp_path, csv_text({**FULL, **ABSENT, "kind": "scratch"})).results
    assert (result.epochs, result.cost(), result.largest()) == (160, 80, 0.5)


def test_a_dense_network_lost_nothing(tmp_path: Path) -> None:
    dense = {**FULL, **ABSENT, "kind": "dense", "compression": "", "speedup": "", "retrain_epochs": "40"}
    (result,) = read(tmp_path, csv_text(dense)).results
    assert (result.compression, result.speedup, result.cost()) == (1, 1, 200)
    assert problems(tmp_path, csv_text(dense | {"speedup": "2"}, FULL | {"id": "b"})) == [
        "r.csv, line 2: result 'row': speedup of a dense network is 2; expected 1"
    ]


def test_names_that_differ_in_spelling_alone_are_one(tmp_path: Path) -> None:
    spelt = [{"dataset": "cifar10", "network": "resnet_56"}, {"dataset": "CIFAR 10"}, {"dataset": "CIFAR-100"}]
    rows = [{**FULL, **names, "id": str(i)} for i, names in enumerate(spelt)]
    found = [(result.dataset, result.network) for result in read(tmp_path, csv_text(FULL, *rows)).results]
    assert found == [("CIFAR-10", "ResNet-56")] * 3 + [("CIFAR-100", "ResNet-56")]


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        ("top1", "934", "'934': expected percent, from 0 to 100"),
        ("base_top1", "100.5", "expected percent"),
        ("top1_std", "-1", "expected percent"),
        ("top1", "93,4", "expected percent"),
        ("top1", "nan", "expected percent"),
        ("top1", "9_3", "expected percent"),
        ("kind", "pruned", "unknown kind 'pruned'; did you mean 'prune'?"),
        ("seeds", "2.5", "expected a whole number, 1 or more"),
        ("seeds", "1e16", "expected a whole number, 1 or more, 9007199254740992 at most"),
        ("seeds", "0", "expected a whole number"),
        ("batch_size", "1e999", "expected a whole number"),
        ("calibration", "-1", "expected a whole number, 0 or more"),
        ("tuning_trials", "2.5", "expected a whole number, 0 or more"),
        ("granularity", "filter", "unknown granularity 'filter'"),
        ("macs_g_base", "-0.5", "expected a number, 0 or more"),
        ("top5", "990", "expected percent"),
        ("speedup", "0.5", "expected dense over pruned, 1 or more"),
        ("compression", "2 times", "expected dense over pruned"),
        ("compression", "x", "expected dense over pruned"),
        ("compression", "2%", "expected dense over pruned"),
        ("seeds", "2x", "expected a whole number"),
        ("retrain_epochs", "-3", "expected epochs, from 0 to 1e+06"),
        ("retrain_epochs", "inf", "expected epochs"),
        ("momentum", "9", "expected a number from 0 to 1"),
        ("weight_decay", "-1e-4", "expected a number, 0 or more"),
        ("retrain_schedule", "cosin:1e-1->0 total:9", "did you mean 'cosine'"),
        ("retrain_schedule", "halving:1->1e-320 total:9", "schedule"),
        ("retrain_schedule", "cosine:1->0 total:9 from:1e308", "schedule"),
        ("retrain_schedule", "constant:1 total:1e7", "expected at most 1e+06 epochs"),
        ("selected_on", "validaton", "did you mean 'validation'"),
        ("base_checkpoint", "-", "a blank cell says that it is unknown"),
        ("network", "N/A", "a blank cell says that it is unknown"),
        ("id", "", "blank; expected a name for the row"),
        ("source", "\x1b[2J", "a control character"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_is_read(tmp_path: Path, column: str, text: str, said: str) -> None:
    rows = [{**FULL, "id": "a"}, {**FULL, column: text}, {**FULL, "id": "c"}]
    table = read(tmp_path, csv_text(*rows))
    assert [result.id for result in table.results] == ["a", "c"]
    (problem,) = table.problems
    assert str(problem).startswith(f"r.csv, line 3, column {column}: ")
    assert said in str(problem)
    assert "\n" not in str(problem)
    in_json = read(tmp_path, json.dumps(rows), "r.json")
    assert [str(p).partition(": ")[2] for p in in_json.problems] == [problem.text]
    assert str(in_json.problems[0]).startswith(f"r.json, result 2, column {column}: ")


def test_contradictions_are_named_by_line(tmp_path: Path) -> None:
    rows = [{**FULL, "retrain_epochs": "30"}, {**FULL, "id": "s", "kind": "scratch"}, {**FULL, "id": "c"}]
    found = problems(tmp_path, csv_text(*rows))
    assert [text[:16] for text in found] == ["r.csv, line 2: r", "r.csv, line 3: r"]
    assert "retrain_epochs is 30, but retrain_schedule 'constant:1e-3 total:40' has 40" in found[0]
    assert "a scratch run trains nothing in prune" in found[1]


def test_the_same_id_twice(tmp_path: Path) -> None:
    table = read(tmp_path, csv_text(FULL, {**FULL, "id": "b", "top1": "x"}, FULL, {**FULL, "id": "b"}))
    assert [result.id for result in table.results] == ["row"]
    assert [str(problem) for problem in table.problems][1:] == [
        "r.csv, line 4, column id: 'row' is the id of line 2 too",
        "r.csv, line 5, column id: 'b' is the id of line 3 too",
    ]


def test_unknown_columns_are_named_and_not_read(tmp_path: Path) -> None:
    table = read(tmp_path, "id,Top-1,speedup,speedup\na,93,2,3\n")
    assert table.results == (Result("a", pretrain_macs=1, prune_macs=1),)
    first, second = map(str, table.problems)
    assert first.startswith("r.csv, line 1, column Top-1: unknown column 'Top-1'; did you mean 'top1'? (known: ")
    assert second == "r.csv, line 1, column speedup: given 2 times"
    found = problems(tmp_path, '[{"id": "a", "tpo1": 3}]', "r.json")
    assert found[0].startswith("r.json, result 1, column tpo1: unknown key 'tpo1'; did you mean 'top1'?")


def test_ragged_rows(tmp_path: Path) -> None:
    text = "id,top1,retrain_schedule\na,93\nb,93,0:1e-2,30:1e-3 total:90\n\nc,93,\n"
    table = read(tmp_path, text)
    assert [result.id for result in table.results] == ["c"]
    assert [str(problem) for problem in table.problems] == [
        "r.csv, line 2, column retrain_schedule: 2 cells, expected 3",
        "r.csv, line 3, column retrain_schedule: 4 cells, expected 3; a cell that holds a separator needs quotes",
    ]
    stray = problems(tmp_path, "id,top1,\na,93,\nb,93,x\n")
    assert stray == ["r.csv, line 3, column 3: a cell under no column's name"]


def test_cells_over_several_lines_keep_the_count_of_lines(tmp_path: Path) -> None:
    text = 'id,source,top1\na,"two\nlines",93\nb,x,94.x\n'
    assert problems(tmp_path, text) == ["r.csv, line 4, column top1: '94.x': expected percent, from 0 to 100"]


def test_a_quote_that_is_not_closed_costs_one_row(tmp_path: Path) -> None:
    table = read(tmp_path, 'id,source,top1\na,"open,93\nb,x,94\nc,"y"z,95\nd,x,96\n')
    assert [result.id for result in table.results] == ["b", "d"]
    assert [str(problem)[:41] for problem in table.problems] == [
        "r.csv, line 2: quotes that do not pair up",
        "r.csv, line 4: quotes that do not pair up",
    ]


def test_wrong_encodings(tmp_path: Path) -> None:
    text = "id,method,top1\na,Prün,93\nb,x,94\n"
    table = read(tmp_path, text.encode("latin-1"))
    assert [result.id for result in table.results] == ["b"]
    assert list(map(str, table.problems)) == ["r.csv, line 2, column method: not UTF-8; save the file in that encoding"]
    head = problems(tmp_path, "id,Größe\na,93\n".encode("latin-1"))
    assert head[0].startswith("r.csv, line 1, column Gr??e: unknown column 'Gr??e'")
    for encoded in (text.encode("utf-16"), text.encode("utf-16-le")):
        with pytest.raises(SpecError, match=r"r.csv, line 1: UTF-16, or no text at all; expected UTF-8"):
            read(tmp_path, encoded)
    assert problems(tmp_path, b'[{"id": "a", "method": "Pr\xfcn"}, {"id": "b"}]', "r.json") == [
        "r.json, result 1, column method: not UTF-8; save the file in that encoding"
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("r.csv", "", "no results in .*r.csv$"),
        ("r.csv", "id,top1\n", "no results in .*r.csv$"),
        ("r.csv", "ID,top1\na,93\n", "column id: missing; ID, top1 are there"),
        ("r.csv", "id,id\na,b\n", "column id: given 2 times"),
        ("r.json", "[1, 2", "r.json, line 1: no valid JSON"),
        ("r.json", "3", 'r.json: expected a list of objects, or {"results": '),
        ("r.json", '{"result": []}', "expected a list of objects"),
        ("r.json", "[]", "no results in .*r.json$"),
        ("r.json", "[3]", "r.json, result 1: expected an object"),
        ("r.json", "[" * 100_000, "r.json: no JSON that can be read"),
        ("r.json", '[{"id": "a", "id": "b"}]', "the key 'id' stands 2 times in one object"),
        ("r.json", '[{"id": "a", "top1": [93]}]', "result 1, column top1: expected text, a number or null"),
        ("r.json", '[{"id": "a", "top1": true}]', "expected text, a number or null"),
        ("r.json", '[{"id": "a", "top1": NaN}]', "'NaN': expected percent"),
        ("r.json", '[{"id": "a", "top1": 1' + "0" * 5000 + "}]", "r.json: no JSON that can be read"),
        ("r.json", '[{"id": "a\\ud800"}]', "not UTF-8"),
    ],
)
def test_where_nothing_can_be_read(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        read(tmp_path, text, name)
    str(caught.value).encode()  # can be printed


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no file"):
        read_results(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SpecError, match=r"cannot read .*folder.csv: Is a directory"):
        read_results(tmp_path / "folder.csv")
    with pytest.raises(SpecError, match=r"study.toml is no table of results: expected a file .csv or .json"):
        read_results(tmp_path / "study.toml")


@given(st.binary(max_size=80), st.sampled_from(["csv", "json"]), st.booleans())
def test_whatever_the_file_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: str, headed: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    start = {"csv": b"id,top1,retrain_schedule\na,93,\n", "json": b'[{"id": "a"},'}[kind] if headed else b""
    try:
        for problem in read(folder, start + data, f"r.{kind}").problems:
            str(problem).encode()
    except SpecError as error:
        str(error).encode()


@given(st.text(alphabet="0123456789:,.e-> |totalcsinhvgwrmup_", max_size=40))
def test_whatever_a_schedule_says_it_is_read_or_named(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    rows = [{"id": "a", "retrain_schedule": ""}, {"id": "b", "retrain_schedule": text}]
    table = read(tmp_path_factory.getbasetemp(), csv_text(*rows))
    assert len(table.results) + len(table.problems) == 2
