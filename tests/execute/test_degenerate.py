"""Scores that rank nothing, masks that leave a layer nothing: each has a clear end, and the study goes on."""

import textwrap

import pytest
import torch

from fairprune.audit.study import audit_study
from fairprune.execute.execution import Execution
from fairprune.execute.models import load_plan
from fairprune.launch.session import prepare, run
from fairprune.launch.site import Site
from fairprune.report import html
from fairprune.stages import pipeline
from fairprune.store import open_store
from fairprune.study import read_study
from fairprune.summary import summarise

STUDY = """
    name = "degenerate"
    targets = [3.0]
    seeds = 1
    task = {data = "digits", network = "digits_cnn", pretrain = {schedule = "constant:5e-2 total:0.5"}}
    [methods]
    nan = {criterion = "mine:broken", options = {value = "nan"}}
    infinite = {criterion = "mine:broken", options = {value = "inf"}}
    equal = {criterion = "mine:equal"}
    equal-filters = {criterion = "mine:equal", granularity = "channel"}
    emptied = {criterion = "mine:emptied"}
    late-nan = {training = {hook = "mine:late", schedule = "constant:1e-2 total:0.2"}}
    [methods.overflowing]
    start = "trained"
    training = {hook = "l0", schedule = "constant:1e-2 total:0.1", options = {strength = 1e300}}
    [controls]
    dense = false
    random = false
    magnitude = false
    [retraining]
    finetune = {schedule = "constant:1e-2 total:0.2"}
    rewound = {kind = "weight-rewind", methods = ["emptied"]}
    scratch = {kind = "scratch-e", methods = ["emptied"]}
"""
MINE = """
    import fairprune as fp
    import torch

    @fp.criterion()
    def broken(context, *, value: str = "nan"):
        scores = {name: weight.abs() for name, weight in context.weights.items()}
        if "conv2" in scores:
            scores["conv2"][0, 0, 0, 0] = float(value)
        return scores

    @fp.criterion()
    def equal(context):
        return {name: torch.ones_like(weight) for name, weight in context.weights.items()}

    @fp.criterion()
    def emptied(context):
        return {name: weight.abs() + (name != "conv2") for name, weight in context.weights.items()}

    @fp.training_method(paper="test", granularities=("weight",))
    def late(setting):
        shapes = setting.space.shapes
        return fp.Hook(finish=lambda: {name: torch.full(shape, torch.nan) for name, shape in shapes.items()})
"""


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """Session, workshop and (method, retraining) -> (point, record) of the study."""
    folder = tmp_path_factory.mktemp("degenerate")
    (folder / "study.toml").write_text(textwrap.dedent(STUDY))
    (folder / "mine.py").write_text(textwrap.dedent(MINE))
    site = Site(folder / "store", folder=folder, execution=Execution(threads=1))
    session = prepare(read_study(folder / "study.toml"), site)
    run(session, "only-missing", 1, lambda _: None)
    store = open_store(site.store)
    found = {(p.labels["method"], p.labels["retraining"]): (p, store.record(p.id)) for p in session.points}
    return session, session.open(), found


def plan_of(studied, method):
    _, workshop, found = studied
    point, record = found[method, "finetune"]
    assert record.status == "done", record.reason
    return load_plan(workshop, workshop.store.stage(pipeline(point.spec).pruned.key))


@pytest.mark.parametrize("method", ["nan", "infinite"])
def test_scores_that_are_not_finite_fail_the_run_and_name_criterion_and_layer(studied, method):
    _, _, found = studied
    _, record = found[method, "finetune"]
    assert record.status == "failed"
    assert record.reason == (
        "score: criterion 'broken': scores of layer 'conv2' have 1 values that are NaN or infinite"
    )
    assert {entry.stage for entry in record.ledger} == {"pretrain", "measure"}  # nothing was pruned or retrained


def test_so_do_those_that_a_training_leaves(studied):
    _, _, found = studied
    _, record = found["late-nan", "finetune"]
    assert record.status == "failed"
    assert record.reason == (
        "sparsify: training 'mine:late': scores of layer 'conv1' have 144 values that are NaN or infinite"
    )


def test_gates_that_the_last_step_broke_are_divergence(studied):
    _, _, found = studied
    _, record = found["overflowing", "finetune"]
    assert (record.status, record.reason) == (
        "diverged",
        "sparsify: log_alpha/conv1 of the method not finite in epoch 1",
    )
    assert [entry.steps for entry in record.ledger if entry.stage == "prune"] == [1]


def test_among_equal_weights_the_earlier_layers_and_the_lower_indices_stay(studied):
    masks = plan_of(studied, "equal").masks
    every = torch.cat([masks[f"{layer}.weight"].flatten() for layer in ("conv1", "conv2", "conv3")])
    kept = int(every.sum())
    assert 0 < kept < len(every)
    assert every[:kept].all()
    _, _, found = studied
    assert found["equal", "finetune"][1].on_target


def test_among_equal_filters_the_lower_indices_stay(studied):
    for side, kept in plan_of(studied, "equal-filters").kept.items():
        if side.endswith("/out"):
            assert kept.tolist() == list(range(len(kept))), side


@pytest.mark.parametrize("retraining", ["finetune", "rewound", "scratch"])
def test_a_layer_that_keeps_nothing_is_a_result(studied, retraining):
    _, workshop, found = studied
    point, record = found["emptied", retraining]
    assert record.status == "done", record.reason
    assert record.kept["conv2"] == (0, 32 * 16 * 9)
    assert record.on_target
    assert record.metric("top1") is not None
    final, _ = workshop.store.tensors(workshop.store.stage(pipeline(point.spec).final.key).blobs["network"])
    assert not final["conv2.weight"].any()
    assert all(bool(tensor.isfinite().all()) for tensor in final.values())


def test_the_audit_and_the_page_tell_of_it(studied):
    session, _, found = studied
    records = {point.id: record for point, record in found.values()}
    summary = summarise(session.study, session.points, records)
    findings = audit_study(session.study, session.points, records, summary)
    [collapsed] = [finding for finding in findings if finding.rule == "collapsed-layer"]
    assert "emptied at compression 3x: conv2" in collapsed.text
    emptied = {point.id for (method, _), (point, _) in found.items() if method == "emptied"}
    assert emptied <= set(collapsed.ids)
    page = html.page(summary, records, findings, command="fairprune run study.toml")
    assert "layers that keep nothing" in page
    assert "scores of layer &#39;conv2&#39; have 1 values that are NaN" in page
