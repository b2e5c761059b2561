"""What the docstrings of training methods say of their cost, against what the ledger is charged."""

import inspect

import pytest

from fairprune import registry

SETTINGS = {"sss": {"granularity": "channel"}, "slimming": {"spare": ("7", "classifier")}}


@pytest.mark.parametrize("name", registry.BUILTIN["training"])
def test_a_docstring_tells_of_every_cost_beside_plain_training(train, name):
    method = registry.load("training", name)
    trained = train(method, schedule="constant:0.01 total:2", **SETTINGS.get(name, {}))
    dense = 3 * trained.course.macs({}) * trained.setting.samples * 2
    told = [part for part in inspect.cleandoc(method.function.__doc__).split("\n\n") if part.startswith("Cost: ")]
    assert bool(told) == (trained.states[-1].work != dense)
    assert ("under the masks" in "".join(told)) == (trained.states[-1].work < dense)
