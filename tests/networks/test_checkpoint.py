import io
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fairprune.errors import NetworkError
from fairprune.networks.checkpoint import load_checkpoint
from fairprune.networks.digits import digits_cnn
from fairprune.networks.initialise import initialise
from fairprune.networks.resnet_cifar import resnet20, resnet32, resnet44, resnet56


def trained():
    network = digits_cnn(10, 1)
    initialise(network, 7)
    network.bn1.running_mean.fill_(0.25)
    return network


def equal(network, state):
    return all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("wrap", ["bare", "state_dict", "model", "parallel"])
@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files(tmp_path, wrap, zipped):
    state = dict(trained().state_dict())
    parallel = {"module." + name: tensor for name, tensor in state.items()}
    content = {
        "bare": state,
        "state_dict": {"epoch": 3, "best": 0.9, "state_dict": state},
        "model": {"model": state, "optimizer": {"lr": 0.1}},
        "parallel": {"state_dict": parallel},
    }[wrap]
    torch.save(content, tmp_path / "c.pt", _use_new_zipfile_serialization=zipped)
    network = digits_cnn(10, 1)
    load_checkpoint(network, tmp_path / "c.pt")
    assert equal(network, state)


def test_safetensors(tmp_path):
    state = trained().state_dict()
    save_file(state, tmp_path / "c.safetensors")
    network = digits_cnn(10, 1)
    load_checkpoint(network, tmp_path / "c.safetensors")
    assert equal(network, state)


def test_old_files_lack_the_counter_of_batch_norm(tmp_path):
    state = {n: t for n, t in trained().state_dict().items() if not n.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "c.pt")
    network = digits_cnn(10, 1)
    load_checkpoint(network, tmp_path / "c.pt")
    assert network.bn1.running_mean.unique().tolist() == [0.25]


def refused(path, network=None):
    network = network or digits_cnn(10, 1)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(NetworkError) as caught:
        load_checkpoint(network, path)
    assert equal(network, before)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_differences_are_named_and_counted(tmp_path):
    state = dict(trained().state_dict())
    for name in ("conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_var"):
        state["old_" + name] = state.pop(name)
    state["linear.weight"] = torch.zeros(9, 128)
    torch.save(state, tmp_path / "c.pt")
    message = refused(tmp_path / "c.pt")
    assert "does not fit DigitsCNN" in message
    assert "4 missing: conv1.weight, bn1.weight, bn1.bias, ...;" in message
    assert "4 unexpected: old_conv1.weight, old_bn1.weight, old_bn1.bias, ...;" in message
    assert "1 of another shape: linear.weight (9x128, expected 10x128)" in message


def test_code_is_never_executed(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "executed",)

    torch.save({"state_dict": trained().state_dict(), "trap": Trap()}, tmp_path / "c.pt")
    assert "never executed" in refused(tmp_path / "c.pt")
    assert not (tmp_path / "executed").exists()
    torch.save(trained(), tmp_path / "whole.pt")  # a pickled module needs its class imported
    assert "never executed" in refused(tmp_path / "whole.pt")


@pytest.mark.parametrize("name", ["c.pt", "c.safetensors"])
def test_damaged_files(tmp_path, name):
    state = trained().state_dict()
    if name.endswith("pt"):
        torch.save(state, tmp_path / name)
    else:
        save_file(state, tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for damaged in (b"", b"not a checkpoint\n", whole[: len(whole) // 2]):
        (tmp_path / name).write_bytes(damaged)
        assert "damaged" in refused(tmp_path / name)


def test_other_contents(tmp_path):
    assert "no checkpoint" in refused(tmp_path / "absent.pt")
    for content, expected in [
        ([1, 2], "holds no weights"),
        ({}, "holds no weights"),
        ({"weights": torch.zeros(1), "epoch": 3}, "'epoch' is no tensor"),
    ]:
        torch.save(content, tmp_path / "c.pt")
        assert expected in refused(tmp_path / "c.pt")


def test_values_that_are_not_finite_are_refused(tmp_path):
    state = trained().state_dict()
    state["conv2.weight"][0] = float("nan")
    torch.save(state, tmp_path / "c.pt")
    assert refused(tmp_path / "c.pt").endswith("holds values that are NaN or infinite: conv2.weight")


def test_a_plain_pickle_warns_of_nothing(tmp_path, recwarn):
    (tmp_path / "c.pkl").write_bytes(pickle.dumps({"a": Path("x")}, protocol=4))
    assert "never executed" in refused(tmp_path / "c.pkl")
    assert not recwarn


@pytest.fixture
def data_root():
    root = os.environ.get("FAIRPRUNE_DATA")
    if not root:
        pytest.skip("FAIRPRUNE_DATA is not set")
    return Path(root)


@pytest.mark.data
@pytest.mark.parametrize("factory", [resnet20, resnet32, resnet44, resnet56])
def test_published_weights_load(data_root, factory):
    (path,) = (data_root / "weights").glob(f"{factory.__name__}-*.th")
    network = factory(10, 3)
    load_checkpoint(network, path)
    published = torch.load(path, weights_only=True, map_location="cpu")["state_dict"]
    assert torch.equal(network.layer3[1].bn2.running_var, published["module.layer3.1.bn2.running_var"])


@pytest.mark.data
@pytest.mark.parametrize(("factory", "correct"), [(resnet20, 915), (resnet56, 926)])
def test_published_weights_reach_their_accuracy(data_root, factory, correct):
    images, labels = first_test_images(data_root)
    (path,) = (data_root / "weights").glob(f"{factory.__name__}-*.th")
    network = factory(10, 3).eval()
    load_checkpoint(network, path)
    with torch.no_grad():
        predicted = torch.cat([network(batch).argmax(1) for batch in images.split(250)])
    # of 1,000 images; one may change sides with the order in which the CPU adds
    assert abs((predicted == labels).sum().item() - correct) <= 1


def first_test_images(data_root):
    import numpy as np
    import polars as pl
    from PIL import Image

    table = pl.read_parquet(data_root / "cifar10" / "test-00000-of-00001.parquet")
    pixels = [np.asarray(Image.open(io.BytesIO(image["bytes"]))) for image in table["img"]]
    images = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255
    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    return (images - mean) / std, torch.tensor(table["label"].to_list())
