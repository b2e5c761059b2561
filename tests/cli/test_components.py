"""`fairprune check`: it recognises what it is given, and runs the suite for that."""

import json

import pytest

from fairprune.cli.components import _components

MINE = """
import fairprune as fp, torch

@fp.criterion(granularities=("weight",))
def by_size(context):
    return {name: w.abs() for name, w in context.weights.items()}

@fp.training_method(paper="mine", granularities=("weight",), bound=False, criterion="magnitude")
def shrink(setting, *, strength: float = 1e-4):
    weights = [setting.network.get_parameter(f"{layer}.weight") for layer in setting.space.layers]
    return fp.Hook(on_gradients=lambda _: [w.grad.add_(w.detach().sign(), alpha=strength) for w in weights])

@fp.repair(paper="mine", granularities=("channel",))
def noise(context, remaining):
    return {name: torch.rand_like(w) for name, w in context.weights.items()}

def plain(context):
    return {}
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A file of one's own in the folder where the command is called."""
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("name", "kind", "check"),
    [
        ("mine:by_size", "criterion", "weight: layers scored independently"),
        ("mine:shrink", "training", "weight: stopped and resumed, the same end"),
        ("orthogonal", "repair", "channel: same seed, same weights"),
        ("thinet", "criterion", "channel: as many units of each group as asked for"),
    ],
)
def test_every_kind_has_its_suite(fairprune, name, kind, check):
    code, out, _ = fairprune("check", name, "--json")
    rows = json.loads(out)
    assert code == 0
    assert {row["kind"] for row in rows} == {kind}
    assert {"kind": kind, "name": check, "passed": True, "detail": ""} in rows


@pytest.mark.usefixtures("mine")
def test_what_does_not_pass_is_said_with_its_reason(fairprune, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = fairprune("check", "mine:noise")
    assert code == 1
    assert out.splitlines()[0].split()[:2] == ["repair", "mine:noise"]
    row = next(line for line in out.splitlines() if line.startswith("channel: same seed"))
    assert " NO " in row
    assert "draw from context.generator" in row
    assert out.splitlines()[-1] == "1 of 4 checks failed"


def test_a_name_of_two_components_means_both():
    assert [type(component).__name__ for component in _components("obs")] == ["Criterion", "Repair"]


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("magnitud", "unknown criterion, training or repair 'magnitud'; did you mean 'magnitude'?"),
        ("rigll", "did you mean 'rigl'?"),
        ("orthogonl", "did you mean 'orthogonal'?"),
        ("mine:nois", "did you mean 'noise'?"),
        ("main:noise", "no module 'main'"),
        ("mine:plain", "mine:plain is no criterion, training or repair, but function: expected a function decorated"),
    ],
)
def test_what_it_does_not_know_is_one_line(fairprune, name, message):
    code, out, err = fairprune("check", name)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
