import torch

from fairprune.pruning.training.adam import adam


def test_it_is_torchs_adam_with_state_that_can_be_restored_in_place():
    mine, other = torch.ones(3).requires_grad_(), torch.ones(3).requires_grad_()
    optimizer, tensors = adam({"a": mine}, 1e-3, steps=100_000)
    expected = torch.optim.Adam([other], lr=1e-3)
    names = set(tensors)
    for step in range(3):
        for parameter in (mine, other):
            parameter.grad = torch.tensor([1.0, -0.5, 0.0]) * (step + 1)
        optimizer.step()
        expected.step()
    assert torch.equal(mine, other)
    assert names == {"a", "a/step", "a/exp_avg", "a/exp_avg_sq"}
    assert tensors["a"].data_ptr() == mine.data_ptr()
    assert tensors["a/step"] == 3
    assert torch.equal(tensors["a/exp_avg"], expected.state[other]["exp_avg"])


def test_the_rate_rises_in_trainings_too_short_for_it():
    assert adam({"a": torch.ones(1).requires_grad_()}, 1e-3, 100_000)[0].param_groups[0]["lr"] == 1e-3
    assert adam({"a": torch.ones(1).requires_grad_()}, 1e-3, 100)[0].param_groups[0]["lr"] == 0.1
