"""Studies from a few answers: they mean what was answered."""

import tomllib
from dataclasses import replace

import pytest

from fairprune import registry, schedules
from fairprune.drafts.study import (
    AXES,
    TARGETS,
    TIMES,
    UNITS,
    USUAL,
    Draft,
    methods_for,
    networks_for,
    usual_network,
    written,
)
from fairprune.errors import SpecError
from fairprune.methods import resolve_methods
from fairprune.study import parse_study

DRAFT = Draft("a", "digits", "digits_cnn", "weights", ("lamp",), "compression", (2.0,), 1, "short")


def _study(draft, folder=None):
    return parse_study(tomllib.loads(written(draft, "fairprune new study", folder)))


@pytest.mark.parametrize("data", ["digits", "mnist", "cifar10", "cifar100", "folder"])
@pytest.mark.parametrize("units", UNITS)
def test_every_method_that_is_offered_can_be_written_and_prunes_such_units(data, units):
    methods, axis = methods_for(units), AXES[units]
    assert set(USUAL[units]) < set(methods)
    draft = Draft("a-b", data, usual_network(data), units, tuple(methods), axis, TARGETS[axis], 3, "long")
    resolved = resolve_methods(_study(draft))
    assert {resolved[name].granularity for name in methods} == {units.removesuffix("s")}
    assert {name: resolved[name].training.hook for name in methods if resolved[name].training} == {
        name: name for name in methods if name in registry.BUILTIN["training"]
    }
    assert set(networks_for(data)) <= set(registry.BUILTIN["network"])


def test_answers_are_what_the_study_says():
    draft = replace(DRAFT, axis="ratio", targets=(0.5, 0.25), seeds=4, data_options={"path": 'a "b"', "size": 8})
    study = _study(draft)
    assert (study.name, study.axis, study.targets, study.seeds) == ("a", "ratio", (0.5, 0.25), (0, 1, 2, 3))
    assert study.tasks["digits-digits_cnn"].data.options == {"path": 'a "b"', "size": 8}


def test_longer_studies_train_longer_with_the_same_shape():
    def lengths(time):
        study = _study(replace(DRAFT, data="cifar10", network="resnet20", methods=("gradual",), time=time))
        recipe = study.tasks["cifar10-resnet20"].pretrain
        texts = recipe.schedule, study.retraining["finetune"].schedule, study.methods["gradual"].training.schedule
        return [schedules.parse(text).total for text in texts]

    assert lengths("long") == [200, 120, 60]  # as published
    for time in TIMES:
        base, tuned, trained = lengths(time)
        assert (tuned / base, trained / base) == (0.6, 0.3)
    assert [lengths(time)[0] for time in TIMES] == [10, 50, 200]


def test_hostile_names_stay_names():
    draft = replace(DRAFT, data='x"]\n[methods.evil]\ncriterion="random', network="n#'\\")
    study = _study(draft)
    assert list(study.methods) == ["lamp"]
    (task,) = study.tasks.values()
    assert (task.data.name, task.network.name) == (draft.data, draft.network)
    with pytest.raises(SpecError, match="cannot be written"):
        _study(replace(DRAFT, data="\x7f"))


def test_two_methods_of_one_name_are_refused():
    with pytest.raises(SpecError, match="one name"):
        written(replace(DRAFT, methods=("lamp", "mine:lamp")), "")
