"""States of running stages: whole, or as if they were not there."""

import torch

from fairprune.execute.partial import Saver
from fairprune.train import State

STATE = State(
    epoch=2,
    network={"w": torch.arange(3.0)},
    optimizer={
        "state": {0: {"momentum_buffer": torch.ones(3), "step": 4}},
        "param_groups": [{"lr": 0.1, "params": [0]}],
    },
    best={"w": torch.zeros(3)},
    curve=[{"epoch": 1.0, "loss": float("nan")}],
)


def test_a_state_comes_back(tmp_path):
    saver = Saver(tmp_path, "k")
    assert saver.load() is None
    saver.save(STATE)
    found = saver.load()
    assert found.epoch == 2
    assert torch.equal(found.network["w"], STATE.network["w"])
    assert torch.equal(found.best["w"], STATE.best["w"])
    assert torch.equal(found.optimizer["state"][0]["momentum_buffer"], torch.ones(3))
    assert found.optimizer["state"][0]["step"] == 4
    assert found.optimizer["param_groups"] == STATE.optimizer["param_groups"]
    assert list(tmp_path.iterdir()) == [saver.path]
    saver.drop()
    assert saver.load() is None


def test_a_damaged_or_truncated_state_counts_as_none(tmp_path):
    saver = Saver(tmp_path, "k")
    saver.save(STATE)
    data = saver.path.read_bytes()
    saver.path.write_bytes(data[:-3])
    assert saver.load() is None
    saver.path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert saver.load() is None
