"""Studies from a few answers: which methods are compared on what, and for how long, as a commented TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from fairprune import registry, schedules
from fairprune.audit.finding import listed
from fairprune.corpus.filling import FAMILIES, Family
from fairprune.drafts.writing import commented, inline, key_of, quoted
from fairprune.errors import FairpruneError, SpecError, unknown
from fairprune.execute.feasible import check_feasible
from fairprune.launch.session import prepare
from fairprune.launch.site import Site
from fairprune.pruning.criterion import Criterion
from fairprune.pruning.training_method import TrainingMethod
from fairprune.study import parse_study

Units = Literal["weights", "channels"]
Axis = Literal["compression", "speedup", "ratio"]
Time = Literal["short", "medium", "long"]
KINDS: tuple[registry.Kind, ...] = ("criterion", "training")  # of components that are methods
UNITS, TIMES = get_args(Units), get_args(Time)
AXES: Mapping[Units, Axis] = {"weights": "compression", "channels": "speedup"}  # what each is mostly judged by
TARGETS: Mapping[Axis, tuple[float, ...]] = {"compression": (2, 4, 8), "speedup": (1.5, 2, 3), "ratio": (0.3, 0.5, 0.7)}
USUAL: Mapping[Units, tuple[str, ...]] = {  # controls join by themselves
    "weights": ("gradient_weight", "lamp"),
    "channels": ("fpgm", "taylor"),
}
_NETWORKS = {"digits": "digits_cnn", "mnist": "lenet5", "cifar10": "resnet20", "cifar100": "resnet56"}
_OTHERS = Family(
    "others",
    frozenset(("digits",)),
    frozenset(("digits_cnn",)),
    '{ schedule = "cosine:5e-2->1e-4 total:20 warmup:1", batch_size = 64, '
    "optimizer = { weight_decay = 5e-4, nesterov = true } }",
    "cosine:1e-2->1e-4 total:8",
    "constant:1e-2 total:8",
    "A recipe that suits small networks; it is no paper's.",
)
_EPOCHS = {"mnist": (1.0, 4.0, 12.0), "cifar": (10.0, 50.0, 200.0), "others": (4.0, 20.0, 60.0)}  # of a base, by time


@dataclass(frozen=True)
class Draft:
    """What a study compares. `methods` are criteria and trainings by name, or `module:attribute` of one's own."""

    name: str
    data: str
    network: str
    units: Units
    methods: tuple[str, ...]
    axis: Axis
    targets: tuple[float, ...]
    seeds: int
    time: Time
    data_options: Mapping[str, Any] = field(default_factory=dict)


def usual_network(data: str) -> str:
    """The network that a data set is mostly used with here."""
    return _NETWORKS.get(data, "resnet20")


def networks_for(data: str) -> list[str]:
    """Networks that the recipes of a data set are for, its usual one first."""
    usual = usual_network(data)
    return [usual, *(name for name in registry.BUILTIN["network"] if name in _family(data).networks - {usual})]


def methods_for(units: Units) -> dict[str, str]:
    """Name -> what it is, of every criterion and training that ships and prunes such units."""
    granularity = _granularity(units)
    return {
        entry.name: entry.summary
        for kind in KINDS
        for entry in registry.BUILTIN[kind].values()
        if granularity in registry.load(kind, entry.name).granularities
    }


def method_for(name: str, units: Units, folder: Path | None = None) -> Criterion | TrainingMethod:
    """The criterion or training of a name. Raises SpecError for one that there is not, or that prunes other units."""
    if ":" not in name and name not in methods_for(units):
        every = {**registry.BUILTIN["criterion"], **registry.BUILTIN["training"]}
        if name in every:
            raise SpecError(f"{name} does not prune {units}; what does: {', '.join(methods_for(units))}")
        raise SpecError(unknown("method", name, methods_for(units)) + "; your own: module:attribute of a file here")
    kind: registry.Kind = "training" if name in registry.BUILTIN["training"] else "criterion"
    found = registry.load(kind, name, folder)
    if not isinstance(found, Criterion | TrainingMethod):
        raise SpecError(f"{name} is neither a criterion nor a training: decorate it with @fairprune.criterion()")
    if _granularity(units) not in found.granularities:
        raise SpecError(f"{name} prunes {' and '.join(found.granularities)} units, not {units}")
    return found


def misfits(draft: Draft, site: Site) -> dict[str, str]:
    """Method -> why it cannot work there, for those of the draft's methods that cannot. Trains nothing.

    Raises MissingDataError where the data is not at hand.
    """
    study = parse_study(tomllib.loads(written(draft, "", site.folder)), draft.name)
    session = prepare(study, site)
    workshop, found = session.open(), {}
    for method in study.methods:
        try:
            check_feasible([point for point in session.points if point.labels["method"] == method], workshop)
        except FairpruneError as error:
            found[method] = str(error).removeprefix(f"task {next(iter(study.tasks))}, method {method}: ")
    return found


def written(draft: Draft, command: str, folder: Path | None = None) -> str:
    """The study as TOML, with comments; valid. `command` is what wrote it, `folder` where one's own methods lie."""
    names = {_called(name): name for name in draft.methods}
    if len(names) < len(draft.methods):
        raise SpecError(f"methods {', '.join(draft.methods)}: two of them have one name")
    family = _family(draft.data)
    factor = _EPOCHS[family.name][TIMES.index(draft.time)] / _recipe(family)["schedule_epochs"]
    parts = [
        _head(draft, family, command),
        _task(draft, family, factor),
        *(_method(key, name, draft, family, factor, folder) for key, name in names.items()),
        "[retraining.finetune] # what follows pruning, the same for every method\n"
        f"schedule = {quoted(_stretched(family.retraining, factor))}\n",
        _CONTROLS,
    ]
    text = "\n".join(parts)
    try:
        parse_study(tomllib.loads(text), draft.name)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{draft.name}: a name cannot be written into a study: {error}") from None
    return text


_CONTROLS = """\
# Random pruning, magnitude pruning (of channels: by L1 norm) and the dense network, retrained alike, join by
# themselves; with these two lines also random and magnitude pruning that remove as much of each layer as each method.
# [controls]
# like = true

# One grid of learning rates for all methods, which `fairprune tune` tries on validation images, with seeds of its own:
# [tuning]
# rates = [3e-2, 1e-2, 3e-3] # the largest of the schedule
# seeds = [100, 101]
"""


def _head(draft: Draft, family: Family, command: str) -> str:
    which = listed(map(_called, draft.methods), 4)
    said = f"Schedules: {draft.time}. {family.source}" + (
        "" if draft.time == "long" else " Longer ones (`--time`) reach higher accuracies."
    )
    lines = [
        *commented(f"Written by `{command}`; change what you like."),
        *commented(
            "From axis to control is what the study declares: decide before it has results. A study that changes it "
            "afterwards is exploratory, and audited as that."
        ),
        *commented(said),
        f"name = {quoted(draft.name)}",
        f"question = {quoted(f'Which of {which} keeps most of the accuracy when {draft.units} are pruned?')}",
        f'axis = "{draft.axis}" # {_AXIS_SAID[draft.axis]}',
        f"targets = [{', '.join(f'{value:g}' for value in draft.targets)}]",
        'endpoint = "top1" # what methods are compared by, on the test split',
        'control = "random*" # what every method has to beat',
        f"seeds = {draft.seeds} # replicates, each with a base model of its own; 3 at least for intervals worth having",
        "",
    ]
    return "\n".join(lines)


_AXIS_SAID: Mapping[Axis, str] = {
    "compression": "parameters of the whole network, dense over kept",
    "speedup": "multiply-adds, dense over kept",
    "ratio": "the fraction of units REMOVED",
}


def _task(draft: Draft, family: Family, factor: float) -> str:
    recipe: dict[str, Any] = {**tomllib.loads(f"recipe = {family.pretrain}")["recipe"]}
    recipe["schedule"] = _stretched(recipe["schedule"], factor)
    data = quoted(draft.data)
    if draft.data_options:
        data = f"{{ name = {data}, options = {inline(draft.data_options)} }}"
    return "\n".join(
        [
            "[task]",
            f"data = {data}",
            f"network = {quoted(draft.network)}",
            "",
            "[task.pretrain] # how base models are trained; the learning rate by epoch",
            *(f"{key} = {inline(value)}" for key, value in recipe.items()),
            "",
        ]
    )


def _method(key: str, name: str, draft: Draft, family: Family, factor: float, folder: Path | None) -> str:
    """A method's table: its name, and what the defaults of its component do not say."""
    component, granularity = method_for(name, draft.units, folder), _granularity(draft.units)
    entries = {**registry.BUILTIN["criterion"], **registry.BUILTIN["training"]}
    said = f" # {entries[name].summary}" if name in entries else ""
    lines = [f"[methods.{key_of(key)}]{said}", f"criterion = {quoted(name)}"]
    if isinstance(component, TrainingMethod):
        schedule = f", schedule = {quoted(_stretched(family.training, factor))}" if component.start == "trained" else ""
        lines[1] = f"training = {{ hook = {quoted(name)}{schedule} }}"
    if component.granularities[0] != granularity:
        lines.append(f'granularity = "{granularity}"')
    if name == "random" and granularity == "channel":
        lines.append('reduce = "first" # the mean of draws over coupled layers is no draw')
    return "\n".join([*lines, ""])


def _called(name: str) -> str:
    return name.rpartition(":")[2]


def _family(data: str) -> Family:
    return next((family for family in FAMILIES if data in family.datasets), _OTHERS)


def _granularity(units: Units) -> Literal["weight", "channel"]:
    return "weight" if units == "weights" else "channel"


def _recipe(family: Family) -> dict[str, Any]:
    recipe = tomllib.loads(f"recipe = {family.pretrain}")["recipe"]
    return {**recipe, "schedule_epochs": schedules.parse(recipe["schedule"]).total}


def _stretched(schedule: str, factor: float) -> str:
    parsed = schedules.parse(schedule)
    return str(parsed.stretched_to(parsed.total * factor))
