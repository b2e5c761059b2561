"""Taps: what is sampled is what the layers compute, at the places that were drawn."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairprune.errors import PruneError
from fairprune.networks.densenet import densenet40
from fairprune.networks.lenet import lenet5
from fairprune.networks.resnet_cifar import ResNet
from fairprune.pruning.granularity.channels import ChannelSpace, channel_space
from fairprune.pruning.taps import LOCATIONS, Samples, dense_outputs, inputs_like, readers, taps_of, units_of


def batches_of(*batches: Tensor):
    return lambda: [(batch, torch.zeros(len(batch), dtype=torch.int64)) for batch in batches]


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def sampled(layer: nn.Module, inputs: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Inputs and outputs of one layer that is a whole network."""
    network = nn.Sequential(layer).eval()
    batches = batches_of(inputs[:2], inputs[2:])
    dense = dense_outputs(network, ["0"], batches, seed)
    return inputs_like(dense, network, ["0"], batches, seed).values["0"], dense.values["0"]


CONVOLUTIONS = [
    (nn.Conv2d(3, 4, 3), (3, 5, 5)),
    (nn.Conv2d(3, 4, (2, 3), stride=(2, 1), padding=(1, 0), bias=False), (3, 4, 5)),
    (nn.Conv2d(3, 4, 3, padding=2, dilation=2, stride=2), (3, 6, 5)),
    (nn.Conv2d(3, 4, 3, padding="same", padding_mode="reflect"), (3, 3, 3)),
    (nn.Conv2d(3, 4, (2, 1), padding="same", padding_mode="circular"), (3, 2, 4)),
    (nn.Conv1d(3, 4, 3, padding=1, stride=2), (3, 9)),
    (nn.Conv3d(3, 4, 2, stride=(1, 2, 1)), (3, 3, 3, 3)),
    (nn.Conv2d(3, 4, 1, stride=3), (3, 8, 8)),
]


@pytest.mark.parametrize(("layer", "shape"), CONVOLUTIONS, ids=lambda value: str(value))
def test_where_all_locations_fit_the_whole_output_is_sampled(layer: nn.Module, shape: tuple[int, ...]) -> None:
    images = drawn(3, *shape)
    with torch.no_grad():
        expected = layer(images)
        if layer.bias is not None:
            expected = expected - layer.bias.reshape(-1, *[1] * (len(shape) - 1))
    expected = expected.flatten(2).transpose(1, 2)  # [images, locations, out]
    locations = expected.shape[1]
    assert locations <= LOCATIONS
    inputs, outputs = sampled(layer, images)
    assert inputs.shape == (3 * locations, 3, math.prod(layer.kernel_size))
    found = outputs.reshape(3, locations, 4)
    order = found[..., :1].argsort(1).expand_as(found), expected[..., :1].argsort(1).expand_as(found)
    torch.testing.assert_close(found.gather(1, order[0]), expected.gather(1, order[1]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("layer", "shape"), CONVOLUTIONS, ids=lambda value: str(value))
def test_outputs_are_weights_times_inputs(layer: nn.Module, shape: tuple[int, ...]) -> None:
    inputs, outputs = sampled(layer, drawn(3, *shape))
    torch.testing.assert_close(inputs.flatten(1) @ layer.weight.flatten(1).T, outputs, rtol=1e-6, atol=1e-6)


def test_ten_different_locations_of_each_larger_image() -> None:
    layer, images = nn.Conv2d(3, 4, 3, padding=1, bias=False), drawn(5, 3, 12, 12)
    inputs, outputs = sampled(layer, images)
    assert inputs.shape == (50, 3, 9)
    patches = F.unfold(images, 3, padding=1).transpose(1, 2).reshape(5, 144, 3, 9)
    for image, found in zip(patches, inputs.reshape(5, 10, 3, 9), strict=True):
        same = (found[:, None] == image).flatten(2).all(2)  # [drawn, places]
        assert same.sum(1).tolist() == [1] * 10
        assert same.any(0).sum() == 10
    assert outputs.shape == (50, 4)


def test_locations_follow_the_seed_and_differ_from_image_to_image() -> None:
    layer, images = nn.Conv2d(1, 1, 1, bias=False), torch.arange(64.0).reshape(1, 1, 8, 8).repeat(3, 1, 1, 1)
    first, again, other = sampled(layer, images)[0], sampled(layer, images)[0], sampled(layer, images, seed=1)[0]
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    sets = {tuple(sorted(part.tolist())) for part in first.reshape(3, 10)}
    assert len(sets) == 3


@pytest.mark.parametrize("shape", [(3, 6), (3, 4, 6), (3, 2, 2, 6)])
def test_linear_layers_are_sampled_over_their_middle_dimensions(shape: tuple[int, ...]) -> None:
    layer, values = nn.Linear(6, 4), drawn(*shape)
    inputs, outputs = sampled(layer, values)
    assert sorted(inputs[..., 0].tolist()) == sorted(values.reshape(-1, 6).tolist())
    torch.testing.assert_close(outputs, inputs[..., 0] @ layer.weight.T)


def test_a_layer_that_is_called_twice_is_sampled_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(input=F.relu(self.layer(x)))

    found = dense_outputs(Twice(), ["layer"], batches_of(drawn(4, 3)), 0)
    assert found.values["layer"].shape == (8, 3)


def test_half_precision_is_sampled_in_single() -> None:
    inputs, outputs = sampled(nn.Linear(3, 2).to(torch.bfloat16), drawn(4, 3).to(torch.bfloat16))
    assert inputs.dtype == outputs.dtype == torch.float32


def lenet() -> tuple[nn.Module, ChannelSpace]:
    network = lenet5(10, 1).eval()
    return network, channel_space(network, torch.zeros(1, 1, 28, 28))


def test_readers_and_units_of_lenet5() -> None:
    network, space = lenet()
    groups = range(len(space.groups))
    assert [group.name for group in space.groups] == ["conv1", "conv2", "fc1", "fc2"]
    assert readers(network, space, groups) == {0: ("conv2",), 1: ("fc1",), 2: ("fc2",), 3: ("fc3",)}
    assert units_of(space, "conv2", 0).tolist() == list(range(6))
    assert torch.equal(units_of(space, "fc1", 1), torch.arange(16).repeat_interleave(25))
    assert units_of(space, "fc1", 0).tolist() == [-1] * 400
    assert units_of(space, "fc1").unique().tolist() == list(range(6, 22))


def test_taps_hold_the_weight_as_it_stands() -> None:
    network, space = lenet()
    batches = batches_of(drawn(3, 1, 28, 28))
    dense = dense_outputs(network, ["conv2", "fc1"], batches, 0)
    inputs = inputs_like(dense, network, ["conv2"], batches, 0)
    taps = taps_of(network, space, ["conv2", "fc1"], inputs, dense, 0)
    assert list(taps) == ["conv2"]  # fc1 was not sampled in the second pass
    assert taps["conv2"].weight.shape == (16, 6, 25)
    assert taps["conv2"].outputs.shape == (30, 16)
    taps["conv2"].weight.zero_()
    assert network.get_submodule("conv2").weight.abs().sum() > 0


def test_readers_of_a_residual_stream_and_of_concatenations() -> None:
    network = ResNet(10, 3, 1, "A", None).eval()
    space = channel_space(network, torch.zeros(1, 3, 16, 16))
    found = {space.groups[i].name: layers for i, layers in readers(network, space, range(len(space.groups))).items()}
    assert found["layer1.0.conv1"] == ("layer1.0.conv2",)
    stream = found["conv1"]
    assert stream == ("layer1.0.conv1", "layer2.0.conv1", "layer3.0.conv1", "linear")
    network = densenet40(10, 3).eval()
    space = channel_space(network, torch.zeros(1, 3, 8, 8))
    reading = readers(network, space, [1])[1]
    units = units_of(space, reading[-1], 1)
    assert len(reading) > 2
    assert sorted(units[units >= 0].tolist()) == list(range(space.groups[1].size))
    assert int((units < 0).sum()) > 0


def test_depthwise_convolutions_hand_on_and_are_no_readers() -> None:
    network = nn.Sequential(nn.Conv2d(2, 4, 1), nn.Conv2d(4, 4, 3, groups=4), nn.ReLU(), nn.Conv2d(4, 3, 1))
    space = channel_space(network, torch.zeros(1, 2, 5, 5))
    assert readers(network, space, [0]) == {0: ("3",)}


def test_transposed_convolutions_cannot_be_reconstructed() -> None:
    network = nn.Sequential(nn.Conv2d(2, 4, 1), nn.ReLU(), nn.ConvTranspose2d(4, 3, 2, stride=2), nn.ReLU())
    space = channel_space(network, torch.zeros(1, 2, 5, 5))
    with pytest.raises(PruneError, match=r"layer '2' \(ConvTranspose2d\) cannot be reconstructed: spare .*\(0\)"):
        readers(network, space, [0])


def test_batches_have_to_stay_the_same() -> None:
    network, first, second = nn.Sequential(nn.Linear(3, 2)), drawn(4, 3), drawn(4, 3) + 1
    dense = dense_outputs(network, ["0"], batches_of(first, second), 0)
    with pytest.raises(PruneError, match="calibration batches change from pass to pass"):
        inputs_like(dense, network, ["0"], batches_of(second, first), 0)


def test_without_samples_or_layers() -> None:
    network = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(PruneError, match="calibration has no samples"):
        dense_outputs(network, ["0"], batches_of(), 0)
    assert dense_outputs(network, [], batches_of(), 0) == Samples()


def test_hooks_are_gone_afterwards() -> None:
    network = nn.Sequential(nn.Linear(3, 2))
    sampled(network[0], drawn(3, 3))
    assert not network[0]._forward_pre_hooks
