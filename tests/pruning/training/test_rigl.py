import copy
from dataclasses import replace

import pytest
import torch

from fairprune.hook import Now
from fairprune.pruning.training.rigl import rigl
from fairprune.train import fit


def small():
    torch.manual_seed(1)
    return torch.nn.Sequential(
        *(torch.nn.Flatten(), torch.nn.Linear(128, 4)),
        *(torch.nn.Linear(4, 10, bias=False), torch.nn.Linear(10, 4)),
    )


def moved(begin, gradient, step=4, alpha=0.5):
    """One update of a linear layer of 40 weights, 20 of them kept, at a step of 12 (T_end is step 9).

    Kept weights have the values 1 to 20 in order of their places. Returns masks before and after, and the network.
    """
    trained = begin(
        rigl, network=small(), axis="ratio", target=0.5, allocation="uniform", spare=("1", "3"), alpha=alpha
    )
    weight = trained.network[2].weight
    before = trained.hook.masks()["2.weight"].flatten()
    with torch.no_grad():
        weight.flatten()[before] = torch.arange(1.0, 21.0)
    optimizer = torch.optim.SGD(trained.network.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    optimizer.state[weight]["momentum_buffer"] = weight.detach().clone()
    state = copy.deepcopy(trained.network.state_dict())
    for parameter in trained.network.parameters():
        parameter.grad = torch.ones_like(parameter)
    weight.grad = gradient(before).reshape(weight.shape)
    now = Now(step, 0.1, optimizer)
    trained.hook.on_gradients(now)
    optimizer.step()
    for name, tensor in trained.network.state_dict().items():
        assert torch.equal(tensor, state[name]), "a step that moves masks moves no weights"
    trained.hook.on_step(now)
    after = trained.hook.masks()["2.weight"].flatten()
    return before, after, weight.detach().flatten(), optimizer.state[weight]["momentum_buffer"].flatten()


def test_the_smallest_go_and_the_largest_gradients_grow(begin):
    """At step 4 of 9 the cosine is (1 + cos(80 degrees)) / 2 = 0.5868: 0.5 * 0.5868 * 20 = 5.87, so 5 weights move."""
    ranked = torch.arange(40.0) * torch.tensor([1.0, -1.0]).repeat(20)  # larger towards the end, of either sign
    before, after, weight, momentum = moved(begin, lambda mask: torch.where(mask, torch.zeros(40), ranked))
    gone, grown = before & ~after, after & ~before
    assert torch.equal(gone.nonzero().flatten(), before.nonzero().flatten()[:5])
    assert torch.equal(grown.nonzero().flatten(), (~before).nonzero().flatten()[-5:])
    assert after.sum() == 20
    assert torch.equal(weight[after & before], torch.arange(6.0, 21.0))
    for slot in (weight, momentum):
        assert (slot[grown] == 0).all()
        assert (slot[gone] == 0).all()
    assert torch.equal(momentum[after & before], torch.arange(6.0, 21.0))


def test_what_goes_may_grow_again_and_stays_what_it_was(begin):
    before, after, weight, _ = moved(begin, lambda mask: mask.float())
    assert torch.equal(before, after)
    assert torch.equal(weight[after], torch.arange(1.0, 21.0))


def test_a_gradient_of_zero_everywhere_keeps_the_density(begin):
    _, after, _, _ = moved(begin, lambda _: torch.zeros(40))
    assert after.sum() == 20


def test_nothing_moves_once_the_cosine_is_through(begin):
    before, after, _, _ = moved(begin, lambda mask: 1.0 - mask.float(), step=8, alpha=0.3)
    assert torch.equal(before, after)  # 0.3 * (1 + cos(160 degrees)) / 2 * 20 = 0.18: not one


@pytest.mark.parametrize("allocation", ["erk", "uniform"])
def test_every_layer_keeps_its_density_at_every_step(begin, allocation):
    seen = []

    def wrap(hook):
        def on_step(now):
            hook.on_step(now)
            seen.append(hook.masks())
            for name, mask in hook.masks().items():
                assert (trained.network.get_parameter(name)[~mask] == 0).all()

        return replace(hook, on_step=on_step)

    trained = begin(rigl, wrap=wrap, allocation=allocation, target=5.0)
    first = trained.hook.masks()
    fit(trained.network, trained.course)
    counts = [{name: int(mask.sum()) for name, mask in masks.items()} for masks in (first, *seen)]
    assert counts == [counts[0]] * 13
    changes = [step for step, (a, b) in enumerate(zip([first, *seen], seen, strict=False)) if a is not b]
    assert changes == [4, 8]  # every 4 steps at least, before step 9


def test_the_dense_gradient_is_charged_on_steps_that_need_it(train):
    trained = train(rigl, target=5.0)
    dense, sparse = trained.course.macs({}), trained.course.macs(trained.hook.masks())
    assert sparse < 0.5 * dense
    # a step is 3 sparse passes; two of 12 are 2 sparse passes and a dense one (appendix H of the paper)
    assert trained.states[-1].work == pytest.approx(16 * (10 * 3 * sparse + 2 * (2 * sparse + dense)))


def test_the_densities_are_erdos_renyi_kernel_by_default(train):
    masks = train(rigl, axis="ratio", target=0.9).hook.masks()
    density = {name: float(mask.float().mean()) for name, mask in masks.items()}
    kernel = {"0.weight": (8 + 2 + 3 + 3) / 144, "3.weight": (12 + 8 + 3 + 3) / 864, "7.weight": (16 + 108) / 1728}
    for name in ("3.weight", "7.weight"):
        assert density[name] / density["0.weight"] == pytest.approx(kernel[name] / kernel["0.weight"], rel=0.1)
