from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairprune.corpus.check import Fault, faults
from fairprune.corpus.importers.contribution import examine, read, recognises
from fairprune.corpus.tables import Corpus, Part, merged
from fairprune.errors import CorpusError

HEAD = """\
transcribed_by = "somebody"

[paper]
key = "doe-2024"
title = "Pruned"
first_author = "Doe"
year = 2024
compares_to = ["li-2017", "elsewhere"]
"""
PAPER = {"key": "doe-2024", "title": "Pruned", "first_author": "Doe", "year": 2024, "pruning": True}
WHOLE = f"""{HEAD}
[[papers]]
key = "roe-2023"
title = "Another"
first_author = "Roe"
year = 2023
pruning = false

[[methods]]
key = "doe"
name = "Doe's"
paper = "doe-2024"

[[networks]]
key = "tiny"
name = "Tiny"
params_m = 1

[[datasets]]
key = "blobs"
name = "Blobs"

[[tables]]
source = "table 1"
method = "doe's"
network = "resnet56"
dataset = "CIFAR 10"
retrain_schedule = "0:1e-2,30:1e-3 total:90"
seeds = 3
rows = '''
id,       variant, top1,  kept_params_pct, method
half,     fast,    93.1,  50,
"third",  ,        92.0%, 33.333333, L1
'''

[[tables]]
source = "table 2"
kind = "scratch"
network = "tiny"
rows = '''replicate, top1_error
0, 7.5
1, 7.25'''

[[recipes]]
source = "appendix A"
method = "l1"
dataset = "CIFAR-10"
schedule = "constant:1e-3 total:40"
"""
Examine = Callable[[str], tuple[Part, list[Fault]]]


@pytest.fixture
def judge(tmp_path: Path, known: Corpus) -> Examine:
    def examined(text: str) -> tuple[Part, list[Fault]]:
        path = tmp_path / "doe.toml"
        path.write_text(text)
        return examine(path, known)

    return examined


def said(judge: Examine, text: str) -> list[str]:
    return [str(fault) for fault in judge(text)[1]]


def table(rows: str, **common: str) -> str:
    """A file whose CSV header stands in line 14, whatever holds for all rows behind it."""
    more = "".join(f'{name} = "{value}"\n' for name, value in common.items())
    return f"{HEAD}\n[[tables]]\nrows = '''\n\n\n{rows}'''\nsource = \"table 1\"\n{more}"


def test_a_whole_file(judge: Examine) -> None:
    part, found = judge(WHOLE)
    assert found == []
    assert part.origin == "doe"
    other = {"key": "roe-2023", "title": "Another", "first_author": "Roe", "year": 2023, "pruning": False}
    assert part.rows["papers"] == [PAPER, other]
    compared = [(row["paper"], row["compared_to"]) for row in part.rows["comparisons"]]
    assert compared == [("doe-2024", "li-2017"), ("doe-2024", "elsewhere")]
    half, third, *scratch = part.rows["results"]
    common = {
        "paper": "doe-2024",
        "kind": "prune",
        "network": "resnet-56",
        "dataset": "cifar-10",
        "retrain_schedule": "0:1e-2,30:1e-3 total:90",
        "retrain_epochs": 90,
        "seeds": 3,
        "transcribed_by": "somebody",
    }
    assert half == common | {
        "key": "doe-2024/table-1/half",
        "source": "table 1, half",
        "method": "doe",
        "variant": "fast",
        "top1": 93.1,
        "compression": 2.0,
    }
    assert third["compression"] == pytest.approx(3)
    assert third | {"compression": 3} == common | {
        "key": "doe-2024/table-1/third",
        "source": "table 1, third",
        "method": "l1",
        "top1": 92.0,
        "compression": 3,
    }
    assert [row["key"] for row in scratch] == ["doe-2024/table-2/1/0", "doe-2024/table-2/2/1"]
    assert [(row["kind"], row["network"], row["top1"]) for row in scratch] == [
        ("scratch", "tiny", 92.5),
        ("scratch", "tiny", 92.75),
    ]
    assert part.rows["recipes"] == [
        {
            "key": "doe-2024/appendix-a/l1",
            "paper": "doe-2024",
            "source": "appendix A",
            "transcribed_by": "somebody",
            "method": "l1",
            "dataset": "cifar-10",
            "schedule": "constant:1e-3 total:40",
            "epochs": 40.0,
            "first_rate": 1e-3,
        }
    ]


def test_it_is_taken_again(judge: Examine, known: Corpus, tmp_path: Path) -> None:
    """A file's own rows do not stand in its way."""
    part, _ = judge(WHOLE)
    corpus = merged(known, part)
    assert list(faults(corpus, {})) == []
    (again,) = read(tmp_path / "doe.toml", corpus)
    assert again == part


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("id,network\na,resnet-57", "line 15, network: unknown network 'resnet-57'; did you mean 'resnet-56'?"),
        ("id,network\na,VGG 16", "line 15, network: network 'VGG 16' is a name of vgg-16, vgg-16-bn; expected one"),
        ("id,top1\n\na,931", "line 16, top1: '931': expected percent, from 0 to 100 [bounds]"),
        ("id,speedup\na,0.5", "line 15, speedup: '0.5': expected dense over pruned, 1 or more (2 for half) [ratio]"),
        ("id,kept_flops_pct\na,0", "line 15, kept_flops_pct: '0': expected percent kept, from above 0 to 100 [bounds]"),
        ("id,kind\na,pruned", "line 15, kind: unknown kind 'pruned'; did you mean 'prune'?"),
        ("id,batch_size\na,64.5", "line 15, batch_size: '64.5': expected a whole number, 1 or more [bounds]"),
        ("id,retrain_schedule\na,cosin:1 total:9", "line 15, retrain_schedule: schedule 'cosin:1 total:9': unknown"),
        ("id,base_top1,top1,top1_change\na,94,93,1", "line 15, top1_change: 1, but top1 93 minus base 94 is not"),
        ("id\na\nb\nA", "line 17, key: 'doe-2024/table-1/a' is the key of line 15 too [duplicate-key]"),
        ("id,top\na,93", "line 14, top: unknown column 'top'; did you mean 'top5'?"),
        ("id,paper\na,p", "line 14, paper: unknown column 'paper'"),
        ("id,id\na,b", "line 14, id: given 2 times [row]"),
        ("id,top1\na,93,1", "line 15, top1: 3 cells, expected 2; a cell that holds a separator needs quotes [row]"),
        (
            "id,speedup,kept_flops_pct\na,2,25",
            "line 15, kept_flops_pct: '25' makes speedup 4, but 'speedup' makes it 2 [contradiction]",
        ),
        (
            "id,retrain_epochs,retrain_schedule\na,40,constant:1e-3 total:20",
            "line 15, row: retrain_epochs is 40, but retrain_schedule 'constant:1e-3 total:20' has 20",
        ),
        ("id,kind,prune_epochs\na,scratch,4", "line 15, row: a scratch run trains nothing in prune, but prune_epochs"),
    ],
)
def test_what_is_wrong_with_rows(judge: Examine, rows: str, expected: str) -> None:
    (fault,) = said(judge, table(rows))
    assert fault.startswith(f"doe.toml, {expected}")


def test_all_faults_are_said_in_the_order_of_lines(judge: Examine) -> None:
    text = table("id,top1,speedup\na,931,.5\nb,93,\nb,93,", network="resnet-57")
    found = judge(text.replace('source = "table 1"\n', ""))[1]
    assert [(f.place.rpartition(" ")[2], f.field, f.rule) for f in found] == [
        ("10", "source", "missing"),
        ("15", "top1", "bounds"),
        ("15", "speedup", "ratio"),
        ("17", "key", "duplicate-key"),
        ("18", "network", "unknown-name"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('title = "Pruned"\n', "", "line 3, title: expected its title [missing]"),
        ("year = 2024", 'year = "2024"', "line 7, year: '2024': expected a whole number [type]"),
        ("year = 2024", "year = true", "line 7, year: True: expected a whole number [type]"),
        ("year = 2024", "year = 1066", "line 3, year: 1066: expected a number from 1943 to 2100"),
        ("year = 2024", "years = 2024", "line 7, years: unknown column 'years'; did you mean 'year'?"),
        ('key = "doe-2024"', "", "line 3, key: expected a name that no other paper has [missing]"),
        ('key = "doe-2024"', 'key = "li-2017"', "line 3, key: 'li-2017' stands there twice [duplicate-key]"),
        ('["li-2017", "elsewhere"]', '"li-2017"', "line 8, compares_to: expected a list of keys of papers [type]"),
        ("[paper]", "[papr]", "line 3, papr: unknown key 'papr'; did you mean 'paper'?"),
        ('"somebody"', '"somebody"\npapr = 3', "line 2, papr: unknown key 'papr'; did you mean 'paper'?"),
        ("[paper]", "[[paper]]", "line 3, paper: expected a table [paper] [type]"),
        ('transcribed_by = "somebody"', "transcribed_by = 3", "line 1, transcribed_by: expected text [type]"),
        ('transcribed_by = "somebody"', "", "line 1, transcribed_by: expected who typed it in, above [paper]"),
    ],
)
def test_what_is_wrong_with_the_paper(judge: Examine, old: str, new: str, expected: str) -> None:
    assert old in HEAD
    assert f"doe.toml, {expected}" in "\n".join(said(judge, HEAD.replace(old, new)))


def test_a_paper_that_is_known_is_named_by_its_key(judge: Examine) -> None:
    rows = "[[tables]]\nsource = 'table 1'\nrows = '''top1\n93'''"
    known = f"transcribed_by = 'us'\n[paper]\nkey = 'li-2017'\n{rows}"
    part, found = judge(known)
    assert found == []
    assert "papers" not in part.rows
    (fault,) = said(judge, known.replace("li-2017", "li-2018"))
    assert fault.startswith("doe.toml, line 3, key: unknown paper 'li-2018'; did you mean 'li-2017'?")
    assert fault.endswith("a new one needs a title [unknown-name]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[[methods]]\nkey = "m"\nname = "M"\npaper = "p"', "line 10, paper: unknown paper 'p'"),
        ('[[methods]]\nkey = "m"\nname = "M"\naliases = "N"', "line 13, aliases: 'N': expected a list of texts [type]"),
        ('[[networks]]\nkey = "n"\nname = "N"\nmacs_g = -1', "line 10, macs_g: -1: expected a number from 0 to inf"),
        ('[[datasets]]\nkey = "d"', "line 10, name: expected its name [missing]"),
        ('[datasets]\nkey = "d"', "line 10, datasets: expected tables [[datasets]] [type]"),
        ('[[tables]]\nsource = "table 1"', "line 10, rows: expected CSV text between ''' [missing]"),
        ('[[tables]]\nrows = "a,b"', "line 11, rows: expected CSV text between ''' [missing]"),
        ("[[tables]]\nsource = true\nrows = '''id'''", "line 11, source: expected text or a number [type]"),
        ("[[tables]]\nnetwerk = 'x'\nrows = '''id'''", "line 11, netwerk: unknown column 'netwerk'; did you mean"),
        ('[[recipes]]\nsource = "s"\nmethod = "L2"', "line 12, method: unknown method 'L2'; did you mean 'L1'?"),
        ('[[recipes]]\nmethod = "L1"', "line 10, source: expected where in it [missing]"),
        (
            '[[recipes]]\nsource = "s"\nmethod = "L1"\nepochs = 20\nschedule = "constant:1e-3 total:40"',
            "line 14, schedule: its epochs is 40, not 20 [contradiction]",
        ),
        (
            '[[recipes]]\nsource = "s"\nmethod = "L1"\nschedule = "constant"',
            "line 13, schedule: schedule 'constant': expected 'total:EPOCHS'",
        ),
    ],
)
def test_what_is_wrong_with_other_tables(judge: Examine, text: str, expected: str) -> None:
    (fault,) = said(judge, f"{HEAD}\n{text}\n")
    assert fault.startswith(f"doe.toml, {expected}")


def test_reading_says_the_first_fault(tmp_path: Path, known: Corpus) -> None:
    path = tmp_path / "doe.toml"
    path.write_text(table("id,top1,speedup\na,931,.5"))
    with pytest.raises(CorpusError, match=r"doe\.toml, line 15, top1: '931'.* \(and 1 more: `fairprune corpus check`"):
        read(path, known)
    path.write_text("[paper\n")
    with pytest.raises(CorpusError, match=r"doe\.toml is not valid TOML: .*line 1"):
        read(path, known)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [("a.toml", HEAD, True), ("a.toml", "seeds = 3", False), ("a.csv", HEAD, False), ("a.toml", "\xff", False)],
)
def test_what_it_recognises(tmp_path: Path, name: str, text: str, expected: bool) -> None:
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    assert recognises(tmp_path / name) == expected
    assert not recognises(tmp_path)


def test_texts_may_hold_what_looks_like_keys(judge: Examine) -> None:
    note: dict[str, Any] = {"key": "m", "name": "M", "aliases": ["[tables]", "year = 3"]}
    aliases = 'aliases = [\n  "[tables]",\n  "year = 3",\n]'
    text = f"{HEAD}\n[[methods]] # one\nkey = 'm'\nname = '''M'''\n{aliases}\n[[networks]]\nkey = 3\n"
    part, found = judge(text)
    assert part.rows["methods"] == [note]
    assert [str(fault) for fault in found] == ["doe.toml, line 18, key: 3: expected text [type]"]
