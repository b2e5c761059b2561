"""Methods that should coincide do, to the bit; and many steps do what one step does not."""

import textwrap
from itertools import pairwise

import pytest
import torch

from fairprune.execute import pruning, sparsifying
from fairprune.execute.execution import Execution
from fairprune.hook import Hook
from fairprune.launch.session import prepare, run
from fairprune.launch.site import Site
from fairprune.measure.cost import count
from fairprune.pruning import deciding
from fairprune.pruning.allocation import global_
from fairprune.pruning.apply import space_of
from fairprune.pruning.criterion import criterion
from fairprune.pruning.deciding import Asked, Look, Procedure, decide
from fairprune.pruning.masks import apply_masks_
from fairprune.pruning.plan import MaskPlan
from fairprune.spec import Target
from fairprune.stages import Stage, pipeline
from fairprune.study import read_study

STUDY = """
    name = "coincidences"
    targets = [50.0]
    seeds = 1
    task = {data = "digits", network = "mine:neck", pretrain = {schedule = "constant:5e-2 total:0.2"}}
    [methods]
    once = {criterion = "magnitude", allocation = "uniform", spare = []}
    one-round = {criterion = "magnitude", allocation = "uniform", spare = [], rounds = 1, steps = 1}
    two-rounds = {criterion = "magnitude", allocation = "uniform", spare = [], rounds = 2}
    ranked = {criterion = "magnitude", spare = []}
    ranked-twice = {criterion = "magnitude", spare = [], rounds = 2}
    gradual = {training = {hook = "gradual", options = {end = 0.0}, schedule = "constant:1e-2 total:0.2"}, spare = []}
    looking = {criterion = "gradient_weight", spare = []}
    mended = {criterion = "obs", spare = [], calibration = {samples = 64}}
    drawn = {criterion = "random", spare = []}
    filters = {criterion = "l1_norm", granularity = "channel", spare = ["7"], allocation = "uniform"}
    synflow = {criterion = "synflow", spare = [], steps = 40}
    synflow-at-once = {criterion = "synflow", spare = [], steps = 1}
    [controls]
    dense = false
    random = false
    magnitude = false
    [retraining]
    nothing = {schedule = "none"}
"""
MINE = """
    from torch import nn

    def neck(classes, channels):
        widths = (64, 60, 4, 60, classes)
        layers = [nn.Linear(i, o, bias=False) for i, o in zip(widths, widths[1:])]
        return nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2], nn.ReLU(), layers[3])

    def normed(classes, channels):
        return nn.Sequential(
            nn.Conv2d(channels, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, classes))
"""


class Studied:
    """A study that was run."""

    def __init__(self, folder, text):
        (folder / "study.toml").write_text(textwrap.dedent(text))
        (folder / "mine.py").write_text(textwrap.dedent(MINE))
        session = prepare(
            read_study(folder / "study.toml"), Site(folder / "store", folder=folder, execution=Execution(threads=1))
        )
        run(session, "only-missing", 1, lambda _: None)
        self.session, self.workshop = session, session.open()
        self.points = {point.labels["method"]: point for point in session.points}

    def record(self, method):
        record = self.workshop.store.record(self.points[method].id)
        assert record.status == "done", record.reason
        return record

    def stages(self, method):
        return pipeline(self.points[method].spec)

    def result(self, stage):
        return self.workshop.store.stage(stage.key)


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    return Studied(tmp_path_factory.mktemp("coincidences"), STUDY)


def test_one_round_and_one_step_are_one_shot_pruning(studied):
    assert "once" not in studied.points  # the same run, which the later name has
    assert studied.record("one-round").on_target


@pytest.mark.parametrize(("once", "twice"), [("one-round", "two-rounds"), ("ranked", "ranked-twice")])
def test_rounds_with_no_training_between_them_are_one_shot_pruning(studied, once, twice):
    one, two = (studied.result(studied.stages(method).pruned) for method in (once, twice))
    assert one.key != two.key
    assert one.blobs == two.blobs
    assert one.info == two.info
    assert one.metrics == two.metrics
    between = next(stage for stage in studied.stages(twice).order if stage.kind == "prune")
    assert studied.result(between).info["achieved"] == pytest.approx(50**0.5, rel=0.01)


@pytest.mark.parametrize("method", ["one-round", "ranked", "looking", "mended", "drawn", "filters"])
def test_a_single_step_is_scoring_and_then_pruning(studied, method):
    """What a method of several steps does, with one: the same network, plan, accuracy and sizes, at the same cost."""
    stage = studied.stages(method).pruned
    start, score = stage.parents
    known, scored, pruned = (studied.result(s) for s in (start, score, stage))
    in_steps = Stage("prune", {**stage.spec, "scoring": dict(score.spec), "steps": 1}, (start, start))
    found = pruning.prune(studied.workshop, in_steps, (known, known))
    assert dict(found.blobs) == pruned.blobs
    assert (found.metrics, dict(found.info)) == (pruned.metrics, pruned.info)
    assert found.ledger.multiply_adds == pytest.approx(scored.ledger.multiply_adds + pruned.ledger.multiply_adds)


def test_gradual_pruning_that_ends_at_step_0_is_one_shot_magnitude(studied):
    gradual, once = (studied.stages(method).pruned for method in ("gradual", "one-round"))
    assert gradual.parents[0].kind == "sparsify"
    assert gradual.parents[0].parents[0] == once.parents[0]  # one base
    assert studied.result(gradual).blobs["plan"] == studied.result(once).blobs["plan"]


def test_in_many_steps_synaptic_flow_empties_no_layer_where_one_step_does(studied):
    many, one = studied.record("synflow"), studied.record("synflow-at-once")
    assert [entry.stage for entry in many.ledger if entry.stage in ("score", "prune")] == ["prune"]
    for record in (many, one):
        assert record.compression == pytest.approx(50, rel=0.01)
    assert min(kept for kept, _ in many.kept.values()) > 0
    assert min(kept for kept, _ in one.kept.values()) == 0
    flows = []
    for method in ("synflow", "synflow-at-once"):
        weights, _ = studied.workshop.store.tensors(studied.result(studied.stages(method).pruned).blobs["network"])
        flow = torch.ones(64)
        for name in ("1", "3", "5", "7"):
            flow = weights[f"{name}.weight"].abs() @ flow
        flows.append(float(flow.sum()))
    assert flows[0] > 0
    assert flows[1] == 0


@criterion(granularities=("weight",))
def smallest(context):
    """Turned round, so that weights of zero, which those that are gone have, score highest."""
    return {name: -weight.abs() for name, weight in context.weights.items()}


TARGETS = {"compression": 4.0, "speedup": 6.0, "ratio": 0.75}


@pytest.mark.parametrize("earlier", [0, 96])
@pytest.mark.parametrize("axis", TARGETS)
def test_every_step_removes_some_and_what_is_gone_never_comes_back(monkeypatch, axis, earlier):
    """Of a dense network, and of one in which an earlier round has left half of the weights."""
    network = torch.nn.Sequential(*(torch.nn.Linear(8, 8) for _ in range(3)))
    with torch.no_grad():
        network[0].weight[0] = 0
    masks = (torch.randperm(192, generator=torch.Generator().manual_seed(0)) >= earlier).reshape(3, 8, 8)
    plan = MaskPlan({f"{layer}.weight": mask for layer, mask in enumerate(masks)})
    apply_masks_(network, plan)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    example = torch.zeros(1, 8)
    space = space_of(network, plan, example, "weight", ())
    target = Target(axis=axis, value=TARGETS[axis])
    asked = Asked(space, "global", global_, target, count(network, example).size, 192)
    seen = [dict(zip("012", masks.flatten(1), strict=True))]
    select_masks = deciding.select_masks

    def watched(*arguments):
        seen.append(select_masks(*arguments))
        return seen[-1]

    monkeypatch.setattr(deciding, "select_masks", watched)
    look = Look(lambda: [], lambda outputs, _: outputs.sum(), example, 0)
    found = decide(network, asked, Procedure(smallest, steps=5), look)
    assert len(seen) == 5
    kept = [{name: set(mask.nonzero().flatten().tolist()) for name, mask in some.items()} for some in seen]
    kept.append({name: set(places.tolist()) for name, places in found.choice.kept.items()})
    for one, next_ in pairwise(kept):
        assert all(next_[name] <= one[name] for name in one)
    sizes = [sum(map(len, some.values())) for some in kept]
    fixed = 24 if axis == "compression" else 0  # biases
    factors = [(later + fixed) / (sooner + fixed) for sooner, later in pairwise(sizes)]
    assert max(factors) - min(factors) < 0.03  # all remove the same share of what is left
    assert found.choice.on_target
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in before.items())


SLIMMING = """
    name = "slimming"
    axis = "ratio"
    targets = [0.5]
    seeds = 1
    task = {data = "digits", network = "mine:normed", pretrain = {schedule = "constant:5e-2 total:0.2"}}
    [methods]
    slimming = {training = {hook = "slimming", options = {s = 0.0}, schedule = "constant:5e-2 total:0.4"}}
    [controls]
    dense = false
    random = false
    magnitude = false
    [retraining]
    nothing = {schedule = "none"}
"""


def test_network_slimming_without_penalty_is_plain_training(tmp_path, monkeypatch):
    studied = Studied(tmp_path, SLIMMING)
    [stage] = [stage for stage in studied.stages("slimming").order if stage.kind == "sparsify"]
    slimmed = studied.result(stage)
    monkeypatch.setattr(sparsifying, "hook_of", lambda *_: Hook())
    plain = sparsifying.sparsify(studied.workshop, stage, (studied.result(stage.parents[0]),))
    states = [studied.workshop.store.tensors(blobs["network"])[0] for blobs in (slimmed.blobs, plain.blobs)]
    base, _ = studied.workshop.store.tensors(studied.result(stage.parents[0]).blobs["network"])
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name
    assert not torch.equal(states[0]["1.weight"], base["1.weight"])
    assert slimmed.ledger.multiply_adds == plain.ledger.multiply_adds
