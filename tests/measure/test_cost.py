"""The cost counter: by hand, against torch's counter, against published counts; and it changes nothing."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fairprune.errors import NetworkError, PruneError
from fairprune.measure import shadow
from fairprune.measure.cost import Cost, LayerCost, count
from fairprune.networks.densenet import densenet40
from fairprune.networks.resnet_cifar import resnet20, resnet56
from fairprune.networks.resnet_imagenet import resnet34
from fairprune.networks.vgg import vgg16
from fairprune.record import Size


@pytest.fixture(params=["copy", "shadow"], autouse=True)
def _way(request, monkeypatch):
    """Every count both ways: on a copy, as small networks run, and on a shadow, as large ones do."""
    monkeypatch.setattr(shadow, "SMALL_NETWORK", 0 if request.param == "shadow" else 10**9)


def only(network, example, masks=None):
    (layer,) = [layer for layer in count(network, example, masks).layers if layer.macs]
    return layer


@pytest.mark.parametrize(
    ("layer", "shape", "positions", "params", "macs"),
    [
        (nn.Linear(5, 7), (4, 5), 1, 42, 35),
        (nn.Linear(5, 7, bias=False), (4, 3, 5), 3, 35, 105),
        (nn.Conv1d(3, 4, 5, stride=2), (2, 3, 11), 4, 64, 240),
        (nn.Conv2d(3, 8, 3, padding=1), (2, 3, 6, 5), 30, 224, 30 * 216),
        (nn.Conv2d(4, 8, 3, padding=1, groups=2, bias=False), (2, 4, 6, 5), 30, 144, 30 * 144),
        (nn.Conv2d(4, 8, 3, groups=4, dilation=2), (2, 4, 6, 6), 4, 80, 4 * 72),
        (nn.Conv3d(2, 3, 2), (1, 2, 4, 4, 4), 27, 51, 27 * 48),
        (nn.ConvTranspose2d(3, 5, 4, stride=2), (2, 3, 6, 5), 30, 245, 30 * 240),
        (nn.ConvTranspose1d(4, 6, 3, groups=2, bias=False), (2, 4, 7), 7, 36, 7 * 36),
    ],
)
def test_one_layer_by_hand(layer, shape, positions, params, macs):
    found = only(nn.Sequential(layer), torch.zeros(shape))
    kind = "linear" if isinstance(layer, nn.Linear) else "convolution"
    assert found == LayerCost("0", kind, params, macs, positions)
    assert count(layer, torch.zeros(shape)).size == Size(params=params, macs=macs)


def test_masks_count_kept_weights_times_positions():
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(128, 10))
    example = torch.zeros(2, 3, 6, 6)
    draw = torch.Generator().manual_seed(0)
    masks = {
        name: torch.rand(network.get_parameter(name).shape, generator=draw) < 0.3 for name in ("0.weight", "3.weight")
    }
    a, b = (int(mask.sum()) for mask in masks.values())
    cost = count(network, example, masks)
    assert cost.macs == 16 * a + b
    assert cost.params == a + 8 + 16 + b + 10
    assert [layer.positions for layer in cost.layers] == [16, 0, 1]


class Attention(nn.Module):
    def __init__(self, fused):
        super().__init__()
        self.qkv, self.out, self.fused = nn.Linear(8, 24), nn.Linear(8, 8), fused

    def forward(self, x):
        q, k, v = self.qkv(x).reshape(len(x), -1, 3, 2, 4).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v) if self.fused else (q @ k.mT / 2).softmax(-1) @ v
        return self.out(y.transpose(1, 2).flatten(2))


@pytest.mark.parametrize("fused", [True, False])
def test_attention_by_hand(fused):
    """5 positions, width 8, 2 heads: 5*8*24 for q, k, v; 2 * (2*5*5*4) for the products; 5*8*8 behind."""
    cost = count(Attention(fused), torch.zeros(3, 5, 8))
    assert {layer.name: layer.macs for layer in cost.layers} == {"qkv": 960, "": 400, "out": 320}
    assert {layer.name: layer.kind for layer in cost.layers}[""] == "product"


@pytest.mark.parametrize("batch_first", [True, False])
def test_multihead_attention_by_hand(batch_first):
    class Cross(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=batch_first)

        def forward(self, x):
            q, k = (x[:, :3], x) if batch_first else (x[:, :3].transpose(0, 1), x.transpose(0, 1))
            return self.attention(q, k, k)[0]

    network = Cross()
    cost = count(network, torch.zeros(2, 5, 8))
    # 3 queries, 5 keys and values: projections 3*8*8 + 2 * 5*8*8, products 2 * (3*5*8), output 3*8*8
    assert cost.macs == 192 + 640 + 240 + 192
    mask = torch.zeros(24, 8, dtype=torch.bool)
    mask[:8, 0] = True  # of the queries' rows, one column
    masked = count(network, torch.zeros(2, 5, 8), {"attention.in_proj_weight": mask})
    assert masked.macs == 3 * 8 + 240 + 192
    assert next(layer for layer in cost.layers if layer.name == "attention").positions == 0  # not equally often


def test_functional_and_shared_weights():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.kernel, self.matrix = nn.Parameter(torch.rand(4, 3, 3, 3)), nn.Parameter(torch.rand(4, 4))

        def forward(self, x):
            x = F.conv2d(x, self.kernel).mean((2, 3))
            for _ in range(3):
                x = F.linear(x, self.matrix)
            return x @ self.matrix.T

    cost = count(Functional(), torch.zeros(2, 3, 5, 5))
    assert cost.macs == 9 * 108 + 4 * 16
    mask = torch.eye(4, dtype=torch.bool)
    assert count(Functional(), torch.zeros(2, 3, 5, 5), {"matrix": mask}).macs == 9 * 108 + 4 * 4
    shared = nn.Linear(4, 4)
    assert count(nn.Sequential(shared, shared), torch.zeros(1, 4)).layers == (LayerCost("0", "linear", 20, 32, 2),)


def test_weights_that_are_not_used_equally_often_have_no_positions():
    class Partly(nn.Module):
        def __init__(self):
            super().__init__()
            self.matrix = nn.Parameter(torch.rand(4, 4))

        def forward(self, x):
            return F.linear(F.linear(x, self.matrix), self.matrix[:2])

    assert only(Partly(), torch.zeros(1, 4)) == LayerCost("", "linear", 16, 24, 0)


@pytest.mark.parametrize("size", [(2, 3, 16, 16), (1, 3, 24, 20)])
def test_agrees_with_torch(size):
    """FlopCounterMode counts two per multiply-add, for the batch."""
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ConvTranspose2d(8, 6, 3, stride=2), nn.Conv2d(6, 6, 3, groups=3),
        nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 10),
    ).eval()  # fmt: skip
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        network(torch.zeros(size))
    assert count(network, torch.zeros(size)).macs * 2 * size[0] == flops.get_total_flops()


@pytest.mark.parametrize("build", [resnet20, densenet40])
def test_agrees_with_torch_on_networks(build):
    network = build(10, 3).eval()
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        network(torch.zeros(1, 3, 32, 32))
    cost = count(network, torch.zeros(1, 3, 32, 32))
    assert cost.macs * 2 == flops.get_total_flops()
    assert cost.params == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("build", "classes", "side", "macs", "params"),
    [
        (vgg16, 10, 32, 313.46e6, 14.99e6),
        (resnet56, 10, 32, 125.49e6, 0.853e6),
        (resnet34, 100, 224, 3.6633e9, 21.336e6),
    ],
)
def test_published_counts(build, classes, side, macs, params):
    """Liu et al. 2019 for VGG-16 and ResNet-56, Wang et al. 2023 for ResNet-34 with 100 classes; on the meta device."""
    with torch.device("meta"):
        network = build(classes, 3)
        cost = count(network, torch.zeros(1, 3, side, side))
    assert cost.macs == pytest.approx(macs, rel=5e-5)
    assert cost.params == pytest.approx(params, rel=5e-4)


def test_nothing_is_changed():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.Linear(64, 2))
    network(torch.rand(5, 3, 6, 6)).sum().backward()
    network.train()
    network[1].eval()
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    gradients = [p.grad.clone() for p in network.parameters()]
    flags = [module.training for module in network.modules()]
    random = torch.random.get_rng_state()
    count(network, torch.zeros(2, 3, 6, 6), {"0.weight": torch.ones(4, 3, 3, 3, dtype=torch.bool)})
    assert torch.equal(random, torch.random.get_rng_state())
    assert torch.is_grad_enabled()
    assert all(torch.equal(state[name], tensor) for name, tensor in network.state_dict().items())
    assert all(torch.equal(a, p.grad) for a, p in zip(gradients, network.parameters(), strict=True))
    assert flags == [module.training for module in network.modules()]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


class NeedsNumbers(nn.Module):
    """Reads a value, draws at random and counts its calls: nothing that a shadow can do."""

    def __init__(self):
        super().__init__()
        self.linear, self.calls, self.scale = nn.Linear(4, 4), 0, torch.ones(1, 4)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        self.seen += 1
        keep = int(self.scale.sum().item())
        return F.dropout(self.linear(x * self.scale), 0.5, training=True)[:, :keep]


def test_networks_that_need_numbers_run_on_a_copy():
    network, example = NeedsNumbers(), torch.rand(2, 4)
    random = torch.random.get_rng_state()
    assert count(network, example).macs == 16
    assert torch.equal(random, torch.random.get_rng_state())
    assert network.calls == 0
    assert network.seen == 0
    assert network.training


def test_training_only_parts_cost_no_multiply_adds():
    class Auxiliary(nn.Module):
        def __init__(self):
            super().__init__()
            self.main, self.aux = nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x):
            return (self.main(x), self.aux(x)) if self.training else self.main(x)

    cost = count(Auxiliary().train(), torch.zeros(1, 4))
    assert cost.size == Size(params=20, macs=8)
    assert cost == Cost((LayerCost("main", "linear", 10, 8, 1), LayerCost("aux", "other", 10, 0, 0)))


def test_masks_that_do_not_fit():
    network = nn.Sequential(nn.Linear(4, 2))
    with pytest.raises(PruneError, match=r"unknown parameter of a mask '0.weigt'; did you mean '0.weight'"):
        count(network, torch.zeros(1, 4), {"0.weigt": torch.ones(2, 4).bool()})
    with pytest.raises(PruneError, match=r"mask of 0.weight has shape \[4, 2\], expected \[2, 4\]"):
        count(network, torch.zeros(1, 4), {"0.weight": torch.ones(4, 2).bool()})
    with pytest.raises(PruneError, match=r"mask of 0.weight holds torch.float32, expected torch.bool"):
        count(network, torch.zeros(1, 4), {"0.weight": torch.ones(2, 4)})


def test_masked_weights_that_are_changed_first_are_refused():
    """A standardised weight has no zeros where its mask has them."""

    class Standardised(nn.Conv2d):
        def forward(self, x):
            return F.conv2d(x, self.weight - self.weight.mean((1, 2, 3), keepdim=True))

    network, example = Standardised(3, 4, 3), torch.zeros(1, 3, 5, 5)
    assert count(network, example).macs == 9 * 108
    with pytest.raises(NetworkError, match="masked weight goes through"):
        count(network, example, {"weight": torch.ones(4, 3, 3, 3, dtype=torch.bool)})


class Bilinear(nn.Module):
    def __init__(self):
        super().__init__()
        self.bilinear = nn.Bilinear(4, 4, 2)

    def forward(self, x):
        return self.bilinear(x, x)


def test_products_without_a_rule_are_refused():
    with pytest.raises(NetworkError, match="layer 'bilinear' calls _trilinear, whose multiply-adds cannot be counted"):
        count(Bilinear(), torch.zeros(1, 4))


def test_an_example_that_does_not_fit():
    with pytest.raises(NetworkError, match=r"Linear does not run on an example of shape \[1, 5\]: "):
        count(nn.Linear(4, 2), torch.zeros(1, 5))
