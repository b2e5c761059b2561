"""Studies: what is accepted, what is refused and how, and how they expand."""

import textwrap
from dataclasses import replace

import pytest

from fairprune.audit import Result, audit, from_record
from fairprune.canonical import digest
from fairprune.errors import SpecError
from fairprune.expand import Resolver, expand
from fairprune.memo import Memo
from fairprune.methods import filled, resolve_methods
from fairprune.record import Record
from fairprune.spec import DataSpec, Method, Optimizer, RunSpec
from fairprune.stages import VERSION, pipeline
from fairprune.study import parse_study, read_study

STUDY = """
    name = "tiny"
    targets = [2, 4]
    seeds = 2
    [task]
    data = "mnist"
    network = "lenet5"
    [task.pretrain]
    schedule = "0:1e-1,2:1e-2 total:4"
    [methods.random]
    criterion = "random"
    [methods.magnitude]
    criterion = "magnitude"
    [retraining.finetune]
    schedule = "constant:1e-3 total:2"
"""

ONE = STUDY.replace('[methods.random]\n    criterion = "random"\n', "")

RESOLVER = Resolver(
    data_digests=lambda _: {"train": "1", "validation": "2", "test": "3"}, checkpoint_digest=lambda _: "c"
)


@pytest.fixture
def write(tmp_path):
    def write(text: str, *overrides: str):
        path = tmp_path / "study.toml"
        path.write_text(textwrap.dedent(text))
        return read_study(path, overrides)

    return write


def test_expansion_is_the_product_with_one_dense_control_a_seed(write):
    points = expand(write(STUDY), RESOLVER)
    kinds = [point.spec.kind for point in points]
    assert kinds.count("prune") == 2 * 2 * 2
    assert kinds.count("dense") == 2
    assert len({point.id for point in points}) == len(points)
    assert {(p.spec.base_seed, p.spec.run_seed) for p in points} == {(0, 0), (1, 1)}


def test_base_seeds_are_crossed_with_seeds(write):
    points = expand(write(STUDY, "base_seeds=[7,8]"), RESOLVER)
    assert {(p.spec.base_seed, p.spec.run_seed) for p in points} == {(7, 0), (7, 1), (8, 0), (8, 1)}


def test_missing_controls_are_added_and_can_be_switched_off(write):
    assert set(resolve_methods(write(ONE))) == {"magnitude", "random-weight"}
    assert set(resolve_methods(write(ONE, "controls.random=false"))) == {"magnitude"}
    both = resolve_methods(write(STUDY, "controls.like=true"))
    assert both["random-like-magnitude"].like.criterion == "magnitude"
    taylor = ONE.replace("magnitude", "gradient_weight")
    assert set(resolve_methods(write(taylor, "controls.like=true"))) == {
        "gradient_weight",
        "random-weight",
        "magnitude-weight",
        "random-like-gradient_weight",
        "magnitude-like-gradient_weight",
        "random-like-magnitude-weight",
    }


@pytest.mark.parametrize("allocation", ["global", "uniform", "given"])
def test_with_like_controls_the_audit_lacks_none(write, allocation):
    study = write(ONE, "controls.like=true", f"methods.magnitude.allocation={allocation}")
    found = [Result(p.id, **_audited(p)) for p in expand(study, RESOLVER)]
    assert any(r.allocation == "like" for r in found) == (allocation != "uniform")
    assert {f.rule for f in audit(found)}.isdisjoint({"missing-control", "missing-like-control"})
    lacking = expand(write(ONE, f"methods.magnitude.allocation={allocation}"), RESOLVER)
    rules = {f.rule for f in audit([Result(p.id, **_audited(p)) for p in lacking])}
    assert ("missing-like-control" in rules) == (allocation != "uniform")


def _audited(point):
    """What the audit reads of a run, as far as controls go."""
    result = from_record(Record(id=point.id, status="done", spec=point.spec, labels=dict(point.labels)))
    fields = ("kind", "method", "criterion", "granularity", "recipe", "network", "dataset", "allocation", "amounts")
    return {field: getattr(result, field) for field in fields}


@pytest.mark.parametrize(
    "recipe", ['{kind = "weight-rewind", rewind_to = 1}', '{kind = "lr-rewind", epochs = 2}', '{kind = "scratch-e"}']
)
def test_every_recipe_that_starts_from_the_base_has_its_dense_control(write, recipe):
    points = expand(write(STUDY, f"retraining.other={recipe}"), RESOLVER)
    dense = [p for p in points if p.spec.kind == "dense" and p.labels["retraining"] == "other"]
    assert len(dense) == (0 if "scratch" in recipe else 2)


def test_like_is_resolved_to_the_method_it_copies(write):
    study = write(STUDY, "methods.control.criterion=random", "methods.control.allocation=like:magnitude")
    point = next(p for p in expand(study, RESOLVER) if p.labels["method"] == "control")
    assert point.spec.method.like.criterion == "magnitude"
    assert point.spec.method.allocation == "like"


def test_identity_does_not_depend_on_names_or_order(write):
    ids = {p.id for p in expand(write(STUDY), RESOLVER)}
    renamed = STUDY.replace("methods.magnitude", "methods.zz").replace('"tiny"', '"other"').replace("[2, 4]", "[4, 2]")
    assert {p.id for p in expand(write(renamed), RESOLVER)} == ids


def test_equal_schedules_in_other_words_are_the_same_run(write):
    ids = {p.id for p in expand(write(STUDY), RESOLVER)}
    reworded = STUDY.replace("0:1e-1,2:1e-2 total:4", "0:0.1,2:0.01 total:4.0")
    assert {p.id for p in expand(write(reworded), RESOLVER)} == ids


def test_identity_changes_with_data_recipe_and_seed(write):
    ids = {p.id for p in expand(write(STUDY), RESOLVER)}
    other = Resolver(lambda _: {"train": "1", "validation": "2", "test": "4"}, lambda _: "c")
    assert not ids & {p.id for p in expand(write(STUDY), other)}
    assert not ids & {
        p.id for p in expand(write(STUDY, "retraining.finetune.schedule=constant:1e-3 total:3"), RESOLVER)
    }


@pytest.mark.parametrize("checkpoint", [False, True])
def test_an_identity_is_the_digest_of_the_whole_spec(write, checkpoint):
    base = (
        '[task.pretrain]\n    schedule = "0:1e-1,2:1e-2 total:4"',
        '[task.checkpoint]\n    name = "w"\n    seen="none"',
    )
    for point in expand(write(STUDY.replace(*base) if checkpoint else STUDY), RESOLVER):
        table = point.spec.model_dump(mode="json")
        (table["task"]["checkpoint"] or {}).pop("name", None)
        del table["metrics"], table["retraining"]["prune_at"], table["retraining"]["tuned"]  # as before there were any
        assert point.id == digest(table)[:16]


def test_a_stage_key_is_the_digest_of_all_that_decides_it(write):
    memo = Memo()
    iterative = "methods.magnitude.rounds=2"
    for point in expand(write(STUDY, iterative, "metrics.jacobian=true"), RESOLVER):
        alone, together = pipeline(point.spec), pipeline(point.spec, memo)
        assert [stage.key for stage in alone.order] == [stage.key for stage in together.order]
        for stage in together.order:
            parents = [parent.key for parent in stage.parents]
            whole = {"kind": stage.kind, "version": VERSION, "spec": dict(stage.spec), "parents": parents}
            assert stage.key == digest(whole)[:32]
            before = together.order[: together.order.index(stage)]
            assert all(any(parent is known for known in before) for parent in stage.parents)


def test_runs_that_share_stages_share_them_in_memory(write):
    memo = Memo()
    a, b = (pipeline(p.spec, memo) for p in expand(write(STUDY), RESOLVER)[1:3])
    assert a.base is b.base
    assert a.base_measure is b.base_measure
    assert a.final is not b.final


def test_a_resolved_spec_survives_json(write):
    for point in expand(write(STUDY), RESOLVER):
        assert RunSpec.model_validate_json(point.spec.model_dump_json()) == point.spec


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("methods.magnitude.critrion=random", "unknown key 'critrion'; did you mean 'criterion'.*in methods.magnitude"),
        ("methods.magnitude.criterion=magnitud", "unknown criterion 'magnitud'; did you mean 'magnitude'"),
        ("methods.magnitude.allocation=globl", "unknown allocation 'globl'; did you mean 'global'"),
        ("methods.magnitude.allocation=like:rando", "unknown method to be like 'rando'; did you mean 'random'"),
        ("methods.magnitude.options.power=3", "unknown option of magnitude 'power'"),
        ("task.network=lenet6", "unknown network 'lenet6'; did you mean 'lenet5'"),
        ("task.data=mnits", "unknown dataset 'mnits'; did you mean 'mnist'"),
        ("targets=[0.5]", "target compression 0.5x: expected 1 or more"),
        ("targets=[]", "targets"),
        ("targets=[2,2]", "must not repeat"),
        ("seeds=[]", r"seeds = \[\]: expected at least one"),
        ("seeds=-1", "seeds = -1: expected their number, 1 to 10,000, or a list of them"),
        ("seeds=1000000000", "seeds = 1000000000: expected their number, 1 to 10,000"),
        ("seeds=1.5", "seeds = 1.5: expected their number"),
        ("seeds=true", "seeds = True: expected their number"),
        ("targets=2", "targets = 2: expected a list"),
        ("retraining.finetune.schedule=constnt:1e-3 total:2", "constnt"),
        ("retraining.finetune.schedule=''", "expected a schedule"),
        ("retraining.finetune.methods=['nothing']", "expands to nothing"),
        ("retraining.finetune.granularity=channel", "expands to nothing"),
        ("task.checkpoint=x.safetensors", "either a pretrain recipe or a checkpoint"),
        ("methods.magnitude.granularity=filter", "input should be 'default', 'weight', 'channel' or 'block'"),
        ("methods.magnitude={criterion='bn_scale',granularity='weight'}", "scores channel units, not weight"),
        ("base_seeds=[7,7]", "must not repeat"),
        ("task.pretrain.optimizer={nesterov=true,momentum=0}", "nesterov needs a momentum above 0"),
        ("task.pretrain.optimizer={betas=[0.9,1]}", "betas .*: expected two numbers from 0 to below 1"),
        ("retraining.finetune.rewind_to=1", "finetune has no use for 'rewind_to'"),
        ("retraining.finetune.kind=scratch-e", "scratch-e has no use for 'schedule'"),
        ("retraining.finetune.recipe={schedule='none'}", "does not belong inside 'recipe'"),
        ("colour=red", "unknown key 'colour'"),
        ("name=a/b", "name"),
        ("nonsense", "expected key=value"),
    ],
)
def test_bad_input_is_refused_in_one_line(write, override, message):
    with pytest.raises(SpecError, match=message) as caught:
        expand(write(STUDY, override), RESOLVER)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("random.allocation=like:magnitude", "magnitude.allocation=like:random"), "unknown method to be like"),
        (("random.allocation=like:magnitude", "random.granularity=channel"), "granularity channel is not that of"),
        (("random.allocation=like:magnitude", "random.spare=['conv1']"), "spare .* is not that of magnitude"),
    ],
)
def test_a_method_can_only_be_like_one_that_prunes_the_same_units(write, overrides, message):
    with pytest.raises(SpecError, match=message):
        expand(write(STUDY, *(f"methods.{override}" for override in overrides)), RESOLVER)


def test_a_criterion_that_is_not_one_is_refused(write, tmp_path):
    (tmp_path / "mine.py").write_text("def plain(context):\n    return {}\n")
    with pytest.raises(SpecError, match="mine:plain is no criterion: decorate it"):
        expand(write(STUDY, "methods.magnitude.criterion=mine:plain"), replace(RESOLVER, folder=tmp_path))


def test_retraining_changes_only_the_fields_of_the_optimizer_that_it_names(write):
    base = "task.pretrain.optimizer={nesterov=true,weight_decay=5e-4}"
    study = write(STUDY, base, "retraining.finetune.recipe={optimizer={weight_decay=0},batch_size=32}")
    recipe = expand(study, RESOLVER)[0].spec.retraining.recipe
    assert recipe.optimizer == Optimizer(nesterov=True, weight_decay=0)
    assert recipe.batch_size == 32


def test_identity_does_not_depend_on_the_name_of_a_checkpoint_file(write):
    text = STUDY.replace("[task.pretrain]", "[task.x]").replace('schedule = "0:1e-1,2:1e-2 total:4"', "")
    one, other = (write(text.replace("[task.x]", f'checkpoint = "{name}"')) for name in ("a.th", "b.th"))
    ids = [{point.id for point in expand(study, RESOLVER)} for study in (one, other)]
    assert ids[0] == ids[1]
    again = replace(RESOLVER, checkpoint_digest=lambda _: "another")
    assert not ids[0] & {point.id for point in expand(other, again)}


def test_overrides_reach_into_what_is_written_as_a_name_alone(write):
    assert write(STUDY, "task.data.carve_test=100").tasks["mnist-lenet5"].data == DataSpec(name="mnist", carve_test=100)
    with pytest.raises(SpecError, match="'name' is not a table"):
        write(STUDY, "name.x=1")


def test_ratio_targets_stay_inside_zero_and_one(write):
    with pytest.raises(SpecError, match=r"ratio 1: expected the fraction of units removed"):
        write(STUDY, "axis=ratio", "targets=[1.0]")


def test_published_weights_are_barred_from_splits_carved_out_of_what_they_have_seen():
    table = {
        "name": "t",
        "targets": [2],
        "task": {"data": {"name": "cifar10", "carve_test": 10}, "network": "resnet20", "checkpoint": "w.th"},
        "methods": {"random": {"criterion": "random"}},
        "retraining": {"finetune": {"schedule": "constant:1e-3 total:1"}},
    }
    with pytest.raises(SpecError, match="has seen the training images"):
        expand(parse_study(table), RESOLVER)


def test_rewinding_replays_the_end_of_the_base_schedule(write):
    study = write(STUDY, "retraining.rewind.kind=lr-rewind", "retraining.rewind.epochs=3")
    point = next(p for p in expand(study, RESOLVER) if p.labels["retraining"] == "rewind" and p.spec.kind == "prune")
    assert point.spec.retraining.recipe.schedule == "0:1e-1,1:1e-2 total:3"


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(SpecError, match="no study file"):
        read_study(tmp_path / "none.toml")
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        read_study(tmp_path)
    (tmp_path / "bad.toml").write_text("a = [")
    with pytest.raises(SpecError, match=r"bad\.toml is not valid TOML"):
        read_study(tmp_path / "bad.toml")


def test_the_default_allocation_is_that_of_the_granularity():
    def allocation(**method):
        return filled("mine", Method(**method)).allocation

    assert allocation(criterion="magnitude") == "global"
    assert allocation(criterion="l1_norm") == allocation(criterion="random", granularity="channel") == "uniform"
    assert allocation(criterion="l1_norm", granularity="channel", allocation="global") == "global"
