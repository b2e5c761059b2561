import sys
import types

import pytest
import torch
from torch import nn

from fairprune.errors import FairpruneError, NetworkError, SpecError
from fairprune.networks.build import build
from fairprune.networks.channel_pad import ChannelPad
from fairprune.spec import NetworkSpec

OWN = """
from torch import nn
import torch

def fixed(classes, channels, width=4):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.Flatten(), nn.Linear(width * 36, 10))

def ten(classes, channels):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

def maps(classes, channels):
    return nn.Conv2d(channels, classes, 3)

def pair(classes, channels):
    return nn.Sequential(nn.Flatten(), nn.LSTM(64, classes))

def nothing(classes, channels):
    return None

def broken(classes, channels):
    raise ZeroDivisionError("no\\nway")

class Counting(nn.Module):
    def __init__(self, classes, channels):
        super().__init__()
        self.linear = nn.Linear(64, classes)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        return self.linear(torch.nn.functional.dropout(x.flatten(1)))

def bare(classes) -> nn.Module:
    return nn.Flatten()

def lazy(classes, channels):
    return nn.Sequential(nn.LazyLinear(classes))

built = nn.Flatten()
constant = 3
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path


def refused(error, *args, folder=None, **options):
    name, shape, classes = args
    with pytest.raises(error) as caught:
        build(NetworkSpec(name=name, options=options), shape, classes, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("lenet300", (1, 28, 28)),
        ("lenet300", (3, 12, 12)),
        ("lenet5", (1, 28, 28)),
        ("lenet5", (3, 32, 32)),
        ("lenet5_caffe", (1, 28, 28)),
        ("lenet5_caffe", (3, 32, 32)),
        ("digits_cnn", (1, 8, 8)),
        ("resnet20", (3, 32, 32)),
        ("vgg16", (1, 16, 16)),
        ("resnet18", (3, 33, 47)),
    ],
)
def test_shipped_networks_fit_their_data(name, shape):
    torch.manual_seed(11)
    state = torch.get_rng_state()
    network = build(NetworkSpec(name=name), shape, 5)
    assert torch.equal(torch.get_rng_state(), state)
    assert network.training
    assert network(torch.zeros(2, *shape)).shape == (2, 5)


def test_the_same_spec_gives_the_same_network():
    torch.manual_seed(1)
    a = build(NetworkSpec(name="resnet20"), (3, 32, 32), 10)
    torch.manual_seed(2)
    b = build(NetworkSpec(name="resnet20"), (3, 32, 32), 10)
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_options():
    network = build(NetworkSpec(name="resnet20", options={"shortcut": "B"}), (3, 32, 32), 10)
    assert not any(isinstance(m, ChannelPad) for m in network.modules())
    spec = NetworkSpec.model_validate({"name": "vgg16", "options": {"widths": [4, 5] + [6] * 11}})
    widths = [m.out_channels for m in build(spec, (3, 16, 16), 10).modules() if isinstance(m, nn.Conv2d)]
    assert widths == [4, 5] + [6] * 11
    assert "takes 64 features and gets 100" in refused(NetworkError, "lenet300", (1, 10, 10), 10, size=8)


def test_names_and_options_that_do_not_exist():
    assert "did you mean 'resnet20'" in refused(SpecError, "resnett20", (3, 32, 32), 10)
    message = refused(SpecError, "resnet20", (3, 32, 32), 10, shortcuts="A")
    assert "option of network 'resnet20' 'shortcuts'; did you mean 'shortcut'" in message
    assert "unknown option" in refused(SpecError, "lenet5", (1, 28, 28), 10, classes=3)
    assert "'depth' (known: none)" in refused(SpecError, "digits_cnn", (1, 8, 8), 10, depth=3)
    assert "unknown shortcut 'C'" in refused(SpecError, "resnet20", (3, 32, 32), 10, shortcut="C")
    assert "unknown stem 'cifr'; did you mean 'cifar'" in refused(SpecError, "resnet18", (3, 32, 32), 10, stem="cifr")
    for widths in [(4.0,) * 12, (4.5,) * 13, (0,) * 13]:
        assert "13 positive integers" in refused(SpecError, "vgg16", (3, 32, 32), 10, widths=widths)


def test_inputs_that_are_too_small():
    assert "28x28 or 32x32" in refused(NetworkError, "lenet5", (1, 8, 8), 10)
    assert "at least 16x16" in refused(NetworkError, "lenet5_caffe", (1, 8, 8), 10)
    assert "3x8x8 is too small for layer 'features.33'" in refused(NetworkError, "vgg16", (3, 8, 8), 10)
    assert "1x3x3 is too small for network 'digits_cnn'" in refused(NetworkError, "digits_cnn", (1, 3, 3), 10)
    assert "1x28x14 does not fit: layer 'fc1'" in refused(NetworkError, "lenet300", (1, 28, 14), 10)


def test_own_networks(folder):
    network = build(NetworkSpec(name="own:fixed", options={"width": 2}), (3, 8, 8), 10, folder)
    assert network[0].out_channels == 2


def test_own_networks_that_differ_from_the_data(folder):
    message = refused(NetworkError, "own:fixed", (1, 8, 8), 10, folder=folder)
    assert message == "the data has 1 channels: layer '0' of network 'own:fixed' takes 3 and gets 1"
    message = refused(NetworkError, "own:ten", (1, 8, 8), 7, folder=folder)
    assert message == "the data has 7 classes, network 'own:ten' returns 10"
    message = refused(NetworkError, "own:fixed", (3, 9, 9), 10, folder=folder)
    assert "3x9x9 does not fit: layer '2' of network 'own:fixed' takes 144 features and gets 196" in message
    assert "[1, 7, 6, 6] for one input: expected logits of shape [1, 7]" in refused(
        NetworkError, "own:maps", (1, 8, 8), 7, folder=folder
    )
    assert "3x2x2 is too small for layer '0'" in refused(NetworkError, "own:fixed", (3, 2, 2), 10, folder=folder)


def test_own_factories_that_fail(folder):
    assert "returns tuple for one input" in refused(NetworkError, "own:pair", (1, 8, 8), 10, folder=folder)
    assert "expected a torch.nn.Module, got NoneType" in refused(
        NetworkError, "own:nothing", (1, 8, 8), 10, folder=folder
    )
    assert "cannot be built: ZeroDivisionError: no" in refused(NetworkError, "own:broken", (1, 8, 8), 10, folder=folder)
    assert "expected a function (classes, channels, ...), got a value of type int" in refused(
        NetworkError, "own:constant", (1, 8, 8), 10, folder=folder
    )
    assert "expected a function (classes, channels, ...), got bare(classes)" in refused(
        NetworkError, "own:bare", (1, 8, 8), 10, folder=folder
    )
    assert "expected a function (classes, channels, ...), got a value of type Flatten" in refused(
        NetworkError, "own:built", (1, 8, 8), 10, folder=folder
    )
    assert "parameter '0.weight' of Sequential has no shape yet" in refused(
        NetworkError, "own:lazy", (1, 8, 8), 10, folder=folder
    )


@pytest.mark.parametrize("name", ["own.py", "./own", "./own.py"])
def test_a_path_in_the_place_of_a_module(folder, name):
    assert f"no module '{name}': expected 'own', or" in refused(SpecError, f"{name}:ten", (1, 8, 8), 10, folder=folder)


def test_the_check_leaves_no_trace(folder):
    network = build(NetworkSpec(name="own:Counting"), (1, 8, 8), 10, folder)
    assert network.calls.item() == 0
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def small(weights=None, num_classes=1000, width=2):
    assert weights is None
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes))


@pytest.fixture
def torchvision(monkeypatch):
    def get_model(name, **options):
        assert name in ("resnet18", "vgg11")
        return small(**options)

    models = types.SimpleNamespace(list_models=lambda: ["resnet18", "vgg11"], get_model=get_model)
    monkeypatch.setitem(sys.modules, "torchvision", types.SimpleNamespace(models=models))


@pytest.fixture
def timm(monkeypatch):
    def create_model(name, *, pretrained=False, num_classes=1000, in_chans=3, width=2):
        assert not pretrained
        assert name == "resnet18"
        return nn.Sequential(nn.Conv2d(in_chans, width, 3), nn.Flatten(), nn.Linear(width * 36, num_classes))

    stand_in = types.SimpleNamespace(
        list_models=lambda: ["resnet18", "vit_tiny", *map("n{}".format, range(99))], create_model=create_model
    )
    monkeypatch.setitem(sys.modules, "timm", stand_in)


@pytest.mark.usefixtures("torchvision")
def test_torchvision_by_name():
    network = build(NetworkSpec(name="torchvision:resnet18", options={"width": 5}), (3, 8, 8), 4)
    assert network[0].out_channels == 5
    assert "did you mean 'resnet18'" in refused(SpecError, "torchvision:resnet81", (3, 8, 8), 4)
    assert "1 channels, network 'torchvision:vgg11' takes 3" in refused(NetworkError, "torchvision:vgg11", (1, 8, 8), 4)
    assert "cannot be built: TypeError" in refused(NetworkError, "torchvision:resnet18", (3, 8, 8), 4, depth=5)


@pytest.mark.usefixtures("timm")
def test_timm_by_name():
    network = build(NetworkSpec(name="timm:resnet18"), (1, 8, 8), 4)
    assert network[0].in_channels == 1
    message = refused(SpecError, "timm:vit_tinny", (1, 8, 8), 4)
    assert "did you mean 'vit_tiny'" in message
    assert message.endswith(" and 61 more)")


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_a_missing_library_names_its_extra(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)  # importing it now raises ImportError
    assert f"pip install 'fairprune[{library}]'" in refused(FairpruneError, f"{library}:resnet18", (3, 8, 8), 4)
