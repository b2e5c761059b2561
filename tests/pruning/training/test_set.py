from dataclasses import replace

import pytest
import torch

from fairprune.errors import SpecError
from fairprune.hook import Now
from fairprune.pruning.training.sparse_evolutionary import sparse_evolutionary
from fairprune.train import fit

LAYERS = ("0", "3", "7")


def masks_at(begin, **how):
    """Training with SET: the masks after every step."""
    seen = []

    def wrap(hook):
        def on_step(now):
            hook.on_step(now)
            seen.append(hook.masks())

        return replace(hook, on_step=on_step)

    trained = begin(sparse_evolutionary, wrap=wrap, **how)
    seen.append(trained.hook.masks())
    fit(trained.network, trained.course)
    return trained, seen


@pytest.mark.parametrize("allocation", ["erk", "uniform"])
def test_every_layer_keeps_its_density_at_every_step(begin, allocation):
    _, seen = masks_at(begin, allocation=allocation, target=5.0)
    counts = [{name: int(mask.sum()) for name, mask in masks.items()} for masks in seen]
    assert counts == [counts[0]] * 13
    assert 0 < counts[0]["7.weight"] < 1728


def test_masks_move_after_epochs_but_not_after_the_last(begin):
    _, seen = masks_at(begin)
    moved = [step for step in range(12) if seen[step + 1] is not seen[step]]
    assert moved == [3, 7]
    _, seen = masks_at(begin, every=2)
    assert [step for step in range(12) if seen[step + 1] is not seen[step]] == [7]


def test_the_first_masks_are_random_and_differ_with_the_seed(begin):
    first, again, other = (begin(sparse_evolutionary, seed=seed).hook.masks() for seed in (0, 0, 1))
    magnitude = begin(sparse_evolutionary, axis="ratio", target=0.0).network.get_parameter("7.weight").detach().abs()
    for name, mask in first.items():
        assert torch.equal(mask, again[name])
        assert not torch.equal(mask, other[name])
    kept, gone = magnitude[first["7.weight"]].mean(), magnitude[~first["7.weight"]].mean()
    assert kept == pytest.approx(float(gone), rel=0.1)


def rewired(begin, zeta=0.25):
    """One rewiring of a linear layer of 24 weights, 12 of them kept: 4 positive, 8 negative, told apart by size."""
    network = torch.nn.Sequential(
        *(torch.nn.Flatten(), torch.nn.Linear(128, 4, bias=False)),
        *(torch.nn.Linear(4, 6, bias=False), torch.nn.Linear(6, 4, bias=False)),
    )
    trained = begin(
        sparse_evolutionary,
        network=network,
        axis="ratio",
        target=0.5,
        allocation="uniform",
        spare=("1", "3"),
        zeta=zeta,
    )
    weight = network[2].weight
    before = trained.hook.masks()["2.weight"].flatten().nonzero().flatten()
    values = torch.tensor([0.1, 0.2, 0.3, 0.4, *[-x / 10 for x in range(1, 9)]])
    with torch.no_grad():
        weight.flatten()[before] = values
    optimizer = torch.optim.SGD([weight], lr=0.0, momentum=0.9)
    optimizer.state[weight]["momentum_buffer"] = torch.ones_like(weight) * (weight != 0)
    trained.hook.on_step(Now(3, 0.1, optimizer))
    after = trained.hook.masks()["2.weight"].flatten()
    return before, after, weight.detach().flatten(), optimizer.state[weight]["momentum_buffer"].flatten()


def test_the_smallest_of_each_sign_go_and_as_many_grow_from_zero(begin):
    before, after, weight, momentum = rewired(begin)
    stay = before[[1, 2, 3, *range(6, 12)]]  # 1 of 4 positive weights goes, 2 of 8 negative ones
    assert after[stay].all()
    assert after.sum() == 12
    assert torch.equal(weight[stay].abs() * 10, torch.tensor([2.0, 3, 4, 3, 4, 5, 6, 7, 8]))
    grown = after.clone()
    grown[stay] = False
    assert grown.sum() == 3
    assert (weight[grown] == 0).all()
    assert (momentum[grown] == 0).all()
    assert (momentum[stay] == 1).all()
    assert (weight[~after] == 0).all()


def test_growth_is_random_over_empty_places(begin):
    _, after, _, _ = rewired(begin)
    _, again, _, _ = rewired(begin)
    assert torch.equal(after, again)
    before, everything, weight, _ = rewired(begin, zeta=1.0)
    assert everything.sum() == 12
    assert not everything[before].all()
    assert (weight == 0).all()


def test_options_that_mean_nothing_are_refused(begin):
    with pytest.raises(SpecError, match=r"set: zeta = 1.5"):
        begin(sparse_evolutionary, zeta=1.5)
    with pytest.raises(SpecError, match="set: every = 0 epochs"):
        begin(sparse_evolutionary, every=0)
