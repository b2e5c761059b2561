"""`fairprune prune`: everything that the library can be asked for."""

import json
import sys

import pytest
from safetensors.torch import load_file

from fairprune.registry import BUILTIN

IMAGES = ("--data", "digits", "--samples", 32)
WEIGHTS = ("--criterion", "magnitude", "--granularity", "weight")


@pytest.fixture
def prune(fairprune, tmp_path):
    """Prune the network of the demo: what the command says, and the tensors that it leaves."""

    def prune(*arguments):
        out = tmp_path / "small.safetensors"
        code, text, err = fairprune("prune", "digits_cnn", "-o", out, *arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(text), load_file(out)

    return prune


def test_shape_and_classes_are_those_of_the_data(prune):
    done, tensors = prune("--criterion", "taylor", *IMAGES, "--ratio", 0.5)
    assert done["parameters"][0] == 15_418
    assert len(tensors["state/linear.bias"]) == 10
    assert done["kept"]["conv1"] == [8, 16]


def test_a_repair_gives_what_is_kept_other_weights(prune):
    plain, before = prune(*IMAGES, "--ratio", 0.5)
    mended, after = prune(*IMAGES, "--ratio", 0.5, "--repair", "least_squares")
    assert mended["kept"] == plain["kept"]
    assert before["state/conv2.weight"].shape == after["state/conv2.weight"].shape
    assert not before["state/conv2.weight"].equal(after["state/conv2.weight"])
    assert prune(*IMAGES, "--criterion", "thinet", "--ratio", 0.5, "--repair", "none")[1].keys() == after.keys()


def test_steps_are_those_asked_for(prune, fairprune, tmp_path):
    arguments = ("--shape", "1,8,8", "--criterion", "synflow", "--compression", 8)
    many, _ = prune(*arguments)
    once, _ = prune(*arguments, "--steps", 1)
    assert many["kept"] != once["kept"]
    code, _, err = fairprune(
        "prune", "digits_cnn", "--shape", "1,8,8", "--ratio", 0.5, "--steps", 2, "-o", tmp_path / "x"
    )
    assert (code, "2 steps without training" in err) == (2, True)


def test_allocations_spread_a_target_in_their_ways(prune):
    kept = {
        name: prune("--shape", "1,8,8", *WEIGHTS, "--allocation", name, "--compression", 4)[0]["kept"]
        for name in ("erk", "balanced", "uniform")
    }
    assert len({tuple(map(tuple, amounts.values())) for amounts in kept.values()}) == 3
    assert kept["erk"]["conv1"] == [144, 144]  # small layers stay dense
    assert kept["balanced"]["conv2"][0] == kept["balanced"]["conv3"][0]


def test_whole_blocks_go(fairprune, tmp_path):
    out = tmp_path / "shallow.safetensors"
    how = ("--criterion", "magnitude", "--granularity", "block", "--ratio", 0.5)
    done = json.loads(fairprune("prune", "resnet20", "-o", out, *how, "--json")[1])
    assert sum(kept for kept, _ in done["kept"].values()) < sum(size for _, size in done["kept"].values())
    assert done["speedup"] > 1.2


def test_ratios_of_layers_hold_as_they_are(prune):
    done, tensors = prune("--shape", "1,8,8", "--ratios", "conv1=0.25", "--ratios", "conv[23]=0.5")
    assert done["kept"] == {"conv1": [12, 16], "conv2": [16, 32]}
    assert tensors["state/conv2.weight"].shape == (16, 12, 3, 3)


def test_ratios_by_the_name_of_a_network(fairprune, tmp_path):
    out = tmp_path / "a.safetensors"
    code, text, _ = fairprune("prune", "resnet56", "--ratios", "resnet56_a", "-o", out, "--json")
    built = json.loads(fairprune("cost", "resnet56_a", "--json")[1])
    done = json.loads(text)
    assert code == 0
    assert (done["parameters"][1], done["multiply_adds"][1]) == (built["parameters"], built["multiply_adds"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--criterion", "l1_nrm", "--ratio", 0.5], "unknown criterion 'l1_nrm'; did you mean 'l1_norm'?"),
        (["--allocation", "globl", "--ratio", 0.5], "unknown allocation 'globl'; did you mean 'global'?"),
        (["--repair", "orthogonl", "--ratio", 0.5], "unknown repair 'orthogonl'; did you mean 'orthogonal'?"),
        (["--data", "digit", "--ratio", 0.5], "unknown dataset 'digit'; did you mean 'digits'?"),
        (["--ratios", "resnet56_z"], "unknown predefined network 'resnet56_z'; did you mean 'resnet56_b'?"),
        (["--ratios", "conv1=half"], "--ratios conv1=half: expected PATTERN=FRACTION"),
        (["--ratios", "conv1=0.5", "--ratios", "resnet56_a"], "--ratios resnet56_a: expected PATTERN=FRACTION"),
        (["--ratios", "conv1=0.5", "--allocation", "uniform"], "for allocation 'given', not for 'uniform'"),
        (
            ["--criterion", "taylor", "--ratio", 0.5],
            "criterion taylor looks at training images (gate_stream): say",
        ),
        (["--repair", "least_squares", "--ratio", 0.5], "repair least_squares looks at training images (taps): say of"),
        (["--criterion", "thinet", "--ratio", 0.5], "thinet looks at training images (taps): say of which data set"),
        (["--ratio", 0.5, "--speedup", 2], "expected exactly one target"),
        (["--speedup", 0], "expected 1 or more"),
        (["--speedup", "nan"], "target: value = nan: input should be a finite number"),
        (["--ratio", 0.5, "--threads", 5000, "--latency"], "Invalid value for '--threads'"),
        (
            ["--criterion", "taylor", "--data", "digits", "--classes", 12, "--ratio", 0.5],
            "in 10 classes, not 1,8,8 in 12",
        ),
        (["--ratio", 0.5, "--onnx", "/nowhere/x.onnx"], "cannot write /nowhere/x.onnx: there is no folder /nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line(fairprune, tmp_path, arguments, message):
    code, out, err = fairprune("prune", "digits_cnn", "--shape", "1,8,8", "-o", tmp_path / "x", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_what_breaks_in_a_criterion_of_ones_own_is_one_line(fairprune, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "import fairprune as fp\n\n@fp.criterion()\ndef broken(context):\n    return {}['conv1']\n"
    (tmp_path / "mine.py").write_text(code)
    code, out, err = fairprune(
        "prune", "lenet5", "--shape", "1,28,28", "--ratio", 0.5, "-o", "x", "--criterion", "mine:broken"
    )
    assert (code, out, err) == (2, "", "error: mine:broken failed: KeyError: 'conv1' (mine.py:5)\n")


def test_places_are_looked_at_before_any_work(fairprune, tmp_path, monkeypatch):
    monkeypatch.setattr("fairprune.api.prune", lambda *_, **__: pytest.fail("pruned"))
    asked = ["prune", "digits_cnn", "--shape", "1,8,8", "--ratio", 0.5, "-o"]
    for place, message in ((tmp_path, "it is a folder"), (tmp_path / "no" / "x", "there is no folder")):
        code, _, err = fairprune(*asked, place)
        assert (code, message in err, err.count("\n")) == (2, True, 1)
    code, _, err = fairprune(*asked, tmp_path / "x", "--onnx", tmp_path / "x")
    assert (code, "cannot be both the pruned network and its ONNX file" in err) == (2, True)


@pytest.mark.parametrize("command", ["ls", "prune", "check", "cost"])
def test_help_has_an_example(fairprune, command):
    code, out, _ = fairprune(command, "--help")
    assert code == 0
    assert f"Example: fairprune {command} " in out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ls rep", ["repair"]),
        ("prune resnet5", [name for name in BUILTIN["network"] if name.startswith("resnet5")]),
        ("prune resnet20 --criterion l1", ["l1_norm", "l1_largest"]),
        ("prune resnet20 --allocation e", ["erk"]),
        ("prune resnet20 --repair o", ["obs", "orthogonal"]),
        ("prune resnet20 --repair n", ["none"]),
        ("prune resnet20 --ratios resnet56", ["resnet56_a", "resnet56_b"]),
        ("prune resnet20 --granularity b", ["block"]),
        ("prune resnet20 --data mn", ["mnist"]),
        ("check gr", ["gradient_weight", "grasp", "gradual", "group_norm", "greg1", "greg2"]),
    ],
)
def test_names_are_completed(fairprune, monkeypatch, words, expected):
    line = f"fairprune {words}"
    monkeypatch.setattr(sys.modules["__main__"], "__package__", None)  # as an installed command has it
    monkeypatch.setenv("_FAIRPRUNE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
    code, out, _ = fairprune()
    assert code == 0
    assert sorted(out.split()) == sorted(expected)


def test_what_was_removed_is_listed_by_layer(prune):
    done, tensors = prune("--shape", "1,8,8", "--ratios", "conv1=0.25", "--ratios", "conv[23]=0.5")
    layers = {layer["name"]: layer for layer in done["layers"]}
    assert layers["conv1"] == {
        "name": "conv1",
        "kind": "convolution",
        "parameters": [144, 108],
        "multiply_adds": [9216, 12 * 9 * 64],
    }
    assert sum(layer["parameters"][1] for layer in layers.values()) == done["parameters"][1]
    assert sum(layer["multiply_adds"][0] for layer in layers.values()) == done["multiply_adds"][0]
    assert done["ratio"] == pytest.approx((4 + 16) / (16 + 32))
    state = sum(t.nbytes for name, t in tensors.items() if name.startswith("state/"))
    assert 0 < done["file_bytes"]["pruned"]["plain"] - state < 2000


def test_a_pruned_network_is_measured_and_exported(prune, tmp_path, monkeypatch):
    monkeypatch.setattr("fairprune.measure.timing.WARM", 0.0)
    file = tmp_path / "x.onnx"
    quick = ("--latency", "--seconds", 0.01, "--batch", 2, "--threads", 1)
    done, _ = prune("--shape", "1,8,8", "--speedup", 2, "--onnx", file, *quick)
    assert done["onnx"]["difference"] < 1e-4
    assert done["onnx"]["bytes"] == file.stat().st_size
    for latency in (done["latency"], done["onnx"]["latency"]):
        [measured] = latency["batch_sizes"]
        assert measured["networks"].keys() == {"dense", "pruned"}
        assert measured["networks"]["pruned"]["speedup"] > 0


def test_masks_are_said_to_make_nothing_faster(fairprune, tmp_path):
    arguments = ("--shape", "1,8,8", *WEIGHTS, "--compression", 4, "-o", tmp_path / "x")
    said = " ".join(fairprune("prune", "digits_cnn", *arguments)[1].split())
    assert "masked weights are zeros that are multiplied all the same: nothing becomes faster" in said
    assert "files: dense 62.3 KiB, pruned 62.3 KiB, compressed by gzip" in said
    assert "of weights removed" in said
    done = json.loads(fairprune("prune", "digits_cnn", *arguments, "--json")[1])
    assert done["file_bytes"]["dense"] == {"plain": done["file_bytes"]["pruned"]["plain"]}
    assert done["file_bytes"]["pruned"].keys() == {"plain", "gzipped", "sparse"}
    channels = " ".join(
        fairprune("prune", "digits_cnn", "--shape", "1,8,8", "--ratio", 0.5, "-o", tmp_path / "x")[1].split()
    )
    assert "faster" not in channels


def test_a_missing_runtime_is_one_line(fairprune, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    arguments = ("--shape", "1,8,8", "--ratio", 0.5, "-o", tmp_path / "x", "--onnx", tmp_path / "x.onnx")
    code, _, err = fairprune("prune", "digits_cnn", *arguments)
    assert code == 2
    assert "pip install 'fairprune[onnx]'" in err
    assert err.count("\n") == 1
