"""How steps are made: without waiting for the device, from a graph, compiled; and as one by one where a method asks."""

import copy
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from fairprune import registry, schedules
from fairprune.data.batches import Loader
from fairprune.data.resident import ResidentSplit
from fairprune.hook import Hook
from fairprune.measure.accuracy import classification
from fairprune.spec import Recipe
from fairprune.train import Course, fit, way

CPU = torch.device("cpu")
AUGMENT = ("pad-crop:1", "flip")


def split(n, side):
    generator = torch.Generator().manual_seed(n)
    images = torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8, generator=generator)
    return ResidentSplit("train", "", torch.arange(n) % 3, images)


def course(device=CPU, side=4, **changes):
    """Three batches of 8 and one of 4 an epoch, augmented, for two epochs."""
    recipe = Recipe(schedule="constant:0.1 total:2", batch_size=8, augment=AUGMENT)
    train, validation = (
        Loader(split(n, side), 8, device, (0.5,) * 3, (0.25,) * 3, augment, channels_last=True)
        for n, augment in ((28, AUGMENT), (9, ()))
    )
    schedule = schedules.parse(recipe.schedule)
    return replace(Course(recipe, schedule, train, validation, classification, seed=3), **changes)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(16, 3)
    )


class EpochEndError(BaseException):
    """The last step of an epoch has been made."""


class Copies(TorchDispatchMode):
    """Notes every copy from one device to another."""

    def __init__(self):
        super().__init__()
        self.made = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        devices = {t.device.type for t in tree_flatten((args, kwargs, out))[0] if isinstance(t, torch.Tensor)}
        if func in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default) and len(devices) > 1:
            self.made.append(func)
        return out


def test_no_step_of_an_epoch_waits_for_the_device_or_gets_anything_from_the_host(monkeypatch):
    """The meta device has no values: what reads one (item, nonzero, a boolean index, a copy to the host) raises."""
    copies, at = Copies(), []

    def end(_):
        raise EpochEndError

    hook = Hook(on_step=lambda _: at.append(len(copies.made)), on_epoch=end)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which does not know the meta device
    meta = torch.device("meta")
    net = registry.load("network", "resnet20")(3, 3).to(meta)
    masks = ((net.conv1.weight, torch.ones_like(net.conv1.weight, dtype=torch.bool)),)
    with copies, pytest.raises(EpochEndError):
        fit(net, course(meta, side=32, masks=masks, hook=hook))
    assert len(at) == 4
    assert at[0] > 0  # order, labels and augmentation of the whole epoch
    assert at[0] == at[-1]


def test_what_reads_a_value_would_be_noticed():
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        torch.zeros(2, device="meta").sum().item()
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        torch.zeros(2, device="meta").cpu()
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        torch.zeros(2, device="meta")[torch.zeros(2, dtype=torch.bool, device="meta")]


class Tape(TorchDispatchMode):
    """A CUDA graph in slow motion: notes operations and the very tensors that they read and write, and repeats them."""

    def __init__(self):
        super().__init__()
        self.calls, self.replays = [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, out))
        return out

    def replay(self):
        self.replays += 1
        with torch.no_grad():
            for func, args, kwargs, out in self.calls:
                again = func(*args, **kwargs)
                for old, new in zip(tree_flatten(out)[0], tree_flatten(again)[0], strict=True):
                    if isinstance(old, torch.Tensor):
                        old.copy_(new)


@pytest.fixture
def tapes(monkeypatch):
    """Captures on the CPU by tapes; as on the device, what is captured has no effect until it is replayed."""
    made = []

    def tape():
        made.append(Tape())
        return made[-1]

    @contextmanager
    def capture(tape):
        buffers = [(buffer, buffer.clone()) for buffer in made_for[0].buffers()]
        with torch.random.fork_rng(devices=[]), tape:
            yield
        for buffer, old in buffers:
            buffer.copy_(old)

    class Stream:
        def wait_stream(self, other):
            pass

    made_for = []
    fork = torch.random.fork_rng
    monkeypatch.setattr(torch.random, "fork_rng", lambda *_, **__: fork(devices=[]))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", tape)
    monkeypatch.setattr(torch.cuda, "graph", capture)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: nullcontext())
    return lambda net: (made_for.append(net), made)[1]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_from_a_graph_training_is_what_it_is_step_by_step(tapes, precision):
    """To the last bit: dropout, statistics of batch norm, a smaller last batch, masks."""
    plain, graphed = network(), network()
    mask = torch.arange(48).view(3, 16) % 2 == 0

    def trained(net, step):
        return fit(net, course(precision=precision, masks=((net[5].weight, mask),), step=step))

    expected = trained(plain, "eager")
    made = tapes(graphed)
    assert trained(graphed, "graph") == expected
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, graphed.state_dict()[name]), name
    assert [tape.replays for tape in made] == [6]  # captured once; not the two batches of 4


@pytest.mark.parametrize(
    ("step", "hook", "forward_hook", "expected"),
    [
        ("graph", None, False, "graph"),
        ("graph", Hook(), False, "eager"),
        ("graph", None, True, "eager"),
        ("compile", Hook(), False, "compile"),
        ("compile", Hook(), True, "eager"),
        ("eager", None, False, "eager"),
    ],
)
def test_methods_that_are_in_the_way_have_their_steps_made_one_by_one(step, hook, forward_hook, expected):
    net = network()
    if forward_hook:
        net[0].register_forward_hook(lambda *_: None)
    assert way(net, course(step=step, hook=hook)) == expected


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the compiler's own
def test_compiled_training_has_the_same_losses():
    plain = network()
    plain[4] = nn.Identity()  # a compiled dropout draws other numbers
    compiled = copy.deepcopy(plain)
    curves = [fit(plain, course()), fit(compiled, course(step="compile"))]
    for old, new in zip(*curves, strict=True):
        assert new == pytest.approx(old, rel=1e-4)
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(compiled.state_dict()[name], tensor, rtol=1e-3, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_on_a_gpu_nothing_synchronises_and_a_graph_trains_as_steps_do(precision):
    device = torch.device("cuda")
    base = registry.load("network", "resnet20")(3, 3).to(device)
    curves = []
    for step in ("eager", "graph"):
        net = copy.deepcopy(base)
        curves.append(fit(net, course(device, side=32, precision=precision, step=step)))
    assert curves[1][-1]["train_loss"] == pytest.approx(curves[0][-1]["train_loss"], rel=1e-2)
    strict = Hook(
        on_step=lambda _: torch.cuda.set_sync_debug_mode("error"),
        on_epoch=lambda _: torch.cuda.set_sync_debug_mode("default"),
    )
    fit(base, course(device, side=32, precision=precision, hook=strict))
