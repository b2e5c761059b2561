"""A study's session: prepare it, choose what is to be run, run it, and leave a record of every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fairprune.canonical import Json, digest_bytes
from fairprune.data.root import data_root
from fairprune.errors import MissingDataError, SpecError
from fairprune.expand import Point, Resolver, expand
from fairprune.launch.names import stage_names
from fairprune.launch.site import Site
from fairprune.memo import Memo, uncollected
from fairprune.record import StageResult, Status
from fairprune.spec import Checkpoint, DataSpec
from fairprune.stages import Pipeline, Stage, pipeline, stages_of
from fairprune.store import Store, open_store
from fairprune.study import Study

if TYPE_CHECKING:  # what runs networks is imported by those who run them
    from fairprune.data.split import Data
    from fairprune.execute.workshop import Workshop
    from fairprune.launch.worker import Event

Recall = Callable[[DataSpec], Sequence[Mapping[str, str]]]
Policy = Literal["only-missing", "only-failed", "always", "never"]


@dataclass(frozen=True)
class Session:
    """A study with its runs resolved, and where it is worked on."""

    study: Study
    points: tuple[Point, ...]
    site: Site
    load: Callable[[DataSpec], Data]  # what has been loaded to resolve the runs need not be loaded again
    memo: Memo = field(default_factory=Memo, compare=False)  # what its runs share
    seen: Store | None = field(default=None, compare=False)  # the results over which it was opened, as they were then

    def open(self) -> Workshop:
        """The session's workshop in this process."""
        return self.site.open(self.load)

    def pipeline(self, point: Point) -> Pipeline:
        """The stages of one of its runs."""
        return self.memo.once("pipeline", (point.spec,), lambda: pipeline(point.spec, self.memo))

    def stages_of(self, point: Point) -> tuple[Stage, ...]:
        """The stages of one of its runs, in order, without saying which is what."""
        return stages_of(point.spec, self.memo)

    def stages(self, points: Iterable[Point]) -> tuple[Stage, ...]:
        """Every stage of some runs, parents first, each once; bases first, since most work waits for them."""
        with uncollected():
            stages = {stage.key: stage for point in points for stage in self.stages_of(point)}
        return tuple(sorted(stages.values(), key=lambda stage: stage.kind != "pretrain"))

    def names(self, points: Iterable[Point]) -> dict[str, str]:
        """Stage key -> what people call it, in a study of these runs."""
        with uncollected():
            return stage_names([(point, self.stages_of(point)) for point in points])


def prepare(study: Study, site: Site, recall: Recall = lambda _: ()) -> Session:
    """Resolve every run: reads the data and checkpoints for their digests, trains nothing.

    `recall` gives the digests with which results were made, to those who only read them: the data itself is asked where
    these are none or several, and need not be at hand where there are some.
    """
    load = site.data()
    files: dict[str, Path] = {}

    def checkpoint_digest(checkpoint: Checkpoint) -> str:
        path = _checkpoint_file(checkpoint.name, site)
        digest = digest_bytes(path.read_bytes())
        files[digest] = path
        return digest

    def data_digests(spec: DataSpec) -> Mapping[str, str]:
        known = recall(spec)
        if len(known) == 1:
            return known[0]
        try:
            return {name: split.digest for name, split in load(spec).splits.items()}
        except MissingDataError:
            if not known:
                raise
            return known[0]

    resolver = Resolver(
        data_digests=data_digests,
        checkpoint_digest=checkpoint_digest,
        folder=site.folder,
    )
    with uncollected():
        points = expand(study, resolver)
    return Session(study, points, replace(site, checkpoints=tuple(files.items())), load)


def _checkpoint_file(name: str, site: Site) -> Path:
    places = [folder / name for folder in (site.folder, data_root(site.data_root)) if folder is not None]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise SpecError(f"no checkpoint file '{name}': looked for {' and '.join(map(str, places))}")
    return found


def among(session: Session, wanted: Iterable[str]) -> Session:
    """The session with those of its runs whose identities begin so. Raises SpecError for what does not name one run."""
    found: dict[str, Point] = {}
    for start in wanted:
        fitting = [point for point in session.points if point.id.startswith(start)]
        if len(fitting) != 1:
            number = len(fitting) or "no"
            raise SpecError(
                f"{number} runs of {session.study.name} begin with '{start}'; `fairprune report` lists them"
            )
        found[fitting[0].id] = fitting[0]
    return replace(session, points=tuple(found.values()))


def chosen(points: Sequence[Point], store: Store, policy: Policy) -> list[Point]:
    """The runs that a policy would run.

    only-missing: those without a record. only-failed: those that failed, diverged or were skipped. always: all. never:
    none.
    """
    if policy in ("always", "never"):
        return list(points) if policy == "always" else []
    statuses = store.statuses()
    if policy == "only-missing":
        return [point for point in points if point.id not in statuses]
    return [point for point in points if statuses.get(point.id) in ("failed", "diverged", "skipped")]


def counts(points: Iterable[Point], statuses: Mapping[str, Status]) -> dict[str, int]:
    """How many of the runs are done, failed, diverged, skipped, missing; `statuses` are by run id."""
    found = Counter(statuses.get(point.id, "missing") for point in points)
    return {status: found[status] for status in ("done", "failed", "diverged", "skipped", "missing")}


def declaration(study: Study) -> dict[str, Json]:
    """What a study has to say before it has a result, and may not change after it without becoming exploratory."""
    declared: dict[str, Json] = {"axis": study.axis, "targets": sorted(study.targets), "endpoint": study.endpoint}
    return declared | {"control": study.control, "margin": study.margin}


def run(session: Session, policy: Policy, jobs: int, tell: Callable[[Event], None]) -> int:
    """Run what the policy chooses and store a record of each run as soon as it is complete; how many were run.

    With the first result, what the study declares is kept in the store. Raises before any compute for what cannot work.
    """
    from fairprune.execute.feasible import check_feasible
    from fairprune.launch.pool import work_in_processes
    from fairprune.launch.worker import work

    store = open_store(session.site.store)
    points = chosen(session.points, store, policy)
    workshop = session.open()
    check_feasible(points, workshop)
    stages = session.stages(points)
    if policy in ("always", "only-failed"):
        _forget(store, stages, everything=policy == "always")
    recorder = _Recorder(store, points, session.memo)

    def declare() -> None:
        store.declare(session.study.name, declaration(session.study))

    statuses = store.statuses()
    if any(point.id in statuses for point in session.points):
        declare()

    def listen(event: Event) -> None:
        if event.kind == "done":
            declare()
        recorder.hear(event)
        tell(event)

    if jobs > 1 and len(stages) > 1:
        work_in_processes(session.site, stages, min(jobs, len(stages)), listen)
    elif stages:
        work(workshop, stages, listen)
    return len(points)


def _forget(store: Store, stages: Iterable[Stage], *, everything: bool) -> None:
    for stage in stages:
        result = store.usable(stage.key)
        if result and (everything or result.status == "diverged"):
            store.forget_stage(stage.key)


@dataclass
class _Recorder:
    """Assembles each run's record when every stage of it is done or has failed, whichever worker says so first."""

    store: Store
    points: Sequence[Point]
    memo: Memo = field(default_factory=Memo)  # what the runs share
    _waiting: dict[str, list[Point]] = field(default_factory=dict)  # stage key -> runs that need it
    _missing: dict[str, set[str]] = field(default_factory=dict)  # run id -> stages still to come
    _results: dict[str, StageResult] = field(default_factory=dict)
    _failures: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for point in self.points:
            keys = {stage.key for stage in stages_of(point.spec, self.memo)}
            self._missing[point.id] = keys
            for key in keys:
                self._waiting.setdefault(key, []).append(point)

    def hear(self, event: Event) -> None:
        """Take in that a stage is done or has failed, and store the records that this completes."""
        from fairprune.execute.records import assemble

        if event.kind not in ("done", "failed"):
            return
        result = self._results.get(event.key) or self.store.stage(event.key)
        if result:
            self._results[event.key] = result
        if event.kind == "failed" and (result is None or result.status == "diverged"):
            self._failures[event.key] = event.note  # what failed here may have worked in another worker
        for point in self._waiting.pop(event.key, []):
            self._missing[point.id].discard(event.key)
            if not self._missing[point.id]:
                self.store.put_record(assemble(point, self._results, self._failures, self.store))
