"""A network on an image that is the same everywhere: what is computed once gives what the whole image gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from fairprune import registry
from fairprune.pruning.needs.uniform import Once, Span, run

Call = Callable[[Tensor], Tensor]


def image(size: int, channels: int = 2) -> Tensor:
    return torch.ones(1, channels, size, size + 3, dtype=torch.float64)


def drawn(network: nn.Module, seed: int = 0) -> nn.Module:
    """With weights and statistics that make every position count, some of them negative."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.is_floating_point():
            tensor.data = torch.rand(tensor.shape, generator=generator, dtype=torch.float64) - 0.2 * (tensor.dim() > 1)
    return network.double().eval()


def same(network: nn.Module, size: int, channels: int = 2) -> None:
    """Outputs and gradients of both ways, within what the order of sums changes."""
    ones = image(size, channels)

    def both(way: Callable[[Call, Tensor], Tensor]) -> list[Tensor]:
        total = way(lambda x: network(x).pow(3).sum(), ones)
        return [total.detach(), *torch.autograd.grad(total, list(network.parameters()))]

    for plain, once in zip(both(lambda call, x: call(x)), both(run), strict=True):
        assert torch.allclose(plain, once, rtol=1e-10, atol=1e-10 * float(plain.abs().max()))


@given(
    size=st.integers(1, 40),
    cut=st.tuples(st.integers(0, 39), st.integers(1, 40)),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 3),
    padding=st.integers(0, 4),
    dilation=st.integers(1, 2),
)
def test_equal_outputs_look_at_equal_inputs(
    size: int, cut: tuple[int, int], kernel: int, stride: int, padding: int, dilation: int
) -> None:
    """Against a list of what each output looks at."""
    start = min(cut[0], size - 1)
    span = Span(size, start, min(start + cut[1], size))
    count = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    if count < 1:
        return
    looks = [[o * stride - padding + k * dilation for k in range(kernel)] for o in range(count)]
    inner = [o for o, at in enumerate(looks) if all(span.start <= p < span.stop for p in at)]
    found = span.behind(kernel, stride, padding, dilation)
    assert found.size == count
    assert list(range(found.start, found.stop)) == inner or (len(inner) <= 1 and found.stop - found.start == 1)
    assert 0 <= found.start < found.stop <= count


def test_positions_are_held_once() -> None:
    span = Span(8, 2, 6)  # 0 1 2 2 2 2 3 4
    assert span.without(0, 0) == [0, 1, 2, 2, 2, 2, 3, 4]
    assert span.without(4, 6) == [0, 1, 2, 2, 3, 4]
    assert span.common(Span(8, 3, 8)) == Span(8, 3, 6)
    assert span.common(Span(8, 7, 8)) == Span(8, 7, 8)


@pytest.mark.parametrize("name", ["resnet20", "resnet56", "vgg16", "lenet5", "resnet18"])
def test_networks(name: str) -> None:
    channels = 1 if name == "lenet5" else 3
    network = drawn(registry.load("network", name)(4, channels))
    ones = torch.ones(1, channels, 32, 32, dtype=torch.float64)
    if name == "lenet5":
        ones = ones[..., :28, :28]
    with torch.no_grad():
        assert torch.allclose(network(ones), run(network, ones), rtol=1e-10)


@pytest.mark.parametrize("size", [5, 12, 33])
def test_windows_of_every_kind(size: int) -> None:
    layers = (
        *(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)),
        *(nn.Conv2d(4, 4, (1, 3), padding=(0, 1), groups=2), nn.AvgPool2d(2, 1, 1), nn.ReLU()),
        *(nn.Conv2d(4, 3, 3, 2, padding=2, dilation=2), nn.MaxPool2d(2, ceil_mode=True)),
        *(nn.Conv2d(3, 3, 3, padding="same", bias=False), nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect")),
    )
    same(drawn(nn.Sequential(*(layers if size > 5 else layers[:8]))), size)


def test_less_is_computed() -> None:
    """Three convolutions of 3 x 3 on 40 x 43: 3, 5 and 7 rows and columns are unlike each other."""
    network = nn.Sequential(*(nn.Conv2d(2, 2, 3, padding=1) for _ in range(3))).double()
    with FlopCounterMode(display=False) as counter:
        run(network, image(40))
    each = 2 * (2 * 3 * 3) * 2  # of one position: multiply-adds x 2, two output channels
    read = [3, 5, 7]  # rows of what each gives
    assert counter.get_total_flops() == each * sum(rows * rows for rows in read)


class Residual(nn.Module):
    """Two ways that are added: one sees less of the border; then channels side by side, and an attention to all."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.gate, self.last, self.in_place = nn.Conv2d(4, 4, 1), nn.Conv2d(8, 2, 3, padding=1), in_place

    def forward(self, x: Tensor) -> Tensor:
        first = F.relu(self.first(x))
        second = self.second(first)
        if self.in_place:
            second += first
        else:
            second = first + second
        both = torch.cat([second, second * torch.sigmoid(self.gate(second.mean((2, 3), keepdim=True)))], 1)
        out: Tensor = self.last(both)[:, :, 1:]
        return out.flatten(1)


@pytest.mark.parametrize("in_place", [False, True])
def test_sums_and_what_needs_the_whole(in_place: bool) -> None:
    same(drawn(Residual(in_place)), 20)


def through_a_view(x: Tensor, first: nn.Module) -> Tensor:
    out: Tensor = first(x)
    out[:, :1].mul_(3)
    return out


def after_a_view(x: Tensor, first: nn.Module) -> Tensor:
    out: Tensor = first(x)
    seen = out[:, :1]
    F.relu(out, inplace=True)
    return out.sum() + seen


def by_an_item(x: Tensor, first: nn.Module) -> Tensor:
    out: Tensor = first(x)
    out[:, :, 0] = 5.0
    return out


def narrower(x: Tensor, first: nn.Module) -> Tensor:
    wide, out = first(x), first(first(x))
    wide += out
    return out + wide


@pytest.mark.parametrize("forward", [through_a_view, after_a_view, by_an_item, narrower])
def test_changes_in_place_are_seen(forward: Callable[[Tensor, nn.Module], Tensor]) -> None:
    """What cannot be followed is computed on the whole image."""
    first = drawn(nn.Conv2d(2, 2, 3, padding=1), seed=3)
    ones = image(9)
    with torch.no_grad():
        assert torch.allclose(run(lambda x: forward(x, first), ones), forward(ones, first), rtol=1e-12)


def test_batch_norm_of_the_batch_needs_the_whole() -> None:
    same(
        drawn(nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3, track_running_stats=False))), 9
    )


def test_shapes_are_those_of_the_whole() -> None:
    with Once() as once:
        held = once.hold(image(6))
        assert held.shape == (1, 2, 6, 9)
        assert held.size(3) == 9
    assert held.shape == (1, 2, 1, 1)


@pytest.mark.parametrize("shape", [(1, 6), (1, 2, 6), (1, 2, 3, 4, 5)])
def test_what_is_no_image_is_taken_as_it_is(shape: tuple[int, ...]) -> None:
    seen = []
    assert run(lambda x: seen.append(x.shape) or x.sum(), torch.ones(shape)) == torch.ones(shape).sum()  # type: ignore[func-returns-value]
    assert seen == [shape]


def test_a_network_says_itself_what_is_wrong() -> None:
    with pytest.raises(RuntimeError, match="Kernel size can't be greater"):
        run(nn.Conv2d(2, 2, 9).double(), image(4))
