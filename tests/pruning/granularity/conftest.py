"""Small networks, one per way in which channels couple, and an independent emulation of removal."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairprune.networks.channel_pad import ChannelPad
from fairprune.pruning.plan import ChannelPlan

IMAGE = (2, 3, 8, 8)


def conv(inputs: int, outputs: int, size: int = 3, **options: object) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, padding=size // 2, **options)


class Residual(nn.Module):
    """Blocks of two convolutions; `shortcuts` between 6 and 10 channels: padding (A) or projection (B)."""

    def __init__(self, shortcuts: str) -> None:
        super().__init__()
        self.stem, self.bn = conv(3, 6, bias=False), nn.BatchNorm2d(6)
        self.a1, self.a2, self.bn_a = conv(6, 5), conv(5, 6), nn.BatchNorm2d(6)
        self.b1, self.b2, self.bn_b = conv(6, 7, stride=2), conv(7, 10), nn.BatchNorm2d(10)
        self.c1, self.c2, self.bn_c = conv(10, 8, stride=2), conv(8, 14), nn.BatchNorm2d(14)
        self.b = ChannelPad(6, 10) if shortcuts == "A" else conv(6, 10, 1, stride=2)
        self.c = ChannelPad(10, 14) if shortcuts == "A" else conv(10, 14, 1, stride=2)
        self.fc = nn.Linear(14, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.stem(x)))
        x = F.relu(x + self.bn_a(self.a2(F.relu(self.a1(x)))))
        x = F.relu(self.bn_b(self.b2(F.relu(self.b1(x)))) + self.b(x))
        x = F.relu(self.bn_c(self.c2(F.relu(self.c1(x)))) + self.c(x))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class PreActivation(nn.Module):
    """Batch norm in front: also over the zeros of option A."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.pad = conv(3, 6), ChannelPad(6, 10)
        self.bn1, self.c1, self.bn2, self.c2 = nn.BatchNorm2d(6), conv(6, 5, stride=2), nn.BatchNorm2d(5), conv(5, 10)
        self.bn3, self.fc = nn.BatchNorm2d(10), nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.pad(x) + self.c2(F.relu(self.bn2(self.c1(F.relu(self.bn1(x))))))
        return self.fc(F.relu(self.bn3(x)).mean((2, 3)))


class PaddedAlone(nn.Module):
    """Zeros that nothing is added to: behind batch norm they are constants, and have to stay."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.pad, self.bn, self.fc = conv(3, 6), ChannelPad(6, 10), nn.BatchNorm2d(10), nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.bn(self.pad(self.stem(x))).amax((2, 3)))


class Dense(nn.Module):
    """Concatenation, DenseNet's way, the input image among the parts."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 6)
        self.bns = nn.ModuleList(nn.BatchNorm2d(9 + 4 * i) for i in range(3))
        self.convs = nn.ModuleList(conv(9 + 4 * i, 4, bias=False) for i in range(2))
        self.transition, self.fc = conv(17, 7, 1), nn.Linear(7, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([x, self.stem(x)], 1)
        for i in range(2):
            x = torch.cat((x, self.convs[i](F.relu(self.bns[i](x)))), dim=1)
        x = F.avg_pool2d(self.transition(F.relu(self.bns[2](x))), 2)
        return self.fc(x.mean([2, 3]))


class Mobile(nn.Module):
    """Depthwise convolutions (one with a multiplier, one on the input) and squeeze-and-excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.point = conv(3, 6, groups=3), conv(6, 8, 1)
        self.depth, self.bn, self.wide = conv(8, 8, groups=8), nn.BatchNorm2d(8), conv(8, 16, groups=8, bias=False)
        self.squeeze, self.excite = conv(16, 5, 1), conv(5, 16, 1)
        self.down, self.up, self.gate, self.fc = conv(16, 8, 1), nn.Linear(8, 3), nn.Linear(3, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.hardswish(self.bn(self.depth(self.point(self.first(x)))))
        x = self.wide(x)
        x = x * self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(x, 1)))).sigmoid()
        x = self.down(x)
        b, c, _, _ = x.size()
        x = x * torch.sigmoid(self.gate(F.relu(self.up(x.mean((2, 3)))))).view(b, c, 1, 1)
        return self.fc(x.mean(3).mean(2))


class Shared(nn.Module):
    """A convolution, a batch norm and a PReLU that are called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.twice, self.bn, self.act = conv(3, 6), conv(6, 6), nn.BatchNorm2d(6), nn.PReLU(6)
        self.last, self.fc = conv(6, 5), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.bn(self.twice(self.stem(x))))
        x = self.act(self.bn(self.twice(x)))
        return self.fc(self.last(x).flatten(2).mean(-1))


class Tied(nn.Module):
    """Two convolutions that share one weight: both stay whole; their neighbours need not."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.one, self.two, self.last = conv(3, 6), conv(6, 6), conv(6, 6), conv(6, 5)
        self.two.weight = self.one.weight
        self.fc = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.last(self.two(self.one(self.stem(x)))).amax((2, 3)))


class Hourglass(nn.Module):
    """Transposed convolutions, resizing, a skip by concatenation, instance norm; an image comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = conv(3, 6), conv(6, 8, stride=2)
        self.norm, self.up = nn.InstanceNorm2d(8, affine=True), nn.ConvTranspose2d(8, 5, 2, stride=2)
        self.depth = nn.ConvTranspose2d(5, 10, 3, padding=1, groups=5)
        self.merge, self.last = conv(16, 4), nn.ConvTranspose2d(4, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        skip = F.leaky_relu(self.down1(x))
        low = self.norm(self.down2(skip))
        high = self.depth(F.interpolate(F.avg_pool2d(self.up(low), 2), size=skip.shape[2:]))
        return self.last(F.pad(self.merge(torch.cat([skip, high], 1)), (0, 0, 0, 0)))


class Mixing(nn.Module):
    """Grouped convolution, group and layer norm, attention, a literal size, a constant per channel: kept whole."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.grouped, self.free = conv(3, 8), conv(8, 8, groups=2), conv(8, 6)
        self.group, self.b, self.layer = nn.GroupNorm(2, 8), conv(6, 8), nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.hidden, self.scale, self.c = nn.Linear(8, 6), nn.Parameter(torch.rand(6)), conv(6, 5)
        self.d, self.fc = conv(5, 3), nn.Linear(3 * 64, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.b(F.relu(self.free(self.group(self.grouped(self.stem(x))))))
        x = self.layer(x.flatten(2).transpose(1, 2))
        x = x + self.attention(x, x, x, need_weights=False)[0]
        x = (self.hidden(x) * self.scale).permute(0, 2, 1)
        x = self.d(self.c(x.reshape(x.shape[0], x.shape[1], 8, 8)))
        return self.fc(x.reshape(-1, 192))


class Scaled(nn.Module):
    """The number of channels enters as a factor: fewer channels would change what comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.fc = conv(3, 6), conv(6, 5), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.fc((self.b(x) / x.shape[1]).mean((2, 3)))


class Mixer(nn.Module):
    """Channels last, linear layers on every position."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.up, self.down = nn.Conv2d(3, 6, 2, 2), nn.Linear(6, 10), nn.Linear(10, 6)
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).permute(0, 2, 3, 1)
        x = x + self.down(F.gelu(self.up(x)))
        return self.fc(x.mean(dim=(1, 2)))


class Auxiliary(nn.Module):
    """A second head that only training runs."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.bn, self.b = conv(3, 6), nn.BatchNorm2d(6), conv(6, 5)
        self.aux, self.fc = nn.Linear(6, 4), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.a(x))
        out = self.fc(self.b(x).mean((2, 3)))
        return out + self.aux(x.mean((2, 3))) if self.training else out


def volume() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(3, 5, 3),
        nn.BatchNorm3d(5),
        nn.PReLU(),
        nn.MaxPool3d(2),
        nn.Flatten(),
        nn.Linear(40, 6),
        nn.Linear(6, 4),
    )


def sequence() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(3, 6, 3), nn.BatchNorm1d(6), nn.ReLU(), nn.AvgPool1d(2), nn.ConvTranspose1d(6, 5, 2), nn.Flatten(1),
        nn.Linear(20, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 4),
    )  # fmt: skip


def plain() -> nn.Module:
    return nn.Sequential(
        conv(3, 6, bias=False), nn.BatchNorm2d(6), nn.ReLU(True), nn.MaxPool2d(2), conv(6, 5), nn.SiLU(), nn.Flatten(),
        nn.Linear(80, 9), nn.Tanh(), nn.Linear(9, 4),
    )  # fmt: skip


ZOO: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "plain": (plain, IMAGE),
    "sequence": (sequence, (2, 3, 8)),
    "volume": (volume, (2, 3, 6, 6, 6)),
    "option-A": (lambda: Residual("A"), IMAGE),
    "option-B": (lambda: Residual("B"), IMAGE),
    "pre-activation": (PreActivation, IMAGE),
    "padded-alone": (PaddedAlone, IMAGE),
    "dense": (Dense, IMAGE),
    "mobile": (Mobile, IMAGE),
    "shared": (Shared, IMAGE),
    "tied": (Tied, IMAGE),
    "hourglass": (Hourglass, IMAGE),
    "mixing": (Mixing, IMAGE),
    "scaled": (Scaled, IMAGE),
    "mixer": (Mixer, IMAGE),
    "auxiliary": (Auxiliary, IMAGE),
}


def randomised(network: nn.Module) -> nn.Module:
    """Double precision, in evaluation, with statistics and weights in which every channel differs."""
    draw = torch.Generator().manual_seed(1)
    network = network.double().eval()
    with torch.no_grad():
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if tensor.is_floating_point():
                values = torch.rand(tensor.shape, generator=draw, dtype=torch.float64)
                tensor.copy_(values + 0.5 if "var" in name else values - 0.4)
    return network


@pytest.fixture
def randomise() -> Callable[[nn.Module], nn.Module]:
    """See randomised."""
    return randomised


@pytest.fixture(params=ZOO)
def graph(request: pytest.FixtureRequest) -> tuple[str, nn.Module, Tensor]:
    """Each network of the zoo: its name, the network, an example."""
    build, shape = ZOO[request.param]
    example = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    return request.param, randomised(build()), example


@pytest.fixture
def zoo() -> Callable[[str], tuple[nn.Module, Tensor]]:
    """One network of the zoo by name, with an example."""

    def build(name: str) -> tuple[nn.Module, Tensor]:
        make, shape = ZOO[name]
        return randomised(make()), torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    return build


@pytest.fixture
def emulated() -> Callable[[nn.Module, ChannelPlan, Tensor], Tensor]:
    """What the dense network yields when removed channels are zero at the input of every layer that reads them."""

    def run(network: nn.Module, plan: ChannelPlan, example: Tensor) -> Tensor:
        dense = copy.deepcopy(network)
        for side, kept in plan.kept.items():
            name, _, which = side.rpartition("/")
            module = dense.get_submodule(name)
            if which == "in" and not isinstance(module, ChannelPad):
                axis = -1 if isinstance(module, nn.Linear) else 1
                module.register_forward_pre_hook(
                    lambda _module, args, kept=kept, axis=axis: (zeroed(args[0], kept, axis), *args[1:])
                )
        with torch.no_grad():
            return dense(example)

    return run


def zeroed(tensor: Tensor, kept: Tensor, axis: int) -> Tensor:
    mask = torch.zeros(tensor.shape[axis], dtype=tensor.dtype).index_fill(0, kept, 1)
    return tensor * (mask if axis == -1 else mask.reshape(-1, *[1] * (tensor.ndim - 2)))
