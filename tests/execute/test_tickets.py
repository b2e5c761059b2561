"""Lottery tickets: which weights training starts from, under which mask, at which rates, and what it is charged."""

import textwrap
from dataclasses import replace

import pytest
import torch

from fairprune import schedules
from fairprune.audit.measured import from_record
from fairprune.execute import training
from fairprune.execute.execution import Execution
from fairprune.execute.models import load_plan
from fairprune.hook import Hook
from fairprune.launch.session import prepare, run
from fairprune.launch.site import Site
from fairprune.schedules import parse
from fairprune.stages import pipeline
from fairprune.study import read_study

BASE = "0:5e-2,0.4:1e-2 total:0.6"  # 7 steps of 11 in an epoch
EARLY = 0.3  # 3 of them
STUDY = f"""
    name = "tickets"
    targets = [4.0]
    base_seeds = [0]
    seeds = [0, 1]
    task = {{data = "digits", network = "mine:small", pretrain = {{schedule = "{BASE}"}}}}
    [methods]
    ticket = {{criterion = "magnitude", rounds = 2, spare = []}}
    random = {{criterion = "random", allocation = "like:ticket", spare = []}}
    [controls]
    dense = false
    random = false
    magnitude = false
    [retraining]
    rewound = {{kind = "weight-rewind"}}
    late = {{kind = "weight-rewind", rewind_to = {EARLY}, methods = ["ticket"]}}
    anew = {{kind = "scratch-e", reading = "ticket", methods = ["ticket"]}}
    late-anew = {{kind = "scratch-e", reading = "ticket", rewind_to = {EARLY}, methods = ["ticket"]}}
    replayed = {{kind = "lr-rewind", epochs = 0.3, methods = ["ticket"]}}
"""
MINE = """
    from torch import nn

    class Small(nn.Sequential):
        def __init__(self, classes, channels):
            super().__init__(
                nn.Conv2d(channels, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(),
                nn.Conv2d(8, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(), nn.Linear(32, classes))

        def initialise(self):
            nn.init.normal_(self[3].weight, std=0.25)

    def small(classes, channels):
        return Small(classes, channels)
"""
PARAMETERS = 80 + 2336 + 80 + 330  # two convolutions, the batch norms, the linear layer


class Studied:
    """A study that was run, with what its trainings began from: stage key -> state, course; and states after steps."""

    def __init__(self, folder):
        self.begun, self.courses, self.after, current = {}, {}, {}, []
        train, fit = training.train, training.fit

        def watched_train(workshop, stage, model, course, *rest, **named):
            self.begun[stage.key] = copied(model.network)
            self.courses[stage.key] = course
            current[:] = [stage.key]
            return train(workshop, stage, model, course, *rest, **named)

        def watched_fit(network, course, **how):
            after = self.after[current[0]] = [copied(network)]
            hook = Hook(on_step=lambda _: after.append(copied(network)))
            return fit(network, replace(course, hook=hook), **how)

        (folder / "study.toml").write_text(textwrap.dedent(STUDY))
        (folder / "mine.py").write_text(textwrap.dedent(MINE))
        site = Site(folder / "store", folder=folder, execution=Execution(threads=1))
        session = prepare(read_study(folder / "study.toml"), site)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training, "train", watched_train)
            patch.setattr(training, "fit", watched_fit)
            run(session, "only-missing", 1, lambda _: None)
        self.workshop = session.open()
        self.points = {(p.labels["method"], p.labels["retraining"], p.spec.run_seed): p for p in session.points}

    def stages(self, *labels):
        return pipeline(self.points[labels].spec)

    def of(self, kind, *labels):
        return [stage for stage in self.stages(*labels).order if stage.kind == kind]

    def record(self, *labels):
        record = self.workshop.store.record(self.points[labels].id)
        assert record.status == "done", record.reason
        return record

    def result(self, stage):
        return self.workshop.store.stage(stage.key)

    def masks(self, pruned):
        return load_plan(self.workshop, self.result(pruned)).masks


def copied(network):
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def masked(state, masks):
    return {name: tensor * masks[name] if name in masks else tensor for name, tensor in state.items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(tensor, b[name]) for name, tensor in a.items())


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    return Studied(tmp_path_factory.mktemp("tickets"))


@pytest.mark.parametrize(("retraining", "step"), [("rewound", 0), ("late", 3)])
@pytest.mark.parametrize("seed", [0, 1])
def test_training_starts_from_the_saved_step_times_the_mask_to_the_bit(studied, retraining, step, seed):
    base = studied.stages("ticket", retraining, seed).base
    assert len(studied.after[base.key]) == 1 + 7
    saved = studied.after[base.key][step]
    rounds = studied.of("retrain", "ticket", retraining, seed)
    assert len(rounds) == 2
    for stage in rounds:
        masks = studied.masks(stage.parents[0])
        assert not all(mask.all() for mask in masks.values())
        assert same(studied.begun[stage.key], masked(saved, masks))
        assert not same(studied.begun[stage.key], masked(studied.after[base.key][step + 1], masks))


@pytest.mark.parametrize("retraining", ["rewound", "late", "replayed"])
def test_rounds_prune_what_they_have_trained_and_masks_only_shrink(studied, retraining):
    first, second = studied.of("prune", "ticket", retraining, 0)
    before, after = studied.masks(first), studied.masks(second)
    assert all((after[name] <= before[name]).all() for name in before)
    assert second.parents[0] == studied.of("retrain", "ticket", retraining, 0)[0]
    kept = [sum(int(mask.sum()) for mask in masks.values()) for masks in (before, after)]
    others = PARAMETERS - sum(mask.numel() for mask in before.values())
    assert kept == [pytest.approx(PARAMETERS / rate - others, abs=1) for rate in (2, 4)]


@pytest.mark.parametrize(("anew", "rewound"), [("anew", "rewound"), ("late-anew", "late")])
def test_the_control_has_the_same_masks_and_the_networks_own_initialisation(studied, anew, rewound):
    drawn = []
    for seed in (0, 1):
        pruned = studied.stages("ticket", anew, seed).pruned
        assert pruned.key == studied.stages("ticket", rewound, seed).pruned.key
        [stage] = studied.of("scratch", "ticket", anew, seed)
        masks, start = studied.masks(pruned), studied.begun[stage.key]
        assert same(start, masked(start, masks))
        kept = start["3.weight"][masks["3.weight"]]
        rescaled = (2 / (len(kept) / 8)) ** 0.5  # as Liu et al. do for scratch runs
        assert abs(rescaled / 0.25 - 1) > 0.2
        assert float(kept.std()) == pytest.approx(0.25, rel=0.1)
        assert str(studied.courses[stage.key].schedule) == str(parse(BASE))
        drawn.append(start)
    base = studied.begun[studied.stages("ticket", anew, 0).base.key]
    both = (drawn[0]["3.weight"] != 0) & (drawn[1]["3.weight"] != 0)
    assert both.any()
    for one, other in (drawn, (drawn[0], base)):
        assert not (one["3.weight"] == other["3.weight"])[both].any()


def test_a_random_ticket_has_the_same_counts_and_another_mask(studied):
    for seed in (0, 1):
        ticket, random = (studied.record(method, "rewound", seed) for method in ("ticket", "random"))
        assert ticket.kept == random.kept
        masks = [studied.masks(studied.stages(method, "rewound", seed).pruned) for method in ("ticket", "random")]
        assert not same(*masks)
        [stage] = studied.of("retrain", "random", "rewound", seed)[-1:]
        initial = studied.after[studied.stages("ticket", "rewound", seed).base.key][0]
        assert same(studied.begun[stage.key], masked(initial, masks[1]))


def test_lr_rewinding_replays_the_last_rates_from_the_pruned_weights_in_every_round(studied):
    rounds = studied.of("retrain", "ticket", "replayed", 0)
    assert len(rounds) == 2
    for stage in rounds:
        schedule = studied.courses[stage.key].schedule
        assert [schedule.at(epoch) for epoch in (0.05, 0.15, 0.25)] == [0.05, 0.01, 0.01]
        left, _ = studied.workshop.store.tensors(studied.result(stage.parents[0]).blobs["network"])
        assert same(studied.begun[stage.key], left)


@pytest.mark.parametrize(("retraining", "start"), [("rewound", 0.0), ("late", EARLY), ("replayed", 0.3)])
def test_the_ledger_has_every_round_and_the_audit_joins_them(studied, retraining, start):
    record = studied.record("ticket", retraining, 0)
    trained = [entry for entry in record.ledger if entry.stage == "retrain"]
    again = parse(BASE).cut(start, 0.6)
    assert [entry.schedule for entry in trained] == [str(again)] * 2
    results = [studied.result(stage).ledger for stage in studied.of("retrain", "ticket", retraining, 0)]
    assert [entry.multiply_adds for entry in trained] == [result.multiply_adds for result in results]
    assert trained[0].macs_per_sample > trained[1].macs_per_sample > 0
    found = from_record(record)
    assert found.retrain_schedule == again.then(again)
    assert found.retrain_epochs == pytest.approx(2 * again.total)
    assert (found.pretrain_epochs, found.prune_epochs) == (0.6, 0)
    mean = (trained[0].macs_per_sample + trained[1].macs_per_sample) / 2
    assert found.retrain_macs == pytest.approx(mean)
    assert found.base_checkpoint == studied.result(studied.stages("ticket", retraining, 0).base).digest
    assert schedules.same(found.schedule, parse(BASE).then(again).then(again))


def test_drawn_anew_a_ticket_is_charged_its_own_training_alone(studied):
    found = from_record(studied.record("ticket", "anew", 0))
    assert (found.kind, found.epochs, found.base_checkpoint) == ("scratch", 0.6, None)
