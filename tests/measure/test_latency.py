"""Latency: what is measured is the network as it stands, in turn, under conditions that are named."""

import pytest
import torch
from torch import nn

import fairprune as fp
from fairprune.errors import SpecError
from fairprune.measure import latency
from fairprune.measure.conditions import Conditions, batch
from fairprune.measure.latency import Timed, by_clock, by_events, compare_latency
from fairprune.measure.timing import FEWEST, Estimate

EXAMPLE = torch.zeros(2, 1, 6, 6)
QUICK = Conditions(batch_sizes=(1, 3), seconds=1e-3, threads=1)


class Watched(nn.Module):
    """A convolution that writes down what it sees."""

    def __init__(self, seen, name, channels=1):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3)
        self.seen, self.name = seen, name

    def forward(self, inputs):
        layouts = [t.is_contiguous(memory_format=torch.channels_last) for t in (inputs, self.conv.weight)]
        outputs = self.conv(inputs)
        self.seen.append((self.name, tuple(inputs.shape), self.training, outputs.requires_grad, layouts, outputs.dtype))
        return outputs

    def __deepcopy__(self, memo):
        return Watched(self.seen, self.name, self.conv.in_channels)


@pytest.fixture
def few_calls(monkeypatch):
    monkeypatch.setattr("fairprune.measure.timing.WARM", 0.0)
    monkeypatch.setattr("fairprune.measure.timing.BLOCK", 1e-9)
    monkeypatch.setattr("fairprune.measure.timing.SHORT", 0.0)


@pytest.mark.usefixtures("few_calls")
def test_networks_take_turns_at_each_batch_size():
    seen = []
    networks = {name: Watched(seen, name).train() for name in ("dense", "small")}
    found = compare_latency(networks, EXAMPLE, QUICK)
    assert [timed.batch_size for timed in found] == [1, 3]
    assert {shape for _, shape, *_ in seen} == {(1, 1, 6, 6), (3, 1, 6, 6)}
    assert not any(training or gradients for _, _, training, gradients, _, _ in seen)
    first = [name for name, shape, *_ in seen if shape[0] == 1]
    assert first[:6] == ["dense", "small"] + ["dense"] * 2 + ["small"] * 2  # memory, then warming up
    assert first[6:10] == ["dense", "small", "small", "dense"]
    assert all(timed.rounds >= FEWEST and timed.seconds.keys() == networks.keys() for timed in found)
    assert all(network.training for network in networks.values())


@pytest.mark.usefixtures("few_calls")
@pytest.mark.parametrize("last", [True, False])
def test_conditions_hold_while_it_runs(last):
    seen = []
    conditions = Conditions((3,), 1e-3, threads=1, channels_last=last, precision="bf16" if last else "fp32")
    compare_latency({"dense": Watched(seen, "dense", 2)}, torch.zeros(1, 2, 6, 6), conditions)
    assert all(layouts == [last, last] for *_, layouts, _ in seen)
    assert {dtype for *_, dtype in seen} == {torch.bfloat16 if last else torch.float32}
    assert str(conditions).split(", ")[1:5] == [
        "cpu",
        "1 thread",
        "bf16" if last else "fp32",
        "channels last" if last else "contiguous",
    ]


def test_threads_are_those_asked_for_and_put_back(monkeypatch):
    set_to = []
    monkeypatch.setattr(latency, "_at", lambda *_: set_to.append(torch.get_num_threads()))
    before = torch.get_num_threads()
    compare_latency({}, EXAMPLE, Conditions((1,), threads=before + 1))
    assert set_to == [before + 1]
    assert torch.get_num_threads() == before


def test_what_a_batch_size_says():
    timed = Timed(8, {"dense": (0.4,) * 7, "small": (0.2, 0.2, 0.2, 0.1, 0.2, 0.2, 0.4)})
    assert timed.rounds == 7
    assert timed.latency("small") == Estimate(0.2, 0.1, 0.4)
    assert timed.middle_half("small") == (0.2, 0.2)
    assert timed.throughput("dense") == 20
    assert timed.speedup("small").value == 2
    assert timed.speedup("dense") == Estimate(1, 1, 1)


def test_a_smaller_network_is_faster_and_a_masked_one_is_not():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.Flatten(), nn.Linear(64 * 16, 4))
    example = torch.zeros(1, 1, 8, 8)
    small = fp.prune(net, example, target=fp.ratio(0.75))
    masked = fp.prune(net, example, criterion="magnitude", target=fp.compression(8))
    assert masked.fairprune.speedup > 2  # in theory
    networks = {"dense": net, "small": small, "masked": masked}
    [timed] = compare_latency(networks, example, Conditions((16,), 0.3, threads=1))
    assert timed.speedup("small").value > timed.speedup("masked").value  # 15 times fewer multiply-adds are executed
    assert timed.memory["small"] < timed.memory["dense"] == timed.memory["masked"]


def test_inputs_are_the_same_every_time():
    assert batch(EXAMPLE, 3).equal(batch(EXAMPLE, 3))
    assert batch(EXAMPLE, 3).shape == (3, 1, 6, 6)
    assert batch(EXAMPLE.double(), 1).dtype == torch.float64
    assert batch(torch.tensor([[4, 5], [6, 7]]), 3).tolist() == [[4, 5]] * 3


def test_a_clock_is_read_before_and_after():
    ticks = iter([10.0, 13.0])
    calls = []
    assert by_clock(lambda: calls.append(1), lambda: next(ticks))(3) == 3.0
    assert len(calls) == 3


def test_events_enclose_every_call_and_are_waited_for():
    """The order of what is asked of CUDA, on stand-ins: there may be no GPU."""
    log = []

    class Event:
        def __init__(self, name):
            self.name = name

        def record(self):
            log.append(f"{self.name} recorded")

        def synchronize(self):
            log.append(f"{self.name} waited for")

        def elapsed_time(self, end):
            assert (self.name, end.name) == ("start", "end")
            return 250.0  # milliseconds

    timed = by_events(lambda: log.append("call"), [Event("start"), Event("end")])
    assert timed(2) == 0.5
    assert log == ["start recorded", "call", "end recorded", "end waited for"] * 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"batch_sizes": ()}, r"batch sizes \[\]: expected at least one"),
        ({"batch_sizes": (1, 0)}, r"batch sizes \[1, 0\]"),
        ({"seconds": 0}, "0 seconds to measure in: expected more than 0"),
        ({"device": "mps"}, "device 'mps': latency is measured on cpu and cuda"),
    ],
)
def test_conditions_that_mean_nothing_are_refused(given, message):
    with pytest.raises(SpecError, match=message):
        Conditions(**given)
