"""GReg: the staircase of the penalty factor, on which filters it acts, and when they are chosen."""

import pytest
import torch
from torch.nn.utils import prune as torch_prune

from fairprune.errors import PruneError
from fairprune.hook import Now
from fairprune.pruning.training.greg import greg1, greg2
from fairprune.pruning.training.growth import stairs


def factors(trained, added, step, name="0.weight"):
    """The factor that acts on each filter at a step: what is added to the gradient of a weight, by that weight."""
    weight = trained.network.get_parameter(name)
    ratio = (added(trained, step)[name] / weight).detach().flatten(1)
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), rtol=1e-5, atol=0)
    return ratio[:, 0]


def test_the_published_staircase_by_hand():
    published = stairs(0, 0.0, 1.0, share=0.75, steps=200_000, every=10, delta=1e-4)
    assert [published(step) for step in (0, 9, 10, 19, 20)] == pytest.approx([1e-4, 1e-4, 2e-4, 2e-4, 3e-4])
    assert [published(step) for step in (99_979, 99_980, 99_989, 99_990, 150_000)] == pytest.approx(
        [0.9998, 0.9999, 0.9999, 1, 1]
    )
    assert published.end == 100_000
    later = stairs(10_000, 1e-2, 1.0, share=0.75, steps=200_000, every=10, delta=1e-4)
    assert [later(step) for step in (10_000, 10_010, 108_990, 109_000)] == pytest.approx([0.0101, 0.0102, 1, 1])
    assert later.end == 10_000 + 99_000


def test_stairs_that_fill_a_short_training():
    short = stairs(0, 0.0, 1.0, share=0.5, steps=8)
    assert [short(step) for step in range(8)] == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    later = stairs(4, 0.2, 1.0, share=0.75, steps=8)
    assert [later(step) for step in range(4, 8)] == pytest.approx([0.6, 1, 1, 1])
    at_once = stairs(4, 0.0, 1.0, share=0.25, steps=8)
    assert at_once.end == 4
    assert at_once(4) == 1


EVEN = [(step + 1) / 9 for step in range(9)] + [1.0] * 3
BY_TWO = [0.25, 0.25, 0.5, 0.5, 0.75, 0.75, *[1.0] * 6]


@pytest.mark.parametrize(("options", "expected"), [({}, EVEN), ({"every": 2, "delta": 0.25}, BY_TWO)], ids=str)
def test_the_penalty_follows_the_staircase_at_every_step(begin, added, options, expected):
    trained = begin(greg1, **options)  # 12 steps, 8 filters
    for step, value in enumerate(expected):
        found = factors(trained, added, step)
        assert found[found != 0].tolist() == pytest.approx([value] * int((found != 0).sum()))
        assert 0 < (found != 0).sum() < 8


def test_the_chosen_have_the_lowest_l1_norms_at_the_start(begin, added):
    trained = begin(greg1, axis="ratio", target=0.3)
    for index, amount in ((0, 3), (3, 4), (7, 5)):
        driven = factors(trained, added, 0, f"{index}.weight") != 0
        oracle = torch_prune.LnStructured(amount, n=1, dim=0).compute_mask(
            trained.network[index].weight, torch.ones_like(trained.network[index].weight)
        )
        assert torch.equal(~driven, oracle.flatten(1).any(1))


def test_it_is_the_gradient_of_an_l2_penalty(begin, added):
    trained = begin(greg1, every=1, delta=0.1)
    driven = factors(trained, added, 3) != 0
    weight = trained.network[0].weight
    weight.grad = None
    (0.4 / 2 * weight[driven].square().sum()).backward()
    assert torch.allclose(added(trained, 3)["0.weight"], weight.grad)


def test_filters_are_driven_out(train):
    done = train(greg1, schedule="constant:0.05 total:8", axis="ratio", target=0.5)
    norms = done.network[3].weight.flatten(1).norm(dim=1)
    kept = done.setting.space.plan(done.setting.choose(done.scores)).kept["3/out"]
    gone = [row for row in range(12) if row not in kept.tolist()]
    assert norms[gone].max() < 0.2 * norms[kept].min()


def test_greg1_scores_are_the_norms_at_the_start(begin, train):
    fresh, done = begin(greg1), train(greg1)
    expected = fresh.network[3].weight.detach().flatten(1).abs().sum(1)
    assert done.scores["3"].tolist() == pytest.approx(expected.tolist())


def test_a_training_too_short_for_the_published_stairs_is_refused(begin):
    with pytest.raises(PruneError, match="at 1 after 100000 steps, but the training has 12: train longer"):
        begin(greg1, every=10)
    with pytest.raises(PruneError, match=r"at 0\.01 after 10000 steps, but the training has 12"):
        begin(greg2, every=10)


@pytest.mark.parametrize(
    "options", [{"grown": 1.5}, {"ceiling": -1.0}, {"every": -1}, {"every": 1, "delta": 0.0}], ids=str
)
def test_numbers_that_mean_nothing_are_refused(begin, options):
    with pytest.raises(PruneError, match="expected one that grows"):
        begin(greg1, **options)


def test_greg2_penalises_all_then_drives_out_some_and_recovers_the_others(begin, added):
    trained = begin(greg2, every=1, pick_delta=0.1, pick_ceiling=0.4, delta=0.2, axis="ratio", target=0.5)
    for step in range(4):  # all filters grow to the pick ceiling
        assert factors(trained, added, step).tolist() == pytest.approx([0.1 * (step + 1)] * 8)
    with torch.no_grad():  # at step 4 the choice is by what weights are then
        trained.network[0].weight.fill_(1.0)
        trained.network[0].weight[[1, 2, 5, 7]] = 0.5
    for step, value in enumerate([0.6, 0.8, 1, 1, 1, 1, 1, 1], 4):
        found = factors(trained, added, step)
        assert found[[1, 2, 5, 7]].tolist() == pytest.approx([value] * 4)
        assert found[[0, 3, 4, 6]].tolist() == pytest.approx([-1e-4] * 4)
        with torch.no_grad():
            trained.network[0].weight[0] = 0.1  # the choice stands
    assert trained.hook.finish()["0"].tolist() == [18, 9, 9, 18, 18, 9, 18, 9]


def test_greg2_in_a_short_training(begin, added):
    trained = begin(greg2, picked=0.25, grown=0.75)  # 12 steps: choice before the fourth, ceiling with the ninth
    found = [factors(trained, added, step).max().item() for step in range(12)]
    assert found[:3] == pytest.approx([0.01 / 3, 0.02 / 3, 0.01])
    assert found[3:9] == pytest.approx([0.01 + 0.99 / 6 * n for n in range(1, 7)])
    assert found[9:] == pytest.approx([1, 1, 1])


def test_greg2_chooses_in_the_end_if_it_has_not_before(begin):
    trained = begin(greg2, picked=1.0)
    scores = trained.hook.finish()
    assert all(score.min() > 0 for score in scores.values())
    trained.hook.on_gradients(Now(0, 0.1, None))  # no gradients: nothing is made


def test_greg2_does_not_stumble_over_a_diverged_network(begin, added):
    trained = begin(greg2, picked=0.0)
    with torch.no_grad():
        trained.network[0].weight.fill_(float("inf"))
    added(trained, 5)
    assert trained.hook.finish()["0"].tolist() == [0] * 8
