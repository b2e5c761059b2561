import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fairprune.corpus.check import faults
from fairprune.corpus.importers import blalock
from fairprune.corpus.importers.blalock import dense, sweeps, tickets
from fairprune.corpus.importers.blalock.names import names
from fairprune.corpus.importers.blalock.papers import COLUMNS as PAPERS
from fairprune.corpus.importers.blalock.results import COLUMNS as RESULTS
from fairprune.corpus.importers.blalock.results import result
from fairprune.corpus.importers.reading import Line
from fairprune.corpus.schema import SCHEMA
from fairprune.corpus.tables import merged, nothing
from fairprune.errors import CorpusError
from fairprune.registry import BUILTIN

ARTICLE = "@article{x, title={A {Title} of It}, author={Carreira-Perpin{\\'a}n, M and B, C}, note={arXiv:1234.56789}}"
PAPER = {"Name": "p", "Date": "2018-6", "AuthorName": "Carreira-Perpinan", "Venue": "CVPR", "BibTeX": ARTICLE}
ROW = {"Name": "9001", "Paper": "p", "Dataset": "ImageNet", "Model": "ResNet-50"}


def collection(folder: Path, papers: Sequence[Mapping[str, str]], results: Sequence[Mapping[str, str]]) -> Path:
    for name, columns, rows in (("papers.csv", PAPERS, papers), ("results.csv", RESULTS, results)):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
    return folder


def read(**cells: str) -> tuple[dict[str, Any], list[tuple[str | None, str]]]:
    """The row of these cells, without what is not known, and its notes by field."""
    line = Line(
        "results.csv", 2, dict.fromkeys(RESULTS, "") | ROW | {k.replace("__", "/"): v for k, v in cells.items()}
    )
    row, notes = result(line)
    return {k: v for k, v in row.items() if v is not None}, [(note.field, note.what) for note in notes]


def test_a_row_without_figures_stays() -> None:
    row, notes = read()
    assert row == {
        "key": "p/9001",
        "paper": "p",
        "source": "results.csv row 9001",
        "transcribed_by": "Blalock et al. 2020",
        "kind": "prune",
        "method": "p",
        "network": "resnet-50",
        "dataset": "imagenet",
    }
    assert notes == []


def test_accuracies() -> None:
    row, notes = read(Top1="92.5%", OrigErr1="7%", dTop1="-0.500%", stdTop1="0.1%", stdOrigTop1="0.2%", NumTrials="3")
    assert (row["top1"], row["base_top1"], row["top1_change"]) == (92.5, 93.0, -0.5)
    assert (row["top1_std"], row["base_top1_std"], row["seeds"]) == (0.1, 0.2, 3)
    assert notes == [("base_top1", "interpreted")]


def test_a_change_that_contradicts_is_dropped() -> None:
    row, notes = read(Top1="92.5%", OrigTop1="93%", dTop1="0.5%", Top5="99%", dTop5="-1%")
    assert "top1_change" not in row
    assert row["top5_change"] == -1
    assert notes == [("top1_change", "left out")]


@pytest.mark.parametrize(
    ("cells", "field", "value"),
    [
        ({"savedParams": "75%"}, "compression", 4),
        ({"keptParams": "25%"}, "compression", 4),
        ({"old/new Nparam": "4"}, "compression", 4),
        ({"MParams": "2", "OrigMParams": "8"}, "compression", 4),
        ({"savedFLOPS": "50%"}, "speedup", 2),
        ({"keptFLOPS": "50%"}, "speedup", 2),
        ({"old/new FLOPS": "2"}, "speedup", 2),
        ({"GFLOPS": "2", "OrigGFLOPS": "4"}, "speedup", 2),
        ({"GFLOPS": "2", "OrigGFLOPS": "4"}, "flops_unit", "macs"),
        ({"GFLOPS": "2", "OrigGFLOPS": "8"}, "flops_unit", "2x macs"),
        ({"GFLOPS": "2", "savedFLOPS": "50%"}, "flops_unit", "macs"),
        ({"GFLOPS": "2", "OrigGFLOPS": "6"}, "flops_unit", None),
        ({"GFLOPS": "2", "OrigGFLOPS": "4", "Dataset": "CIFAR-10"}, "flops_unit", None),
        ({"GFLOPS": "2"}, "flops_unit", None),
        ({"savedParams": "100%"}, "compression", None),
        ({"keptParams": "120%"}, "compression", None),
        ({"old/new Nparam": "0.5"}, "compression", None),
        ({"MParams": "9", "OrigMParams": "8"}, "compression", None),
    ],
)
def test_sizes(cells: dict[str, str], field: str, value: object) -> None:
    row, notes = read(**{k.replace("/", "__"): v for k, v in cells.items()})
    assert row.get(field) == value
    assert value is not None or (field, "interpreted" if field == "flops_unit" else "left out") in notes


def test_what_is_printed_stands_before_what_follows() -> None:
    row, notes = read(savedParams="50%", keptParams="40%", MParams="2", OrigMParams="8")
    assert row["compression"] == 2
    assert notes == [("compression", "interpreted")] * 2
    agreeing, said = read(savedParams="50%", keptParams="50.4%", MParams="4", OrigMParams="8")
    assert (agreeing["compression"], said) == (2, [])


@pytest.mark.parametrize(
    ("remarks", "place"),
    [("table3, ours", "table 3"), ("fig 7a, read", "figure 7a"), ("Table 2; table 4", "table 2"), ("vegetable 3", "")],
)
def test_places_are_read_out_of_remarks(remarks: str, place: str) -> None:
    assert read(Notes=remarks)[0]["source"] == ", ".join(p for p in ("results.csv row 9001", place) if p)


def test_corrections_are_said() -> None:
    row, notes = read(Name="281", OrigTop5="10.10%", dTop5="0%")
    assert row["base_top5"] == 89.9
    assert row["corrected"].endswith("(fairprune)")
    assert ("base_top5", "interpreted") in notes
    row, notes = read(Name="480", savedParams="65%", old__new="")
    assert "compression" not in row
    assert ("compression", "left out") in notes


def test_networks_trained_anew_are_scratch() -> None:
    assert read(Paper="rethinking-net-pruning", Method="Scratch-B")[0]["kind"] == "scratch"
    assert read(Paper="rethinking-net-pruning", Method="Magnitude")[0]["kind"] == "prune"


def test_a_collection(tmp_path: Path) -> None:
    papers = [PAPER | {"Compares To": "q,q, r"}, PAPER | {"Name": "q", "Date": "2010-1", "Non-pruning": "checked"}]
    folder = collection(tmp_path, papers, [ROW, ROW | {"Name": "2", "Model": "???"}])
    assert blalock.recognises(folder)
    (part,) = blalock.read(folder, nothing())
    corpus = merged(nothing(), part)
    assert list(faults(corpus, part.places)) == []
    first = corpus["papers"].row(0, named=True)
    assert (first["title"], first["first_author"]) == ("A Title of It", "Carreira-Perpinán")
    assert (first["year"], first["month"], first["url"]) == (2018, 6, "https://arxiv.org/abs/1234.56789")
    assert corpus["comparisons"].select("paper", "compared_to").rows() == [("p", "q"), ("p", "r")]
    assert corpus["results"]["network"].to_list() == [None, "resnet-50"]
    assert {(n.field, n.what) for n in part.notes} == {("pruning", "interpreted"), ("network", "left out")}
    assert part.places["results", ("p/2",)] == "results.csv, line 3"


@pytest.mark.parametrize(
    ("paper", "row", "said"),
    [
        ({"Date": "June"}, {}, r"papers\.csv, line 2, Date: 'June': expected a year and a month, as in 2019-6"),
        ({"BibTeX": "none"}, {}, r"papers\.csv, line 2, BibTeX: no title"),
        ({}, {"Top1": "x"}, r"results\.csv, line 2, Top1: 'x': expected percent"),
        ({}, {"NumTrials": "0"}, r"results\.csv, line 2, NumTrials: 0: expected a whole number of runs"),
    ],
)
def test_bad_cells_are_named(tmp_path: Path, paper: dict[str, str], row: dict[str, str], said: str) -> None:
    folder = collection(tmp_path, [PAPER | paper], [ROW | row])
    with pytest.raises(CorpusError, match=said):
        blalock.read(folder, nothing())


def test_a_row_that_cannot_be_read_is_left_out_alone(tmp_path: Path) -> None:
    (part,) = blalock.read(collection(tmp_path, [PAPER], [ROW, ROW | {"Name": "2", "Top1": "x"}]), nothing())
    assert [row["key"] for row in part.rows["results"]] == ["p/9001"]
    assert [(note.place, note.text) for note in part.notes] == [("results.csv, line 3", "Top1: 'x': expected percent")]


def test_a_sweep(tmp_path: Path) -> None:
    (tmp_path / "rn50_baselines.csv").write_text("Accuracy,Training Steps,Batch Size\n76.67,128000,1024\n")
    times = "begin,end,freq,label smoothing,accuracy\n"
    (tmp_path / "rn50_magnitude_pruning.csv").write_text(f"Sparsity,{times}0.95,1,2,3,0.1,0.75\n1,1,2,3,0,0.001\n")
    (tmp_path / "rn50_random_pruning.csv").write_text(f"Target Sparsity,{times}")
    empty = {
        "rn50_l0_regularization.csv": (
            "initial_log_alpha,l0_norm_weight,label_smoothing,weight_decay,global_sparsity,accuracy"
        ),
        "rn50_variational_dropout.csv": (
            "DKL loss begin,DKL loss saturate,DKL loss coeff,label_smoothing,global sparsity,Accuracy"
        ),
    }
    for name, header in empty.items():
        (tmp_path / name).write_text(f"{header}\n")
    part = sweeps.part(tmp_path)
    base, run = part.rows["results"]
    assert (base["kind"], base["top1"], base["batch_size"], base["replicate"]) == ("dense", 76.67, 1024, 0)
    assert (run["top1"], run["compression"], run["seeds"]) == (75.0, 20.0, 1)
    assert run["setting"] == "begin 1, end 2, every 3, label smoothing 0.1"
    assert ("rn50_magnitude_pruning.csv, line 3", "left out") in {(note.place, note.what) for note in part.notes}


def test_tickets(tmp_path: Path) -> None:
    columns = "fracRemaining=50%,fracRemaining=20%,stdFrac50%,stdFrac20%\n"
    for (file, epoch, *_), rows in zip(
        tickets._FIGURES, ("R ,75,70,.1,.2\n4,76,75,.3,.4\n", "9,76,74,.3,.4\n"), strict=True
    ):
        (tmp_path / file).write_text(f"{epoch},{columns}{rows}")
        (tmp_path / f"_{file}").write_text("")
    part = tickets.part(tmp_path)
    told = [(row["setting"], row["compression"], row["top1"], row["top1_std"]) for row in part.rows["results"]]
    assert told == [
        ("newly initialised", 2, 75, 0.1),
        ("newly initialised", 5, 70, 0.2),
        ("reset to epoch 4", 2, 76, 0.3),
        ("reset to epoch 4", 5, 75, 0.4),
        ("pruned at epoch 9", 5, 74, 0.4),  # what stands in the first file too is left out
    ]
    assert [note.what for note in part.notes].count("left out") == 3


def test_a_table_of_dense_networks(tmp_path: Path) -> None:
    keras = dense.ZOOS[-1]
    (tmp_path / "keras").mkdir()
    (tmp_path / keras.file).write_text(
        "Model, Parameters, Top-1 Accuracy, Top-5 Accuracy\nResNeXt-101, 44315560, 0.787, 0.943\n"
    )
    (row,) = dense.part(keras, tmp_path).rows["results"]
    assert (row["kind"], row["network"]) == ("dense", "resnext-101-32x4d")
    assert (row["params_m"], row["top1"], row["top5"]) == (44.31556, 78.7, 94.3)


@pytest.mark.parametrize("table", ["networks", "datasets"])
def test_names_that_ship_are_sound(table: Any) -> None:
    entries = names(table).by_name.values()
    allowed = {*SCHEMA[table], "on", "usual"}
    assert all(entry.keys() <= allowed for entry in entries)
    components = {entry["component"] for entry in entries if "component" in entry}
    assert components <= BUILTIN["network" if table == "networks" else "dataset"].keys()
    keys = {name: entry["key"] for name, entry in names(table).by_name.items()}
    assert len({id(entry) for entry in entries}) == len(set(keys.values()))
