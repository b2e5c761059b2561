"""Accuracy: values by hand, ties and NaN, an independent oracle, and that measuring leaves everything as it was."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, top_k_accuracy_score
from torch import nn
from torch.nn import functional as F

from fairprune.data.batches import Loader
from fairprune.data.resident import ResidentSplit
from fairprune.measure.accuracy import classification, evaluate, evaluating

CPU = torch.device("cpu")
NAN, INF = math.nan, math.inf


def loader(n=23, batch_size=7, classes=10):
    generator = torch.Generator().manual_seed(n)
    images = torch.randint(0, 256, (n, 2, 4, 4), dtype=torch.uint8, generator=generator)
    labels = torch.randint(classes, (n,), generator=generator)
    return Loader(ResidentSplit("test", "", labels, images), batch_size, CPU, (0.5, 0.5), (0.25, 0.25))


def network(classes=10):
    torch.manual_seed(0)
    body = [nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5)]
    net = nn.Sequential(*body, nn.Linear(24, classes))
    net[1].running_mean.uniform_(-1, 1)
    net[1].running_var.uniform_(0.5, 2)
    return net


def measured(logits, targets):
    return classification.measure(torch.tensor(logits), torch.tensor(targets))


def test_top1_top5_and_loss_by_hand():
    logits = [[0.0, 0.0, 0.0, math.log(3.0), 0.0, 0.0], [5.0, 4.0, 3.0, 2.0, 1.0, 0.0], [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]]
    found = measured(logits, [3, 4, 5])
    assert found[:, 0].tolist() == [1, 0, 0]
    assert found[:, 1].tolist() == [1, 1, 0]
    total = sum(math.exp(value) for value in range(6))
    assert found[:, 2].tolist() == pytest.approx([math.log(8 / 3), math.log(total) - 1, math.log(total)], rel=1e-6)


def test_ties_are_broken_by_class_index_so_a_dead_network_scores_as_chance():
    """All logits equal: class 0 is the answer and 0 to 4 are the first five, for every sample."""
    found = measured([[2.0] * 8] * 8, list(range(8)))
    assert found[:, 0].tolist() == [1] + [0] * 7
    assert found[:, 1].tolist() == [1] * 5 + [0] * 3
    assert measured([[1.0, 3.0, 3.0]] * 2, [1, 2])[:, 0].tolist() == [1, 0]


@pytest.mark.parametrize("classes", [2, 3, 4, 5])
def test_of_five_classes_or_fewer_one_is_always_among_the_first_five(classes):
    logits = torch.eye(classes)[0].expand(classes, classes)
    assert classification.measure(logits, torch.arange(classes))[:, 1].tolist() == [1] * classes


@pytest.mark.parametrize("logits", [[NAN, 0.0, 1.0], [0.0, 1.0, NAN], [NAN] * 3, [0.0, 1.0, INF], [0.0, 1.0, -INF]])
@pytest.mark.parametrize("target", [0, 1, 2])
def test_logits_that_are_not_finite_are_wrong_whatever_the_target(logits, target):
    assert measured([logits], [target])[0, :2].tolist() == [0, 0]


def test_half_precision_logits_are_measured_in_fp32():
    logits = torch.tensor([[1.0, 2.0, 4.0]], dtype=torch.bfloat16)
    found = classification.measure(logits, torch.tensor([1]))
    assert found.dtype == torch.float32
    assert found[0, 2].item() == pytest.approx(math.log(math.exp(-1) + 1 + math.exp(2)), rel=1e-6)


def test_the_loss_of_training_is_smoothed_and_that_of_measuring_is_not():
    logits, targets = torch.tensor([[0.0, math.log(3.0)]]), torch.tensor([1])
    plain, uniform = math.log(4 / 3), (math.log(4) + math.log(4 / 3)) / 2
    assert classification.loss(logits, targets, 0.2).item() == pytest.approx(0.8 * plain + 0.2 * uniform)
    assert classification.measure(logits, targets)[0, 2].item() == pytest.approx(plain)


@given(st.integers(6, 12), st.integers(1, 40), st.integers(0, 10**6))
def test_against_scikit_learn(classes, n, seed):
    rng = np.random.default_rng(seed)
    logits, targets = rng.normal(size=(n, classes)).astype(np.float32), rng.integers(classes, size=n)
    found = classification.measure(torch.from_numpy(logits), torch.from_numpy(targets)).double().mean(0).tolist()
    labels = list(range(classes))
    odds = np.exp(logits.astype(np.float64))
    expected = [top_k_accuracy_score(targets, logits, k=k, labels=labels) for k in (1, 5)]
    expected.append(log_loss(targets, odds / odds.sum(1, keepdims=True), labels=labels))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("n", "batch_size"), [(23, 7), (21, 7), (22, 7), (1, 7), (5, 1)])
def test_every_sample_counts_once_whatever_the_batches(n, batch_size):
    """Also a last batch of one sample, which training leaves out."""
    net, data = network(), loader(n, batch_size)
    seen = evaluate(net, data, classification)
    images = (data.split.images.double() / 255 - 0.5) / 0.25
    with torch.no_grad():
        logits = copy.deepcopy(net).double().eval()(images)
    right = logits.argmax(1) == data.split.labels
    assert seen.correct.dtype == np.bool_
    assert seen.correct.tolist() == right.tolist()
    assert seen.values["top1"] == pytest.approx(right.double().mean().item(), abs=1e-12)
    assert seen.values["loss"] == pytest.approx(F.cross_entropy(logits, data.split.labels).item(), rel=1e-5)
    assert {metric.n for metric in seen.metrics("test", "final")} == {n}


def test_what_a_metric_says_of_itself():
    metrics = evaluate(network(), loader(), classification).metrics("test", "final")
    found = [(m.name, m.split, m.when, m.direction, m.unit) for m in metrics]
    assert found == [
        ("top1", "test", "final", "higher", "fraction"),
        ("top5", "test", "final", "higher", "fraction"),
        ("loss", "test", "final", "lower", "nats"),
    ]


def test_a_network_that_yields_nan_is_wrong_everywhere_and_has_no_loss():
    net = network()
    with torch.no_grad():
        net[5].bias[3] = NAN
    seen = evaluate(net, loader(), classification)
    assert not seen.correct.any()
    assert {m.name: m.value for m in seen.metrics("test", "final")} == {"top1": 0.0, "top5": 0.0}


def test_the_network_is_left_as_it_was():
    net = network()
    net.train()
    net[1].eval()  # a mixture of flags has to come back, not one of the two
    net(torch.randn(4, 2, 4, 4)).sum().backward()
    state, gradients = copy.deepcopy(net.state_dict()), [p.grad.clone() for p in net.parameters()]
    evaluate(net, loader(), classification)
    assert [module.training for module in net] == [True, False, True, True, True, True]
    assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())
    assert all(torch.equal(p.grad, before) for p, before in zip(net.parameters(), gradients, strict=True))
    assert all(p.requires_grad for p in net.parameters())


def test_flags_come_back_after_an_error():
    net = network()
    with pytest.raises(RuntimeError), evaluating(net):
        raise RuntimeError
    assert all(module.training for module in net.modules())


class Drawing(nn.Module):
    """Draws numbers in evaluation too."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(32, 10)

    def forward(self, images):
        return F.dropout(self.linear(images.flatten(1)), 0.5, training=True)


def test_the_generator_is_left_as_it_was_even_if_the_network_draws():
    torch.manual_seed(3)
    net = Drawing()
    before = torch.get_rng_state()
    evaluate(net, loader(), classification)
    assert torch.equal(torch.get_rng_state(), before)


def test_bf16_is_autocast_and_named_by_the_precision_alone():
    class Typed(nn.Module):
        seen = None

        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(32, 10)

        def forward(self, images):
            outputs = self.linear(images.flatten(1))
            Typed.seen = outputs.dtype
            return outputs

    torch.manual_seed(0)
    net, data = Typed(), loader()
    exact = evaluate(net, data, classification)
    assert Typed.seen == torch.float32
    rounded = evaluate(net, data, classification, "bf16")
    assert Typed.seen == torch.bfloat16
    assert net.linear.weight.dtype == torch.float32
    assert rounded.values["loss"] != exact.values["loss"]
    assert rounded.values["loss"] == pytest.approx(exact.values["loss"], rel=0.02)
