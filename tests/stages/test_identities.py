"""Identities of runs and keys of stages do not change: results lie under them. And every seed has the graph of its own.

Where a digest here changes, the same spec has another identity, so that every store loses its results: that takes a
raised version and a line in the changelog, not another digest.
"""

import json
import tomllib

import pytest

from fairprune.canonical import digest
from fairprune.expand import Resolver, expand
from fairprune.memo import Memo
from fairprune.spec import RunSpec
from fairprune.stages import pipeline, shared_part, stages_of
from fairprune.study import parse_study

TASK = """
    [task]
    data = { name = "digits", validation = 0.2 }
    network = "digits_cnn"
    pretrain = { schedule = "cosine:5e-2->1e-4 total:20 warmup:1", optimizer = { nesterov = true } }
"""
PLAIN = """
    name = "plain"
    targets = [2, 4.5]
    seeds = [0, 3]
    [methods.magnitude]
    criterion = "magnitude"
    [methods.filters]
    criterion = "l1_norm"
    granularity = "channel"
    repair = "least_squares"
    [methods.brain]
    criterion = "obs"
    rounds = 2
    [methods.snip]
    criterion = "snip"
    [retraining.finetune]
    schedule = "constant:1e-3 total:5"
    recipe = { batch_size = 32 }
    [retraining.scratch]
    kind = "scratch-b"
    methods = ["filters"]
    max_factor = 2
"""
TRAINED = """
    name = "trained"
    axis = "speedup"
    targets = [2]
    base_seeds = [0, 1]
    seeds = [1, 2]
    metrics = { jacobian = { along = true }, latency = true, trainability = true }
    [methods.slimming]
    training = { hook = "slimming" }
    start = "init"
    [methods.greg]
    training = { hook = "greg1", schedule = "constant:1e-3 total:4" }
    [methods.random]
    criterion = "random"
    granularity = "channel"
    allocation = "like:greg"
    [controls]
    random = false
    magnitude = false
    [retraining.overall]
    kind = "overall"
    prune_at = 5
    methods = ["greg", "random"]
    [retraining.finetune]
    schedule = "0:1e-2,2:1e-3 total:3"
"""
TICKETS = """
    name = "tickets"
    targets = [4]
    seeds = 2
    [methods.ticket]
    criterion = "magnitude"
    rounds = 3
    [methods.dropout]
    training = { hook = "rigl" }
    [controls]
    random = false
    magnitude = false
    [retraining.rewound]
    kind = "weight-rewind"
    rewind_to = 1.5
    [retraining.replayed]
    kind = "lr-rewind"
    epochs = 4
    [retraining.anew]
    kind = "scratch-e"
    reading = "ticket"
    rewind_to = 1.5
    methods = ["ticket"]
"""
STUDIES = {"plain": PLAIN, "trained": TRAINED, "tickets": TICKETS}


def points_of(text):
    resolver = Resolver(lambda _: dict.fromkeys(("train", "validation", "test"), "ab" * 32), lambda _: "cd" * 32)
    return expand(parse_study(tomllib.loads(text + TASK)), resolver)


def said(points, memo=None):
    """Everything that is asked of some runs: identities, and of every stage key, kind, spec and parents."""
    for point in points:
        found = pipeline(point.spec, memo)
        named = (found.base, found.pruned, found.final, found.base_measure, found.final_measure, *found.probes)
        stages = [[s.kind, s.key, dict(s.spec), [parent.key for parent in s.parents]] for s in found.order]
        yield [point.id, dict(point.labels), stages, [stage.key if stage else None for stage in named]]


@pytest.mark.parametrize(
    ("name", "runs", "known"),
    [("plain", 44, "0afdd6f6f21d18c3"), ("trained", 28, "14f7ad3d7495521c"), ("tickets", 14, "e380c6ea90eb8124")],
)
def test_identities_and_keys_are_those_of_the_first_version(name, runs, known):
    points = points_of(STUDIES[name])
    assert (len(points), digest(list(said(points)))[:16]) == (runs, known)


@pytest.mark.parametrize("name", STUDIES)
def test_what_runs_share_changes_nothing(name):
    points, memo = points_of(STUDIES[name]), Memo()
    assert list(said(points, memo)) == list(said(points))
    for point in points:
        assert stages_of(point.spec, memo) == pipeline(point.spec, memo).order
    stages = [stage for point in points for stage in stages_of(point.spec, memo)]
    assert len({id(stage) for stage in stages}) == len({stage.key for stage in stages})


def test_identities_are_those_of_the_whole_spec():
    """A run's identity is the hash of its spec, whichever way it was made: here by validating what was written down."""
    for point in points_of(PLAIN):
        written = json.loads(point.spec.model_dump_json())
        assert RunSpec.model_validate(written) == point.spec
        assert point.spec.model_copy(update={"run_seed": 9}).model_dump() == {**point.spec.model_dump(), "run_seed": 9}
        for later in ("prune_at", "tuned"):  # as of studies that could not ask for them
            del written["retraining"][later]
        del written["metrics"]
        assert digest(written)[:16] == point.id


def test_seeds_stand_where_they_belong_and_specs_share_the_rest():
    memo, points = Memo(), points_of(TRAINED)
    for point in points:
        for stage in stages_of(point.spec, memo):
            if stage.kind == "pretrain":
                assert stage.spec["base_seed"] == point.spec.base_seed
            if "run_seed" in stage.spec:
                assert stage.spec["run_seed"] == point.spec.run_seed
            assert "\0" not in json.dumps(dict(stage.spec))
    pretrained = {stage.key: stage for p in points for stage in stages_of(p.spec, memo) if stage.kind == "pretrain"}
    assert len({id(shared_part(stage.spec)) for stage in pretrained.values()}) < len(pretrained)
