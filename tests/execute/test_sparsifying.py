"""Methods that train while they prune, end to end: their stages, their ledger, and what the audit makes of it."""

import textwrap

import pytest

from fairprune.audit.measured import from_record
from fairprune.execute.execution import Execution
from fairprune.launch.session import prepare, run
from fairprune.launch.site import Site
from fairprune.stages import pipeline
from fairprune.store import open_store
from fairprune.study import read_study

STUDY = """
    name = "sparsifying"
    targets = [2.0, 4.0]
    seeds = 1
    [task]
    data = "digits"
    network = "digits_cnn"
    pretrain = {schedule = "constant:5e-2 total:2"}
    [methods.masked]
    training = {hook = "mine:masked", schedule = "constant:1e-2 total:1"}
    [methods.within]
    training = "mine:masked"
    start = "init"
    [methods.shrunk]
    training = {hook = "mine:shrunk", schedule = "constant:1e-2 total:1"}
    [methods.own_base]
    training = "mine:shrunk"
    start = "init"
    [methods.before]
    criterion = "magnitude"
    start = "init"
    [controls]
    random = false
    magnitude = false
    [retraining.finetune]
    schedule = "constant:1e-2 total:1"
"""
MINE = """
    import fairprune as fp
    import torch

    @fp.training_method(paper="test", granularities=("weight",), allocation="uniform")
    def masked(setting):
        weights = {f"{name}.weight": w for name, w in
                   ((n, setting.network.get_submodule(n).weight) for n in setting.space.layers)}
        scores = {name: weights[f"{name}.weight"].detach().abs() for name in setting.space.layers}
        masks = setting.space.plan(setting.choose(scores)).masks
        inside = {name: mask.float() for name, mask in masks.items()}
        current = [{}]

        def on_step(now):
            if now.step + 1 >= setting.per_epoch // 2:
                current[0] = masks
                with torch.no_grad():
                    for name, mask in inside.items():
                        weights[name].mul_(mask)

        return fp.Hook(
            on_step=on_step,
            masks=lambda: current[0],
            finish=lambda: {name.removesuffix(".weight"): mask for name, mask in inside.items()},
        )

    @fp.training_method(paper="test", granularities=("channel",), criterion="l1_norm", bound=False)
    def shrunk(setting, *, strength: float = 1e-3):
        weight = setting.network.get_submodule(setting.space.layers[0]).weight
        return fp.Hook(penalty=lambda _: strength * weight.abs().sum())
"""


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """Store and (method, retraining, target) -> (point, record) of the study, with methods of the user's own."""
    folder = tmp_path_factory.mktemp("sparsifying")
    (folder / "study.toml").write_text(textwrap.dedent(STUDY))
    (folder / "mine.py").write_text(textwrap.dedent(MINE))
    site = Site(folder / "store", folder=folder, execution=Execution(threads=1))
    session = prepare(read_study(folder / "study.toml"), site)
    run(session, "only-missing", 1, lambda _: None)
    store = open_store(site.store)
    found = {}
    for point in session.points:
        record = store.record(point.id)
        assert record.status == "done", record.reason
        target = point.spec.target.value if point.spec.target else 0
        found[point.labels["method"], point.labels["retraining"], target] = point, record
    return store, found


def ledger(record, stage):
    return [entry for entry in record.ledger if entry.stage == stage]


def test_training_is_charged_to_pruning_and_integrates_over_what_changes(studied):
    _, found = studied
    _, record = found["masked", "finetune", 4.0]
    training, removal = ledger(record, "prune")
    assert (training.epochs, training.schedule, removal.epochs) == (1, "constant:1e-2 total:1", 0)
    dense = training.steps // 2 * training.batch_size  # samples: whole for the first half of the epoch, then masked
    expected = dense * record.dense.macs + (training.samples - dense) * record.small.macs
    assert training.macs_per_sample == pytest.approx(expected / training.samples, rel=1e-6)
    assert training.multiply_adds == pytest.approx(3 * training.samples * training.macs_per_sample)
    assert training.executed == "dense"
    result = from_record(record)
    assert (result.pretrain_epochs, result.prune_epochs, result.retrain_epochs) == (2, 1, 1)


def test_the_training_decides_what_is_pruned(studied):
    store, found = studied
    point, record = found["masked", "finetune", 4.0]
    assert record.compression == pytest.approx(4, rel=0.01)
    stages = pipeline(point.spec)
    pruned, trained = (store.stage(key) for key in (stages.pruned.key, stages.pruned.parents[0].key))
    before = {m.name: pytest.approx(m.value, rel=1e-6) for m in trained.metrics}
    assert {m.name: m.value for m in pruned.metrics} == before  # removing what was masked already changes nothing


def test_pruning_within_the_whole_training_has_no_retraining(studied):
    _, found = studied
    _, record = found["within", "train", 2.0]
    result = from_record(record)
    assert (result.pretrain_epochs, result.prune_epochs, result.retrain_epochs) == (0, 2, 0)
    assert record.metric("top1") is not None
    _, before = found["before", "train", 2.0]
    first, second = (from_record(r).base_checkpoint for r in (record, before))
    assert first == second  # both start from the same initialisation
    assert from_record(before).retrain_epochs == 2


def test_a_penalty_from_scratch_is_a_base_of_its_own(studied):
    _, found = studied
    _, own = found["own_base", "finetune", 2.0]
    _, shared = found["shrunk", "finetune", 2.0]
    own_result, shared_result = from_record(own), from_record(shared)
    assert (own_result.pretrain_epochs, own_result.prune_epochs, own_result.retrain_epochs) == (2, 0, 1)
    assert (shared_result.pretrain_epochs, shared_result.prune_epochs) == (2, 1)
    assert own_result.base_checkpoint != shared_result.base_checkpoint
    assert own.metric("top1", "test", "base") is not None
    other = from_record(found["own_base", "finetune", 4.0][1])
    assert other.base_checkpoint == own_result.base_checkpoint


def test_the_dense_control_of_the_whole_training_is_the_base_itself(studied):
    _, found = studied
    _, record = found["dense", "train", 0]
    assert record.metric("top1") == record.metric("top1", "test", "base")
    assert record.compression == 1
    assert from_record(record).epochs == 2
    assert sum(entry.test_looks for entry in record.ledger) == 1
