"""Methods resolved: defaults from papers, controls for every start, training recipes; and the stages that follow."""

import pytest

from fairprune.errors import SpecError
from fairprune.expand import Resolver, expand
from fairprune.methods import filled, resolve_methods, settle
from fairprune.spec import Method, Recipe, Task, Training
from fairprune.stages import pipeline
from fairprune.study import parse_study

RESOLVER = Resolver(
    data_digests=lambda _: {"train": "t", "validation": "v", "test": "x"}, checkpoint_digest=lambda _: "c"
)
OWN = """
from fairprune.hook import Hook
from fairprune.pruning.criterion import criterion
from fairprune.pruning.training_method import training_method

@training_method(paper="test", granularities=("weight",), start="init", bound=True, allocation="uniform")
def within(setting, *, every: int = 10):
    return Hook()

@training_method(paper="test", granularities=("channel",), bound=False, criterion="l1_norm")
def penalty(setting, *, strength: float = 1e-4):
    return Hook()

@criterion(paper="test", granularities=("weight",), start="init", steps=3)
def before(context):
    return {name: weight.abs() for name, weight in context.weights.items()}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path


def study(**methods):
    return parse_study(
        {
            "name": "s",
            "targets": [2.0],
            "seeds": 1,
            "task": {"data": "digits", "network": "digits_cnn", "pretrain": {"schedule": "constant:0.1 total:4"}},
            "methods": methods,
            "retraining": {"finetune": {"schedule": "constant:0.01 total:2"}},
        }
    )


def points(folder, **methods):
    found = expand(study(**methods), Resolver(RESOLVER.data_digests, RESOLVER.checkpoint_digest, folder))
    return {(point.labels["method"], point.labels["retraining"]): point for point in found}


def kinds(point):
    return [stage.kind for stage in pipeline(point.spec).order]


def test_a_criterion_brings_its_defaults(folder):
    method = filled("mine", Method(criterion="own:before"), folder)
    assert (method.granularity, method.start, method.steps, method.allocation) == ("weight", "init", 3, "global")
    assert method.gradual
    assert filled("mine", Method(criterion="magnitude"), folder).start == "trained"


def test_a_training_brings_its_defaults(folder):
    method = filled("mine", Method(training=Training(hook="own:penalty", recipe={})), folder)
    assert (method.criterion, method.granularity, method.start, method.allocation) == (
        "l1_norm",
        "channel",
        "trained",
        "uniform",
    )
    assert method.training.options == {"strength": 1e-4}
    assert not method.own_base
    assert filled("mine", method.model_copy(update={"start": "init"}), folder).own_base


def test_what_prunes_the_initialisation_is_trained_whole_and_has_controls_of_its_own(folder):
    found = points(folder, before={"criterion": "own:before"}, late={"criterion": "gradient_weight"})
    assert set(found) == {
        ("before", "train"),
        ("random-weight-init", "train"),
        ("magnitude-weight-init", "train"),
        ("dense", "train"),
        ("late", "finetune"),
        ("random-weight", "finetune"),
        ("magnitude-weight", "finetune"),
        ("dense", "finetune"),
    }
    run = found["before", "train"]
    assert run.spec.retraining.recipe.schedule == run.spec.task.pretrain.schedule
    stages = pipeline(run.spec)
    assert stages.base.spec["stop"] == 0.0
    assert kinds(run) == ["pretrain", "measure", "prune", "retrain", "measure"]  # it scores as it removes
    assert kinds(found["dense", "train"]) == ["pretrain", "measure"]
    assert kinds(found["random-weight-init", "train"]) == [
        "pretrain",
        "measure",
        "score",
        "prune",
        "retrain",
        "measure",
    ]


def test_pruning_within_the_whole_training_is_followed_by_nothing(folder):
    found = points(folder, within={"training": "own:within"})
    run = found["within", "train"]
    assert kinds(run) == ["pretrain", "measure", "sparsify", "prune", "measure"]
    stages = pipeline(run.spec)
    assert stages.final is stages.pruned
    assert stages.pruned.parents[0] is stages.pruned.parents[1]  # its training yields the scores
    assert run.spec.method.training.recipe["schedule"] == "constant:1e-1 total:4"


def test_a_penalty_from_scratch_is_a_base_of_its_own_that_all_targets_share(folder):
    one = study(slim={"training": {"hook": "own:penalty"}, "start": "init"}).model_copy(update={"targets": (2.0, 4.0)})
    found = expand(one, Resolver(RESOLVER.data_digests, RESOLVER.checkpoint_digest, folder))
    runs = [pipeline(p.spec) for p in found if p.labels["method"] == "slim"]
    assert [r.base.kind for r in runs] == ["sparsify", "sparsify"]
    assert runs[0].base.key == runs[1].base.key
    assert [s.kind for s in runs[0].order] == [
        "pretrain",
        "sparsify",
        "measure",
        "score",
        "prune",
        "retrain",
        "measure",
    ]


def test_a_penalty_on_the_trained_base_is_shared_and_a_bound_training_is_not(folder):
    table = {"training": {"hook": "own:penalty", "schedule": "constant:0.01 total:1"}}
    bound = {"training": {"hook": "own:within", "schedule": "constant:0.01 total:1"}, "start": "trained"}
    two = study(slim=table, bound=bound).model_copy(update={"targets": (2.0, 4.0)})
    found = expand(two, Resolver(RESOLVER.data_digests, RESOLVER.checkpoint_digest, folder))

    def trainings(name):
        stages = [s for p in found if p.labels["method"] == name for s in pipeline(p.spec).order]
        return {s.key for s in stages if s.kind == "sparsify"}

    assert len(trainings("slim")) == 1
    assert len(trainings("bound")) == 2


def test_training_takes_what_it_does_not_say_from_the_bases_recipe(folder):
    training = Training(hook="own:penalty", schedule="constant:0.01 total:1", recipe={"batch_size": 7})
    task = Task.model_validate(
        {
            "data": {"name": "digits"},
            "network": {"name": "digits_cnn"},
            "pretrain": {"schedule": "constant:0.1 total:4", "augment": ["flip"], "checkpoint": "best"},
        }
    )
    settled = settle("m", filled("m", Method(training=training), folder), task)
    recipe = Recipe.model_validate(settled.training.recipe)
    assert (recipe.schedule, recipe.batch_size, recipe.augment) == ("constant:1e-2 total:1", 7, ("flip",))
    assert recipe.checkpoint == "last"


def test_a_ticket_is_drawn_anew_without_rescaling_and_rewinds_between_rounds():
    table = study(imp={"criterion": "magnitude", "rounds": 2}).model_dump()
    table["retraining"] = {
        "rewind": {"kind": "weight-rewind"},
        "reinit": {"kind": "scratch-e", "reading": "ticket"},
    }
    table["methods"] = {"imp": {"criterion": "magnitude", "rounds": 2}}
    found = expand(parse_study(table), RESOLVER)
    run = next(p for p in found if p.labels["method"] == "imp" and p.labels["retraining"] == "reinit")
    ticket = next(p for p in found if p.labels["method"] == "imp" and p.labels["retraining"] == "rewind")
    assert kinds(run)[-2:] == ["scratch", "measure"]
    assert pipeline(run.spec).pruned.key == pipeline(ticket.spec).pruned.key  # the very same mask
    plain = {**table, "retraining": {"scratch": {"kind": "scratch-e"}}}
    with pytest.raises(SpecError, match="no scratch run of the iterative imp"):
        expand(parse_study(plain), RESOLVER)
    plain["methods"] = {**table["methods"], "alike": {"criterion": "random", "allocation": "like:imp"}}
    plain["retraining"] = {"scratch": {"kind": "scratch-e", "methods": ["alike"]}}
    with pytest.raises(SpecError, match="no scratch run of alike, like an iterative one"):
        expand(parse_study(plain), RESOLVER)


def test_a_ticket_is_rewound_to_where_its_control_is():
    table = study(imp={"criterion": "magnitude", "rounds": 2}).model_dump()
    table["methods"] = {"imp": {"criterion": "magnitude", "rounds": 2}}
    reinit = {"kind": "scratch-e", "reading": "ticket", "rewind_to": 1.5, "methods": ["imp"]}
    table["retraining"] = {"late": {"kind": "weight-rewind", "rewind_to": 1.5}, "reinit": reinit}
    runs = [p for p in expand(parse_study(table), RESOLVER) if p.labels["method"] == "imp"]
    found = {p.labels["retraining"]: pipeline(p.spec) for p in runs}
    assert found["late"].pruned.key == found["reinit"].pruned.key
    assert found["reinit"].final.spec["recipe"]["schedule"] == "constant:1e-1 total:4"
    reinit["rewind_to"] = 4.0
    with pytest.raises(SpecError, match="retraining reinit: rewind_to must be below the base's 4 epochs"):
        expand(parse_study(table), RESOLVER)


def test_a_base_of_ones_own_can_be_rewound_to_its_initialisation_alone(folder):
    table = study(slim={"criterion": "magnitude"}).model_dump()
    table["methods"] = {"slim": {"training": {"hook": "own:penalty"}, "start": "init"}}
    table["retraining"] = {"rewound": {"kind": "weight-rewind", "rewind_to": 1.0}}
    resolver = Resolver(RESOLVER.data_digests, RESOLVER.checkpoint_digest, folder)
    with pytest.raises(SpecError, match=r"slim trains a base of its own, .* expected rewind_to = 0, got 1"):
        expand(parse_study(table), resolver)
    table["retraining"] = {"rewound": {"kind": "weight-rewind"}}
    assert expand(parse_study(table), resolver)


OTHER = {"hook": "own:penalty", "schedule": "constant:0.01 total:2"}


@pytest.mark.parametrize(
    ("training", "entry", "message"),
    [
        ("own:penalty", {"kind": "overall", "prune_at": 1}, "overall stops the task's pretraining, and slim trains"),
        (OTHER, {"kind": "overall", "prune_at": 1}, "overall stops the task's pretraining, and slim trains"),
        (OTHER, {"kind": "lr-rewind", "epochs": 1}, r"lr-rewind replays the task's schedule \(constant:1e-1 total:4\)"),
        (OTHER, {"kind": "weight-rewind"}, r"weight-rewind replays .* and slim trains a base .* by constant:1e-2 tot"),
    ],
)
def test_what_replays_the_tasks_training_is_refused_after_a_base_of_ones_own(folder, training, entry, message):
    table = study(slim={"criterion": "magnitude"}).model_dump()
    table["methods"] = {"slim": {"training": training, "start": "init"}}
    table["retraining"] = {"again": entry}
    resolver = Resolver(RESOLVER.data_digests, RESOLVER.checkpoint_digest, folder)
    with pytest.raises(SpecError, match=f"retraining again: {message}") as caught:
        expand(parse_study(table), resolver)
    assert 'take kind = "finetune" with a schedule' in str(caught.value)
    table["retraining"]["again"] = {**entry, "methods": ["l1_norm*"]}
    assert expand(parse_study(table), resolver)


def test_a_base_of_ones_own_on_the_tasks_schedule_can_replay_it(folder):
    table = study(slim={"criterion": "magnitude"}).model_dump()
    table["methods"] = {"slim": {"training": "own:penalty", "start": "init"}}
    table["retraining"] = {"again": {"kind": "lr-rewind", "epochs": 1}}
    found = expand(parse_study(table), Resolver(RESOLVER.data_digests, RESOLVER.checkpoint_digest, folder))
    [run] = [point.spec for point in found if point.labels["method"] == "slim"]
    assert run.retraining.recipe.schedule == "constant:1e-1 total:1"


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"m": {}}, "expected a criterion, or a training"),
        ({"m": {"training": {"hook": "own:penalty"}}}, "needs a schedule"),
        ({"m": {"training": {"hook": "own:penalty", "options": {"strenght": 1}}}}, "did you mean 'strength'"),
        ({"m": {"training": {"hook": "own:within", "recipe": {"checkpoint": "best"}}}}, 'expected "last"'),
        ({"m": {"training": "own:before"}}, "is no training"),
        ({"m": {"training": "own:penalty", "rounds": 2}}, "has one round"),
        ({"m": {"training": "own:penalty", "granularity": "weight"}}, "scores channel units, not weight"),
        ({"m": {"criterion": "magnitude", "repair": "nothing"}}, "unknown repair 'nothing'"),
        ({"m": {"criterion": "magnitude", "training": "own:nothing"}}, "nothing"),
    ],
)
def test_what_does_not_fit_is_refused(folder, methods, message):
    with pytest.raises(SpecError, match=message) as caught:
        points(folder, **methods)
    assert "\n" not in str(caught.value)


def test_a_method_from_the_initialisation_needs_a_base_recipe():
    task = Task.model_validate({"data": {"name": "digits"}, "network": {"name": "digits_cnn"}})
    with pytest.raises(SpecError, match="starts from the initialisation, but the base is a checkpoint"):
        settle("mine", Method(criterion="magnitude", start="init"), task)


def test_like_controls_of_untrained_methods_start_where_they_do(folder):
    one = study(within={"training": "own:within", "allocation": "global"}, plain={"criterion": "own:before"})
    one = one.model_copy(update={"controls": one.controls.model_copy(update={"like": True})})
    found = resolve_methods(one, folder)
    assert found["random-like-within"].like.training.hook == "own:within"
    assert found["random-like-within"].start == "init"


def test_controls_like_a_method_are_retrained_as_it_is():
    table = study(ticket={"criterion": "magnitude"}).model_dump()
    mine = {"criterion": "random", "allocation": "like:ticket"}
    table["methods"] = {"ticket": {"criterion": "magnitude", "rounds": 2}, "lamp": {"criterion": "lamp"}, "mine": mine}
    table["controls"] = {"dense": False, "like": True}
    table["retraining"] = {
        "finetune": {"schedule": "constant:0.01 total:2", "methods": ["[!t]*"]},
        "rewind": {"kind": "weight-rewind", "methods": ["ticket"]},
        "anew": {"kind": "scratch-e", "reading": "ticket", "methods": ["ticket"]},
        "elsewhere": {"kind": "lr-rewind", "epochs": 1, "methods": ["random-like-lamp"]},
    }
    found = {(p.labels["method"], p.labels["retraining"]): p for p in expand(parse_study(table), RESOLVER)}
    assert {retraining for name, retraining in found if name == "random-like-ticket"} == {"rewind", "anew"}
    assert {retraining for name, retraining in found if name == "random-like-lamp"} == {"finetune"}
    assert {retraining for name, retraining in found if name == "mine"} == {"finetune"}  # a method, by its own name
    ticket, control = (pipeline(found[name, "rewind"].spec) for name in ("ticket", "random-like-ticket"))
    assert control.pruned.parents[-1].key == ticket.pruned.key
    assert control.final.parents[1].key == ticket.final.parents[1].key  # the same weights to rewind to


@pytest.mark.parametrize("method", ["within", "penalty"])
def test_a_training_of_ones_own_is_trained_anew_once_its_source_has_changed(folder, method):
    def key():
        found = points(folder, mine={"training": f"own:{method}", "start": "init"})
        [run] = (p for (name, _), p in found.items() if name == "mine")
        return next(stage.key for stage in pipeline(run.spec).order if stage.kind == "sparsify")

    before = key()
    assert key() == before
    (folder / "own.py").write_text(OWN + "\n# another version\n")
    assert key() != before


def test_a_method_that_is_repaired_is_no_plain_control(folder):
    found = points(folder, mended={"criterion": "l1_norm", "repair": "least_squares"})
    assert {name for name, _ in found} == {"mended", "l1_norm-channel", "random-channel", "dense"}


def controlled(control):
    one = study(mine={"criterion": "lamp"})
    return one.model_copy(update={"control": control})


@pytest.mark.parametrize("control", ["random", "random*", "random-weight", "magnitude", "dense", "mine", "*"])
def test_a_control_that_there_is(folder, control):
    assert resolve_methods(controlled(control), folder)


def test_a_control_that_no_method_is(folder):
    with pytest.raises(SpecError, match=r"unknown control 'randm'; did you mean 'random-weight'\?"):
        resolve_methods(controlled("randm"), folder)


def test_no_control_takes_the_place_of_a_method_of_its_name(folder):
    with pytest.raises(SpecError, match="method random-weight: the name is that of a control"):
        points(folder, **{"random-weight": {"criterion": "lamp"}})
    mine = {"criterion": "random", "allocation": "like:lamp", "reduce": "max"}
    one = study(**{"lamp": {"criterion": "lamp"}, "random-like-lamp": mine})
    one = one.model_copy(update={"controls": one.controls.model_copy(update={"like": True})})
    assert resolve_methods(one, folder)["random-like-lamp"].reduce == "max"
