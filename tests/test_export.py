"""Exported networks compute the same in another runtime, and what cannot be exported is said in one line."""

import sys

import pytest
import torch
from torch import nn

import fairprune as fp
from fairprune import export
from fairprune.errors import NetworkError
from fairprune.measure.conditions import Conditions

EXAMPLE = torch.zeros(1, 1, 6, 6)


def network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(128, 3))
    net[1].running_mean.normal_()
    return net


def outputs(path, inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["output"], {"input": inputs.numpy()})[0])


@pytest.mark.parametrize("how", [{"target": fp.ratio(0.5)}, {"criterion": "magnitude", "target": fp.ratio(0.5)}])
def test_outputs_are_torchs_for_any_batch_size(tmp_path, how):
    small = fp.prune(network(), EXAMPLE, **how)
    found = fp.export_onnx(small, EXAMPLE, tmp_path / "x.onnx")
    assert found.difference < export.TOLERANCE
    assert found.bytes == (tmp_path / "x.onnx").stat().st_size
    assert small.training
    for size in (1, 2, 5):
        inputs = torch.randn(size, 1, 6, 6)
        expected = small.eval()(inputs)
        torch.testing.assert_close(outputs(found.path, inputs), expected, rtol=1e-4, atol=1e-5)
        small.train()


class Branching(nn.Module):
    """Which way it goes depends on values: a trace holds one of them."""

    def forward(self, x):
        return x if x.mean() > -100 else -x


def test_warnings_are_of_the_users_own_code_alone(tmp_path):
    """Warnings are errors here."""
    fp.export_onnx(nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4)), EXAMPLE, tmp_path / "x.onnx")
    with pytest.warns(torch.jit.TracerWarning, match="might cause the trace to be incorrect"):
        fp.export_onnx(Branching(), EXAMPLE, tmp_path / "x.onnx")


def test_what_computes_something_else_is_not_written(tmp_path, monkeypatch):
    real = export.onnx_model
    monkeypatch.setattr(export, "onnx_model", lambda net, example: real(nn.Sequential(net, nn.Hardtanh(0, 1)), example))
    with pytest.raises(NetworkError, match=r"Sequential as ONNX yields other outputs: .* expected at most 0.0001"):
        fp.export_onnx(network(), EXAMPLE, tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_are_not_finite_are_refused(tmp_path):
    net = network()
    with torch.no_grad():
        net[5].weight[0, 0] = torch.nan
    with pytest.raises(NetworkError, match="other outputs: they differ by nan"):
        fp.export_onnx(net, EXAMPLE, tmp_path / "x.onnx")


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(NetworkError, match=rf"ONNX needs {missing}, .*: pip install 'fairprune\[onnx\]'") as caught:
        fp.export_onnx(network(), EXAMPLE, tmp_path / "x.onnx")
    assert "\n" not in str(caught.value)


class Pair(nn.Module):
    def forward(self, inputs):
        return inputs, inputs


class Odd(nn.Module):
    def forward(self, inputs):
        return torch.linalg.eigvals(inputs[:, 0]).real


@pytest.mark.parametrize(
    ("net", "message"),
    [(Pair(), "Pair returns a tuple: expected one tensor"), (Odd(), "Odd cannot be exported to ONNX: .*eig")],
)
def test_what_cannot_be_exported_is_one_line(tmp_path, net, message):
    with pytest.raises(NetworkError, match=message) as caught:
        fp.export_onnx(net, EXAMPLE, tmp_path / "x.onnx")
    assert "\n" not in str(caught.value)


def test_models_are_timed_in_turn():
    models = {"dense": export.onnx_model(network(), EXAMPLE)}
    models["small"] = export.onnx_model(fp.prune(network(), EXAMPLE, target=fp.ratio(0.5)), EXAMPLE)
    one, four = export.compare_onnx(models, EXAMPLE, Conditions((1, 4), 1e-3, threads=1))
    assert (one.batch_size, four.batch_size) == (1, 4)
    assert one.seconds.keys() == models.keys()
    assert one.speedup("small").value > 0
