"""A run as a graph of stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fairprune.memo import Memo
from fairprune.spec import Method, RunSpec, Target
from fairprune.stages import specs
from fairprune.stages.values import BASE, RUN, Node, Pipeline, Seeds, Shared, Stage, StageKind, ordered, placed


def pipeline(run: RunSpec, memo: Memo | None = None) -> Pipeline:
    """The stages of a run, in order. Runs that come with one memo share what they have in common."""
    graph, seeds = _graph(run, memo or Memo()), (run.base_seed, run.run_seed)
    stages = dict(zip(graph.order, placed(graph.order, seeds), strict=True))
    base, pruned, final, of_base, of_final = (node and stages[node] for node in graph.named)
    probes = tuple(stages[node] for node in graph.probes)
    return Pipeline(graph.at(seeds), base, pruned, final, of_base, of_final, probes)


def stages_of(run: RunSpec, memo: Memo) -> tuple[Stage, ...]:
    """The stages of a run, in order: its pipeline's, without saying which is what."""
    return _graph(run, memo).at((run.base_seed, run.run_seed))


def partial_target(target: Target, share: float) -> Target:
    """The target of an iterative round: what is kept shrinks by the same factor in each."""
    if share == 1:
        return target
    if target.axis == "ratio":
        return Target(axis="ratio", value=1 - (1 - target.value) ** share)
    return Target(axis=target.axis, value=target.value**share)


@dataclass(frozen=True)
class _Graph:
    """The stages of all runs that differ in their seeds alone. `named` are those of a `Pipeline`, in its order."""

    order: tuple[Node, ...]
    named: tuple[Any, ...]
    probes: tuple[Node, ...]

    def at(self, seeds: Seeds) -> tuple[Stage, ...]:
        """The stages of the run with these seeds, each once: two nodes may be one stage where both seeds are one."""
        stages = placed(self.order, seeds)
        return tuple({stage.key: stage for stage in stages}.values() if self.meeting else stages)

    @cached_property
    def meeting(self) -> bool:
        """Whether two nodes are one stage where both seeds are one."""
        return len({stage.key for stage in placed(self.order, (0, 0))}) < len(self.order)


def _graph(run: RunSpec, memo: Memo) -> _Graph:
    parts = (run.task, run.method, run.target, run.retraining, run.metrics, run.data_digests, run.versions)
    return memo.once(f"{run.kind} graph", parts, lambda: _drawn(_Run(run, memo)))


@dataclass(frozen=True)
class _Run:
    """A run of any seeds, and what it shares with others."""

    spec: RunSpec
    memo: Memo
    training: specs.Spec = field(init=False)  # what all its stages that train have in common

    def __post_init__(self) -> None:
        parts = (self.spec.task, self.spec.data_digests, self.spec.versions)
        object.__setattr__(self, "training", self.shared(specs.training, *parts))

    def shared(self, build: Callable[..., specs.Spec], *parts: object) -> specs.Spec:
        """A stage's spec, from parts of the run's."""
        return self.memo.once(build.__name__, parts, lambda: Shared(build(*parts)))

    def part(self, target: Target, number: int, rounds: int) -> Target:
        """The target of one of the rounds."""
        return self.memo.once("part", (target, number, rounds), lambda: partial_target(target, number / rounds))

    def stage(self, kind: StageKind, parents: tuple[Node, ...], spec: specs.Spec) -> Node:
        """The stage of a spec and parents; one object for all runs that have it."""
        return self.memo.once(f"{kind} stage", (spec, *parents), lambda: self._stage(kind, parents, spec))

    def _stage(self, kind: StageKind, parents: tuple[Node, ...], spec: specs.Spec) -> Node:
        assert isinstance(spec, Shared)
        stage = Stage(kind, spec, tuple(parent.stage for parent in parents))
        of_base, of_run = zip(spec.seeded, *(parent.seeded for parent in parents), strict=True)
        seeded = (any(of_base), any(of_run))
        return self.memo.once(f"stage {stage.key}", (), lambda: Node(stage, spec, parents, seeded))


def _drawn(run: _Run) -> _Graph:
    spec = run.spec
    base = _base(run, spec.method)
    pruned: Node | None = None
    if spec.method is None or spec.target is None:
        final = base if spec.retraining.kind == "train" else _retrain(run, base, 1)
    else:
        pruned = final = _pruned(run, spec.method, spec.target)
        if spec.kind == "scratch":
            final = _scratch(run, pruned)
        elif not spec.method.within:
            final = _retrain(run, pruned, spec.method.rounds)
    measures = _measure(run, base), _measure(run, final)
    probes = _probes(run, base, pruned, final)
    return _Graph(ordered((*measures, *probes)), (base, pruned, final, *measures), probes)


def _base(run: _Run, method: Method | None) -> Node:
    """What a method starts from, which is what its results are compared by: trained, or the initialisation."""
    if method is None or method.start != "init":
        rule = run.spec.retraining
        return _pretrain(run, rule.prune_at if rule.kind == "overall" else None)
    initial = _pretrain(run, 0.0)
    return _sparsify(run, initial, method, None, ()) if method.own_base else initial


def _pretrain(run: _Run, stop: float | None) -> Node:
    seed = BASE
    return run.stage("pretrain", (), run.shared(specs.pretrain, run.training, run.spec.task, seed, stop))


def _pruned(run: _Run, method: Method, target: Target) -> Node:
    """One-shot: score, prune. Iterative: score, prune, retrain, score, prune ... ending with a prune."""
    start = pruned = _base(run, method)
    for number in range(1, method.rounds + 1):
        part = run.part(target, number, method.rounds)
        like = (_pruned(run, method.like, part),) if method.like else ()
        if method.training and not method.own_base:
            start = _sparsify(run, start, method, target if method.training.bound else None, like)
        pruned = _prune(run, start, method, part, number, like)
        if number < method.rounds:
            start = _retrain(run, pruned, number)
    return pruned


def _sparsify(run: _Run, start: Node, method: Method, target: Target | None, like: tuple[Node, ...]) -> Node:
    """A method's own training, beside the base that it began with, and what it copies amounts from."""
    seed = BASE if method.own_base else RUN
    spec = run.shared(specs.sparsify, run.training, run.spec.versions, method, target, seed)
    return run.stage("sparsify", (start, start, *like) if like else (start,), spec)


def _prune(run: _Run, start: Node, method: Method, target: Target, number: int, like: tuple[Node, ...]) -> Node:
    """From the scores of a stage: a criterion's, or those of the method's own training. Some score as they go.

    The second parent is the one that holds the scores; a method that removes step by step, or layer by layer, has none.
    """
    versions, seed = run.spec.versions, RUN
    when = (seed, number) if specs.looks(method) else (None, None)
    scores = start
    if method.criterion and not method.gradual:
        scores = run.stage("score", (start,), run.shared(specs.scoring, versions, method, seed, number))
    return run.stage("prune", (start, scores, *like), run.shared(specs.prune, versions, method, target, *when))


def _retrain(run: _Run, start: Node, number: int) -> Node:
    """Retraining after a round; a rewinding recipe takes the base's weights of an earlier epoch with it.

    So do the rounds before a ticket is drawn anew, whose recipe is the whole of the base's.
    """
    rule = run.spec.retraining
    rewound = rule.kind == "weight-rewind" or rule.reading == "ticket"
    sources = (_pretrain(run, rule.rewind_to),) if rewound else ()
    spec = run.shared(specs.retrain, run.training, rule, RUN, number)
    return run.stage("retrain", (start, *sources), spec)


def _scratch(run: _Run, pruned: Node) -> Node:
    """The pruned architecture trained anew: of its parent, only the plan and the sizes are used."""
    spec = run.shared(specs.scratch, run.training, run.spec.retraining, RUN)
    return run.stage("scratch", (pruned,), spec)


def _measure(run: _Run, network: Node) -> Node:
    spec = run.shared(specs.measure, run.spec.data_digests, run.spec.task, run.spec.metrics.split)
    return run.stage("measure", (network,), spec)


def _probes(run: _Run, base: Node, pruned: Node | None, final: Node) -> tuple[Node, ...]:
    """What the study asks for besides. Latency is that of the pruned architecture, so retrainings of it share it."""
    asked = run.spec.metrics.latency
    timed = (run.stage("probe", (pruned,), run.shared(specs.latency, asked)),) if pruned and asked else ()
    return (*_jacobians(run, base, pruned, final), *timed)


def _jacobians(run: _Run, base: Node, pruned: Node | None, final: Node) -> tuple[Node, ...]:
    """The Jacobian of the base, the pruned and the final network, and along retraining, of which it is a repetition.

    Of the pruned network of a scratch run only the architecture counts.
    """
    asked = run.spec.metrics.jacobian
    if asked is None:
        return ()
    spec = run.shared(specs.jacobian, asked)
    kept = (pruned,) if pruned and run.spec.kind != "scratch" else ()
    networks = {network.stage.key: network for network in (base, *kept, final)}
    probes = [run.stage("probe", (network,), spec) for network in networks.values()]
    if asked.along and final.stage.kind == "retrain":
        probes.append(run.stage("probe", final.parents, run.shared(specs.along, final.stage.spec, spec)))
    return tuple(probes)
