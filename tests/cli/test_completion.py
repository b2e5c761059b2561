"""What a shell is told when it asks for completions, wherever a command takes names."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from fairprune.cli.app import app

STUDY = 'targets = [2]\n[methods.lamp]\n[methods.obd]\n[retraining.tuned]\nschedule = "none"\n'


@pytest.fixture
def complete(monkeypatch, tmp_path):
    """Completions of a line, whose last word is incomplete, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def complete(line):
        words = line.split(" ")
        asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_FAIRPRUNE_COMPLETE": "complete_bash"}
        return CliRunner().invoke(app(), env=asked, prog_name="fairprune").output.split()

    return complete


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("fairprune sch", ["schedule"]),
        ("fairprune new s", ["study"]),
        ("fairprune ls obj", ["objective"]),
        ("fairprune check least", ["least_squares"]),
        ("fairprune cost lenet5", ["lenet5", "lenet5_caffe"]),
        ("fairprune prune resnet20 --criterion lam", ["lamp"]),
        ("fairprune prune resnet20 --allocation er", ["erk"]),
        ("fairprune prune resnet20 --ratios resnet56_", ["resnet56_a", "resnet56_b"]),
        ("fairprune prune resnet20 --repair no", ["none"]),
        ("fairprune prune resnet20 --data cifar", ["cifar10", "cifar100"]),
        ("fairprune run a.toml --rerun only-f", ["only-failed"]),
        ("fairprune run a.toml --device c", ["cpu", "cuda"]),
        ("fairprune audit a.csv --assume-equal momentum,weight_d", ["momentum,weight_decay"]),
        ("fairprune new study --data mn", ["mnist"]),
        ("fairprune new study --methods lamp,sl", ["lamp,slimming"]),
        ("fairprune new study --units c", ["channels"]),
        ("fairprune claims run --scale sm", ["smoke"]),
        ("fairprune corpus compare thinet-ch", ["thinet-channel-norms"]),
        ("fairprune corpus query --kind s", ["scratch"]),
        ("fairprune corpus tables met", ["methods"]),
        ("fairprune corpus check a.csv --paper fang", ["fang-2023"]),
    ],
)
def test_names_are_completed(complete, line, found):
    assert complete(line) == found


def test_names_in_a_study(complete, tmp_path):
    (tmp_path / "a.toml").write_text(STUDY)
    assert complete("fairprune cross a.toml l") == ["lamp:tuned"]
    assert complete("fairprune cross a.toml lamp:tuned ") == ["lamp:tuned", "obd:tuned"]
    assert complete("fairprune run a.toml --set ret") == ["retraining.tuned.schedule=", "retraining="]
    assert complete("fairprune run b.toml --set see") == ["seeds="]  # no study: what any can say
    assert complete("fairprune cross b.toml ") == []


def test_runs_of_the_store(complete, tmp_path):
    for store, run in (("fairprune-results", "12ab"), ("fairprune-results", "34cd"), ("other", "56ef")):
        folder = tmp_path / store / "records" / run
        folder.mkdir(parents=True)
        (folder / "1.json").write_text("{}")
    assert complete("fairprune show ") == ["12ab", "34cd"]
    assert complete("fairprune show 3") == ["34cd"]
    assert complete("fairprune show --store other ") == ["56ef"]
    assert complete("fairprune show --store none ") == []


def test_claims(complete, tmp_path):
    assert complete("fairprune claims show ") == []
    assert complete("fairprune claims run ") == ["all"]
    (tmp_path / "studies" / "claims").mkdir(parents=True)
    for name in ("rate", "tasks", "magnitude"):
        (tmp_path / "studies" / "claims" / f"{name}.toml").touch()
    assert complete("fairprune claims show ") == ["magnitude", "rate"]
    assert complete("fairprune claims run r") == ["rate"]


def test_completing_does_not_wait_for_torch(tmp_path):
    asked = {"COMP_WORDS": "fairprune run a.toml --set s", "COMP_CWORD": "4", "_FAIRPRUNE_COMPLETE": "complete_bash"}
    code = "import sys, atexit, json; from fairprune.cli import main; sys.argv = ['fairprune']\n"
    code += "atexit.register(lambda: print(json.dumps('torch' in sys.modules), file=sys.stderr)); main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, cwd=tmp_path, capture_output=True, check=False
    )
    assert done.stdout.split() == [b"seeds="]
    assert json.loads(done.stderr) is False
