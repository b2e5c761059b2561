"""Studies of methods that score by their training: every command says which training that is."""

import json

import pytest

from fairprune.cli.printing import in_words
from fairprune.spec import Method, Training

STUDY = """
name = "own"
targets = [2]
seeds = 1
control = "dense"
[controls]
random = false
magnitude = false
[task]
data = "digits"
network = "digits_cnn"
[task.pretrain]
schedule = "constant:5e-2 total:0.5"
[methods.grown]
training = { hook = "rigl", options = { updates = 1 } }
[methods.thin]
training = { hook = "slimming", schedule = "constant:1e-2 total:0.2" }
spare = ["classifier", "conv1"]
[retraining.finetune]
schedule = "constant:1e-2 total:0.2"
[retraining.whole]
kind = "train"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trainings")
    (folder / "study.toml").write_text(STUDY)
    return folder


@pytest.fixture
def command(fairprune, folder, monkeypatch):
    """A command on the study, which has been run."""

    def command(name, *arguments):
        return fairprune(name, *arguments, "--store", folder / "store")

    monkeypatch.setenv("COLUMNS", "200")
    if not (folder / "store").exists():
        assert command("run", folder / "study.toml", "-j", 1)[0] == 0
    return command


def test_show_says_what_chose_the_units(command, folder):
    rows = json.loads(command("table", folder / "study.toml", "--format", "json")[1])
    shown = {row["label.method"]: command("show", row["id"])[1].splitlines() for row in rows}
    assert "training rigl, weights, allocation erk, from the initialisation; target compression 2x" in shown["grown"]
    thin = "training slimming, ranked by bn_scale, channels, allocation global; target compression 2x"
    assert thin in shown["thin"]
    assert not any(line.startswith(("training ", "criterion ")) for line in shown["dense"])
    assert {row["spec.method.training.hook"] for row in rows} == {"rigl", "slimming", None}


def test_nothing_else_takes_the_missing_criterion_for_a_name(command, folder):
    study = folder / "study.toml"
    page = folder / "page.html"
    assert "4 done" in command("status", study)[1]
    assert "sparsify" in command("plan", study, "--set", "seeds=2")[1]
    assert command("report", study, "-o", page)[0] == 0
    findings = json.loads(command("audit", study, "--json")[1])["findings"]
    for text in (command("table", study)[1], page.read_text(), *(finding["text"] for finding in findings)):
        assert "method ''" not in text
        assert "criterion ''" not in text
    assert "grown" in command("table", study)[1]
    assert "&#34;hook&#34;: &#34;rigl&#34;" in page.read_text()


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ({"criterion": "magnitude"}, "criterion magnitude, weights, allocation global"),
        (
            {"criterion": "synflow", "start": "init", "steps": 100, "repair": "none"},
            "criterion synflow, weights, allocation global, from the initialisation, 100 steps",
        ),
        (
            {"criterion": "obs", "rounds": 3, "repair": "obs"},
            "criterion obs, weights, allocation global, 3 rounds, repair obs",
        ),
        (
            {"criterion": "random", "like": Method(training=Training(hook="rigl"), granularity="weight")},
            "criterion random, weights, as much of each layer as by training rigl",
        ),
    ],
)
def test_methods_in_words(method, words):
    assert in_words(Method(**{"granularity": "weight", "allocation": "global", **method})) == words
