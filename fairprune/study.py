"""Studies: a TOML file becomes a Study, validated before anything is computed."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from fairprune.errors import SpecError
from fairprune.spec import Method, Metrics, Reading, RetrainingKind, Target, Task, Value
from fairprune.validation import validate

NAMED = ("data", "network", "checkpoint")  # tables of a task that may be written as their name alone

MOST_SEEDS = 10_000
Demand = Literal["", "S1", "S2", "S3.1", "S3.2", "S4.1", "S4.2", "SX-A", "SX-B", "S4.2-overall"]


class Controls(Value):
    """Controls that every study has unless it switches them off, which the audit then reports."""

    dense: bool = True  # the dense network retrained under the same recipe
    random: bool = True  # random pruning at every granularity of the study
    magnitude: bool = True  # magnitude (weights) and L1 norm (channels)
    like: bool = False  # both with the amounts of each method that chooses its own, retrained as it; off, a finding too


class Chosen(Value):
    """The rate that trials chose for a method at a target; the dense network has none."""

    task: str
    method: str
    target: float | None = None
    rate: Annotated[float, Field(gt=0)]


class Tuning(Value):
    """What `fairprune tune` tries: the largest rate of each retraining, by validation accuracy."""

    rates: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=2)]
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    retraining: tuple[str, ...] = ("*",)  # which entries, by pattern; scratch has its base's rate


class RetrainingEntry(Value):
    """A retraining recipe as written: fields that are left out are those of the base's recipe."""

    kind: RetrainingKind = "finetune"
    schedule: str = ""
    epochs: Annotated[float, Field(gt=0)] | None = None  # lr-rewind: how many are replayed; wang's scratch: K2
    rewind_to: Annotated[float, Field(ge=0)] = 0.0
    prune_at: Annotated[float, Field(gt=0)] | None = None  # overall: the epoch of the base's schedule that ends it
    reading: Reading = "liu"
    max_factor: Annotated[float, Field(ge=1)] | None = None
    recipe: Annotated[dict[str, Any], Field(default_factory=dict)]  # fields of a Recipe that differ from the base's
    methods: tuple[str, ...] = ("*",)  # which methods it applies to, by pattern, and the controls that are like them
    granularity: Literal["any", "weight", "channel", "block"] = "any"
    rate: Annotated[float, Field(gt=0)] | None = None  # the schedule's largest rate; None: as it is written
    rates: tuple[Chosen, ...] = ()  # that of every method at every target, chosen by trials

    @model_validator(mode="after")
    def _meant(self) -> Self:
        """What the kind would silently ignore is refused."""
        scratch = self.kind.startswith("scratch")
        used = {
            "schedule": self.kind == "finetune",
            "epochs": self.kind == "lr-rewind" or (scratch and self.reading == "wang"),
            "rewind_to": self.kind == "weight-rewind" or (scratch and self.reading == "ticket"),
            "prune_at": self.kind == "overall",
            "reading": scratch,
            "max_factor": self.kind == "scratch-b",
            "rate": self.tunable,
            "rates": self.tunable,
        }
        for key in self.model_fields_set:
            if not used.get(key, True):
                raise ValueError(f"{self.kind} has no use for '{key}'")
        if "schedule" in self.recipe:
            raise ValueError(
                "the schedule does not belong inside 'recipe': finetune takes one beside it, others have none"
            )
        return self

    @property
    def tunable(self) -> bool:
        """Whether it has a rate of its own."""
        return self.kind in ("finetune", "lr-rewind", "weight-rewind")


class Study(Value):
    """A study as written, validated. `axis`, `targets`, `endpoint` and `control` are declared before it runs."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    question: str = ""
    axis: Literal["compression", "speedup", "ratio"] = "compression"
    targets: Annotated[tuple[float, ...], Field(min_length=1)]
    endpoint: str = "top1"
    control: str = "random"  # pattern over method names; each method is contrasted with the control of its granularity
    margin: Annotated[float, Field(gt=0)] | None = None  # points: differences are also tested to lie within it
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0, 1, 2)
    base_seeds: tuple[int, ...] = ()  # empty: each seed has a base of its own; else every base with every seed
    tasks: Annotated[dict[str, Task], Field(min_length=1)]
    methods: Annotated[dict[str, Method], Field(min_length=1)]
    retraining: Annotated[dict[str, RetrainingEntry], Field(min_length=1)]
    controls: Controls = Controls()
    metrics: Metrics = Metrics()
    demand: Demand = ""  # a comparison setup that all compared results must reach, or the study is refused
    tuning: Tuning | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for value in self.targets:
            if nonsense := Target(axis=self.axis, value=value).nonsense:
                raise ValueError(nonsense)
        tuned = (self.tuning.rates, self.tuning.seeds) if self.tuning else ()
        if any(len(set(values)) < len(values) for values in (self.targets, self.seeds, self.base_seeds, *tuned)):
            raise ValueError("targets, seeds, base_seeds and rates must not repeat")
        if self.tuning and (both := set(self.tuning.seeds) & {*self.seeds, *self.base_seeds}):
            raise ValueError(f"seed {min(both)} is used for tuning and for results: expected others in tuning.seeds")
        return self

    @property
    def seed_pairs(self) -> tuple[tuple[int, int], ...]:
        """(base_seed, run_seed) of every replicate."""
        if self.base_seeds:
            return tuple(itertools.product(self.base_seeds, self.seeds))
        return tuple((seed, seed) for seed in self.seeds)


def answers(pattern: str, method: str, granularity: str) -> bool:
    """Whether a method is named by a pattern for controls.

    `NAME-GRANULARITY` and `NAME-GRANULARITY-init`, as expansion names the controls that it adds, answer to `NAME` too.
    """
    return any(fnmatchcase(method, f"{pattern}{end}") for end in ("", f"-{granularity}", f"-{granularity}-init"))


def read_study(path: Path, overrides: Sequence[str] = ()) -> Study:
    """The study in a TOML file, with `key.path=value` overrides (values in TOML syntax, or bare strings)."""
    if not path.exists():
        raise SpecError(f"no study file {path}")
    table = read_toml(path)
    for override in overrides:
        _override(table, override)
    return parse_study(table, str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file holds. Raises SpecError for one that cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is not valid TOML: {error}") from None


def toml_value(text: str) -> Any:
    """A value in TOML syntax; what is none is a string as it stands."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def parse_study(table: dict[str, Any], where: str = "study") -> Study:
    """The study in a table, in the shape of the TOML file. `task` may stand for a single entry of `tasks`."""
    table = dict(table)
    if "task" in table:
        if "tasks" in table:
            raise SpecError(f"{where}: give either [task] or [tasks.NAME], not both")
        single = table.pop("task")
        table["tasks"] = {_task_name(single): single}
    if "seeds" in table:
        table["seeds"] = _replicates(table["seeds"], where)
    table["tasks"] = {name: _shorthand(entry) for name, entry in _tables(table, "tasks", where).items()}
    return validate(Study, table, where)


def _replicates(value: Any, where: str) -> Any:
    """Seeds from their number, or as they are listed."""
    if isinstance(value, list | tuple):
        return value
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_SEEDS:
        raise SpecError(f"{where}: seeds = {value!r}: expected their number, 1 to {MOST_SEEDS:,}, or a list of them")
    return list(range(value))


def _tables(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = table.get(key)
    if not isinstance(value, Mapping):
        raise SpecError(f"{where}: expected a table [{key.removesuffix('s')}] or [{key}.NAME]")
    return value


def _task_name(task: Any) -> str:
    parts = [task.get(key) for key in ("data", "network")] if isinstance(task, Mapping) else []
    return "-".join(str(part["name"] if isinstance(part, Mapping) and "name" in part else part) for part in parts)


def _shorthand(task: Any) -> Any:
    """`data = "mnist"` stands for `data = {name = "mnist"}`; likewise network, checkpoint."""
    if not isinstance(task, Mapping):
        return task
    named = {key: {"name": task[key]} for key in NAMED if isinstance(task.get(key), str)}
    return {**task, **named}


def _override(table: dict[str, Any], text: str) -> None:
    path, equals, raw = text.partition("=")
    if not equals:
        raise SpecError(f"override '{text}': expected key=value, e.g. targets=[2,4] or task.precision=bf16")
    *parents, last = path.strip().split(".")
    for key in parents:
        if key in NAMED and isinstance(table.get(key), str):
            table[key] = {"name": table[key]}
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise SpecError(f"override '{text}': '{key}' is not a table")
    table[last] = toml_value(raw)
