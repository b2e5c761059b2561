from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fairprune.corpus.importers.checking import check_files
from fairprune.corpus.tables import Corpus, save

Command = Callable[..., tuple[int, str, str]]
HEAD = "transcribed_by = 'me'\n[paper]\nkey = 'doe-2024'\ntitle = 'T'\nfirst_author = 'Doe'\nyear = 2024\n"
GOOD = f"{HEAD}[[tables]]\nsource = 'table 1'\nrows = '''\ntop1,network\n93,ResNet-56\n'''\n"


@pytest.fixture
def folder(tmp_path: Path, known: Corpus) -> Path:
    save(known, tmp_path / "corpus")
    (tmp_path / "doe.toml").write_text(GOOD)
    (tmp_path / "bad.toml").write_text(GOOD.replace("doe-2024", "bad-2024").replace("93,ResNet-56", "931,LeNet"))
    return tmp_path


def test_a_file_may_refer_to_those_before_it(folder: Path, known: Corpus) -> None:
    (folder / "more.csv").write_text("id,source,paper\na,table 2,doe-2024\n")
    found = list(check_files([folder / "doe.toml", folder / "more.csv"], known))
    assert [(each.results, each.faults) for each in found] == [(1, ()), (1, ())]
    (alone,) = check_files([folder / "more.csv"], known)
    assert [fault.rule for fault in alone.faults] == ["unknown-name"]


def test_files_that_cannot_be_read(folder: Path, known: Corpus) -> None:
    (folder / "broken.toml").write_text("[paper]\nkey = \n")
    (folder / "notes.txt").write_text("?")
    names = ("broken.toml", "notes.txt", "nowhere.toml")
    faults = [each.faults[0] for each in check_files([folder / name for name in names], known)]
    assert [fault.place for fault in faults] == list(names)
    assert [fault.text.partition(":")[0].partition(";")[0].rpartition("/")[2] for fault in faults] == [
        "broken.toml is not valid TOML",
        "cannot tell what it is",
        "there is no such file",
    ]


def test_the_command_lists_all_and_fails(folder: Path, fairprune: Command) -> None:
    corpus = ("--corpus", folder / "corpus")
    code, out, err = fairprune("corpus", "check", folder / "doe.toml", *corpus)
    assert (code, out, err) == (0, f"{folder}/doe.toml: can be taken, with 1 result\n", "")
    code, out, err = fairprune("corpus", "check", folder / "bad.toml", folder / "doe.toml", *corpus)
    assert (code, err) == (1, "")
    first, second, bad, good = out.splitlines()
    assert first == "bad.toml, line 11, top1: '931': expected percent, from 0 to 100 [bounds]"
    assert second.startswith("bad.toml, line 11, network: unknown network 'LeNet'")
    assert (bad, good) == (f"{folder}/bad.toml: 2 faults", f"{folder}/doe.toml: can be taken, with 1 result")
    code, out, _ = fairprune("corpus", "check", folder / "bad.toml", "--json", *corpus)
    (file,) = json.loads(out)["files"]
    assert (code, file["results"], [fault["rule"] for fault in file["faults"]]) == (1, 0, ["bounds", "unknown-name"])


def test_the_commands_take_tables_of_a_known_paper(folder: Path, fairprune: Command) -> None:
    rows, into = folder / "more.csv", folder / "corpus"
    rows.write_text("id,source,top1\na,table 2,93\n")
    assert fairprune("corpus", "check", rows, "--paper", "li-2017", "--corpus", into)[0] == 0
    code, out, err = fairprune("corpus", "import", rows, "--paper", "li-2017", "--into", into)
    assert (code, out.splitlines()[0], err) == (0, "more: 1 results", "")
    code, _, err = fairprune("corpus", "import", rows, rows, "--about", rows, "--into", into)
    assert (code, err) == (2, "error: --about is for one source, not for 2: each would replace the one before\n")
