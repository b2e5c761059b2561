"""A small network, and training runs with a hook as the conformance suite makes them: what tests start from."""

import pytest
import torch
from torch import nn

from fairprune.conformance import bench
from fairprune.hook import Now
from fairprune.spec import Target


def small_network(seed=0):
    """Two convolutions with batch norm and two linear layers, for 2 x 8 x 8 inputs and 4 classes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            *(nn.Conv2d(2, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.Conv2d(8, 12, 3, stride=2, bias=False), nn.BatchNorm2d(12), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(12 * 9, 16), nn.ReLU(), nn.Linear(16, bench.CLASSES)),
        )


@pytest.fixture
def begin():
    """A function that prepares training with a method: `begin(method, ...)` -> Trial, its hook built, not trained.

    A test may look on: `wrap` makes another hook of the method's, as in replace(hook, on_step=...).
    """

    def prepare(method, *, network=None, target=2.0, axis="compression", wrap=lambda hook: hook, **how):
        network = small_network() if network is None else network
        trial = bench.begin(method, network, target=Target(axis=axis, value=target), **how)
        return bench.watch(trial, wrap(trial.hook))

    return prepare


@pytest.fixture
def train(begin):
    """A function that trains with a method to the end: `train(method, ...)` -> Trial with states and scores.

    `stop` leaves off after that many epochs (the hook stays on); `resume` goes on from a state.
    """
    return lambda method, *, resume=None, stop=None, **how: bench.train(begin(method, **how), resume=resume, stop=stop)


@pytest.fixture
def resumes(train):
    """A function that checks that a method stopped after an epoch and resumed ends exactly as one that ran through."""

    def check(method, **how):
        whole = train(method, **how)
        half = train(method, stop=1, **how)
        rest = train(method, resume=half.states[-1], **how)
        for name, tensor in whole.network.state_dict().items():
            assert torch.equal(tensor, rest.network.state_dict()[name]), name
        assert (whole.scores is None) == (rest.scores is None)
        for name, tensor in (whole.scores or {}).items():
            assert torch.equal(tensor, rest.scores[name]), name
        assert whole.states[-1].work == rest.states[-1].work
        return whole

    return check


@pytest.fixture
def added():
    """A function: what a hook adds to gradients of zero at a step, parameter name -> tensor."""

    def gradients(trained, step=0):
        parameters = dict(trained.network.named_parameters())
        for parameter in parameters.values():
            parameter.grad = torch.zeros_like(parameter)
        trained.hook.on_gradients(Now(step, 0.1, None))
        return {name: parameter.grad.clone() for name, parameter in parameters.items()}

    return gradients
