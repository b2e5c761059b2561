"""Files to start from: what is asked, what is written, what is refused."""

import io
import json
import sys
import tomllib

import pytest

from fairprune.study import read_study

TINY = ("--methods", "lamp", "--targets", "2", "--seeds", "1", "--device", "cpu", "--jobs", 1)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where commands run, which no data set lies in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAIRPRUNE_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def typing(monkeypatch):
    """A terminal on which these lines are typed."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    return lambda *lines: monkeypatch.setattr(sys, "stdin", Terminal("".join(f"{line}\n" for line in lines)))


def test_a_study_from_options_says_what_it_costs_and_runs(fairprune):
    code, out, _ = fairprune("new", "study", "mine.toml", *TINY, "--json")
    said = json.loads(out)
    assert code == 0
    assert (said["study"], said["next"]) == ("mine.toml", "fairprune run mine.toml")
    assert said["plan"]["runs"] == 4  # dense; lamp, random and magnitude at one target
    short = ("--set", "task.pretrain.schedule=constant:5e-2 total:0.2", "--set", "retraining.finetune.schedule=none")
    code, out, _ = fairprune("run", "mine.toml", *short, "-j", 1, "--json")
    assert code == 0
    assert json.loads(out)["done"] == 4
    code, out, _ = fairprune("new", "study", "text.toml", *TINY)
    assert code == 0
    assert "4 runs" in out
    assert "next: fairprune run text.toml" in out


def test_everything_has_a_default(fairprune, folder):
    assert fairprune("new", "study", "--device", "cpu", "--jobs", 1)[0] == 0
    study = read_study(folder / "digits-digits_cnn-weights.toml")
    assert (list(study.methods), study.targets, study.seeds) == (["gradient_weight", "lamp"], (2, 4, 8), (0, 1, 2))


def test_questions_have_defaults_and_are_asked_again(fairprune, folder, typing):
    typing(
        "digit",
        "",
        "digits_cn",
        "digits_cnn",
        "filters",
        "channels",
        "lamp",
        "taylor, fpgm",
        "",
        "1",
        "medium",
        "a.toml",
    )
    code, _, err = fairprune("new", "study", "--device", "cpu", "--jobs", 1)
    study = read_study(folder / "a.toml")
    assert code == 0
    assert (list(study.methods), study.axis, study.targets) == (["taylor", "fpgm"], "speedup", (1.5, 2, 3))
    assert (study.seeds, next(iter(study.tasks.values())).pretrain.schedule) == (
        (0,),
        "cosine:5e-2->1e-4 total:20 warmup:1",
    )
    assert "did you mean 'digits'" in err
    assert "did you mean 'digits_cnn'" in err
    assert "unknown kind of unit 'filters'" in err
    assert "lamp does not prune channels" in err
    assert "squared gradient of a gate" in err  # methods are listed


def test_what_an_option_says_or_the_user_wants_silently_is_not_asked(fairprune, typing):
    typing()  # whoever asks gets no answer
    assert fairprune("new", "study", "--yes", *TINY)[0] == 0


def test_the_command_in_the_file_writes_it_again(fairprune, folder):
    fairprune("new", "study", "a.toml", *TINY)
    written = (folder / "a.toml").read_text()
    comment = " ".join(line.removeprefix("# ") for line in written.splitlines() if line.startswith("# "))
    command = comment.split("`")[1].split()
    assert fairprune(*command[1:], "--force", "--device", "cpu", "--jobs", 1)[0] == 0
    assert (folder / "a.toml").read_text() == written


def test_methods_that_do_not_fit_the_network_are_not_offered(fairprune, folder, typing):
    (folder / "plain.py").write_text(
        "from torch import nn\ndef net(classes, channels):\n"
        "    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, classes))\n"
    )
    typing("", "", "", "", "", "", "")
    args = ("--data", "digits", "--network", "plain:net", "--units", "channels", "--device", "cpu", "--jobs", 1)
    code, _, err = fairprune("new", "study", *args)
    assert code == 0
    assert "  fpgm " in err
    assert "bn_scale" not in err  # it has no batch norm
    code, _, err = fairprune("new", "study", "b.toml", *args, "--yes", "--methods", "bn_scale")
    assert (code, "needs a batch norm" in err, (folder / "b.toml").exists()) == (2, True, False)


def test_methods_of_the_users_own(fairprune, folder):
    (folder / "mine.py").write_text(
        "import fairprune as fp\n@fp.criterion()\ndef big(context):\n"
        "    return {name: w.abs() for name, w in context.weights.items()}\n\ndef other(): ...\n"
    )
    code, _, _ = fairprune("new", "study", "a.toml", *TINY, "--methods", "mine:big,lamp")
    assert code == 0
    assert tomllib.loads((folder / "a.toml").read_text())["methods"]["big"] == {"criterion": "mine:big"}
    code, _, err = fairprune("new", "study", "b.toml", *TINY, "--methods", "mine:other")
    assert (code, "neither a criterion nor a training" in err) == (2, True)


def test_without_the_data_the_cost_is_not_known(fairprune, folder):
    args = ("new", "study", "m.toml", "--data", "mnist", *TINY)
    code, out, _ = fairprune(*args)
    assert code == 0
    assert "not known: MNIST" in out
    assert "next: fairprune plan m.toml" in out
    code, out, _ = fairprune(*args, "--force", "--json")
    assert (code, json.loads(out)["plan"]) == (0, None)
    assert "MNIST" in json.loads(out)["not_planned"]
    assert read_study(folder / "m.toml").tasks["mnist-lenet5"].network.name == "lenet5"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "digit"], "did you mean 'digits'"),
        (["--network", "resnet2"], "did you mean 'resnet"),
        (["--network", "lenet5"], "takes images of 28x28"),
        (["--methods", "lampp"], "did you mean 'lamp'"),
        (["--methods", ","], "one method at least"),
        (["--methods", "lamp,mine:lamp"], "no module 'mine'"),
        (["--units", "weight"], "did you mean 'weights'"),
        (["--axis", "speed"], "did you mean 'speedup'"),
        (["--targets", "2;4"], "expected numbers"),
        (["--targets", "0.5"], "expected 1 or more"),
        (["--targets", "9999"], "out of reach"),
        (["--seeds", "0"], "from 1 up"),
        (["--time", "longer"], "did you mean 'long'"),
        (["--data-option", "x"], "expected key=value"),
        (["old.toml"], "is there already"),
        (["new.txt"], "ends in .toml"),
        (["no/new.toml"], "cannot write"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(fairprune, folder, arguments, message):
    (folder / "old.toml").write_text("mine")
    code, out, err = fairprune("new", "study", *arguments, "--device", "cpu", "--jobs", 1)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert [path.name for path in folder.glob("*.toml")] == ["old.toml"]
    assert (folder / "old.toml").read_text() == "mine"


def test_a_paper_is_begun_and_then_checked(fairprune, folder):
    code, out, _ = fairprune("new", "paper", "doe-2024.toml", "--title", "Plain", "--first-author", "Doe", "--json")
    assert (code, json.loads(out)["next"]) == (0, "fairprune corpus check doe-2024.toml")
    assert tomllib.loads((folder / "doe-2024.toml").read_text())["paper"]["key"] == "doe-2024"
    code, _, err = fairprune("new", "paper", "doe-2024.toml")
    assert (code, "--force" in err) == (2, True)
    code, out, _ = fairprune("new", "paper", "doe-2024.toml", "--force")
    assert (code, "corpus check doe-2024.toml" in out) == (0, True)
