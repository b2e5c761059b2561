"""Claims at the command line, from the study to a verdict."""

import json
import textwrap

import pytest

CLAIM = """
    claim = "Trained weights tell what to prune."
    source = "Nobody 2020"

    [[tests]]
    name = "magnitude minus random"
    plus = [{ method = "magnitude" }]
    minus = [{ method = "random" }]
    expect = "positive"

    [study]
    targets = [16]
    seeds = 3
    controls = { random = false, magnitude = false, dense = false }
    task = { data = "digits", network = "lenet300", pretrain = { schedule = "constant:1e-1 total:2" } }
    methods.magnitude = { criterion = "magnitude" }
    methods.random = { criterion = "random" }
    retraining.finetune = { schedule = "constant:1e-2 total:0.25" }

    [scales.smoke]
"""


@pytest.fixture
def claims(fairprune, tmp_path):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "known.toml").write_text(textwrap.dedent(CLAIM))

    def claims(*arguments):
        where = ["--claims", tmp_path / "claims", "--verdicts", tmp_path / "verdicts"]
        where += ["--store", tmp_path / "store", "-j", 1, "--threads", 1] if "run" in arguments else []
        return fairprune("claims", *arguments, *where)

    return claims


def test_a_claim_is_run_judged_and_remembered(claims, tmp_path):
    code, text, _ = claims()
    assert (code, text.splitlines()[1].split()) == (0, ["known", "-", "-", "-", "-"])
    code, text, _ = claims("show", "known")
    assert "known, smoke: not run yet" in text
    assert "magnitude minus random: expected above 0" in text
    code, text, err = claims("run", "known", "--json")
    assert (code, err) == (0, "")
    (found,) = json.loads(text)
    assert (found["verdict"], found["runs"]) == ("reproduced", {"asked": 6, "done": 6})
    assert json.loads((tmp_path / "verdicts" / "known.smoke.json").read_text()) == found
    assert "reproduced" in (tmp_path / "verdicts" / "known.smoke.md").read_text()
    code, text, _ = claims()
    assert text.splitlines()[1].split() == ["known", "reproduced", "-", "-", "-"]
    assert "known, smoke: reproduced" in claims("show", "known")[1]
    assert json.loads(claims("--json")[1])[0]["verdicts"]["smoke"]["verdict"] == "reproduced"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "unknown"], "unknown claim 'unknown'"),
        (["run", "known", "--scale", "gpu"], "claim known: unknown scale 'gpu'"),
        (["show", "knwon"], "did you mean 'known'"),
    ],
)
def test_what_there_is_not_is_one_line(claims, arguments, message):
    code, _, err = claims(*arguments)
    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert message in err


def test_a_damaged_verdict_is_named(claims, tmp_path):
    (tmp_path / "verdicts").mkdir()
    (tmp_path / "verdicts" / "known.smoke.json").write_text("[]")
    code, _, err = claims()
    assert code == 2
    assert "known.smoke.json is not a verdict" in err
