"""What there is to know of every method that ships: from the registry, the components, and their docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from fairprune import registry
from fairprune.pruning.calibration import FORWARD, GRADIENT
from fairprune.pruning.needs.hessian import HESSIAN
from fairprune.spec import default_allocation

Kind = Literal["criterion", "training", "repair"]
KINDS: tuple[Kind, ...] = ("criterion", "training", "repair")

NEEDS = {  # what a need shows in the table
    "gradients": ("data", "gradients"),
    "activations": ("data", "inputs of layers"),
    "gradient_stream": ("data", "gradients"),
    "gate_stream": ("data", "gradients"),
    "hessian": ("data", "Hessian-vector products"),
    "outputs": ("data", "outputs of layers"),
    "flow": ("gradients without data",),
    "taps": ("data", "inputs and outputs of layers"),
    "batch_norm": ("batch norm",),
}
PASSES = {  # of every calibration sample, each time that a need is asked for
    "gradients": GRADIENT,
    "activations": FORWARD,
    "gradient_stream": GRADIENT,
    "gate_stream": GRADIENT,
    "hessian": HESSIAN,
    "outputs": FORWARD,
}
_OTHER_COSTS = {
    "flow": f"{GRADIENT:g} passes of one input",
    "taps": "1 pass of every sample, and 1 for each layer that loses inputs",
}
_TRAINED = {  # start, bound -> what the training is in a run
    ("trained", True): "a training from the base model for each target, charged to pruning",
    ("trained", False): "one training from the base model for all targets, charged to pruning",
    ("init", True): "the whole training for each target, charged to pruning; no retraining follows",
    ("init", False): "one training of a base model of its own for all targets, charged to pretraining",
}
_CITED = re.compile(r"^(.*) \(([^()]*(?:\d{4}|arXiv)[^()]*)\)$")
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
LISTED = re.compile(r"^\w+  +\S")  # "option  what it is", perhaps over several lines


@dataclass(frozen=True)
class Method:
    """One component as the table shows it."""

    name: str
    kind: Kind
    summary: str
    paper: str
    granularities: tuple[str, ...]
    defaults: tuple[str, ...]  # of the method beside its options: "allocation uniform"
    options: Mapping[str, Any]
    needs: tuple[str, ...]
    cost: str
    text: tuple[str, ...]  # paragraphs of its docstring
    deviations: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def catalogue() -> tuple[Method, ...]:
    """Every criterion, training and repair that ships."""
    return tuple(_method(kind, entry) for kind in KINDS for entry in registry.BUILTIN[kind].values())


def _method(kind: Kind, entry: registry.Entry) -> Method:
    component = registry.load(kind, entry.name)
    paragraphs, labelled = _paragraphs(component.function)
    summary, paper = _cited(entry.summary, component.paper)
    cost = _cost(component)
    if kind == "training":
        cost = "; ".join(filter(None, (_TRAINED[component.start, component.bound], labelled["Cost"].rstrip("."))))
    return Method(
        name=entry.name,
        kind=kind,
        summary=summary,
        paper=paper,
        granularities=component.granularities,
        defaults=tuple(_defaults(component)),
        options=dict(component.options),
        needs=_needs(component) or ("weights",),
        cost=cost,
        text=paragraphs,
        deviations=labelled["Deviations"],
    )


def _paragraphs(function: Any) -> tuple[tuple[str, ...], dict[str, str]]:
    """The paragraphs of a docstring, and those that begin with a label, without it, each in one line."""
    parts = re.split(r"\n\s*\n", inspect.cleandoc(function.__doc__ or ""))
    labelled = {"Cost": "", "Deviations": ""}
    texts = []
    for part in parts:
        label, colon, rest = part.partition(": ")
        if colon and label in labelled:
            labelled[label] = _line(rest)
        else:
            texts.append(part if LISTED.match(part) else _line(part))
    return tuple(texts), labelled


def _line(paragraph: str) -> str:
    return " ".join(paragraph.split())


def _cited(summary: str, paper: str) -> tuple[str, str]:
    """The registry's summary without what it cites, and that, with the component's paper."""
    found = _CITED.match(summary)
    if not found:
        return summary, paper
    what, cited = found.groups()
    if paper in cited:
        return what, cited
    return what, f"{cited}, {paper}" if ARXIV.match(paper) else paper


def _needs(component: Any) -> tuple[str, ...]:
    """What it looks at beside weights. Of a training also what ranks units behind it."""
    if hasattr(component, "bound"):
        ranked = registry.load("criterion", component.criterion) if component.criterion else None
        return ("training", *(_needs(ranked) if ranked else ()))
    return tuple(dict.fromkeys(word for need in component.needs for word in NEEDS[need]))


def _cost(component: Any) -> str:
    """What looking costs under default options."""
    needs = getattr(component, "needs", ())
    probes = component.options.get("probes", 1)
    passes = sum(PASSES.get(need, 0) * (probes if need == "hessian" else 1) for need in needs)
    parts = [f"{passes:g} {'pass' if passes == 1 else 'passes'} of every sample"] if passes else []
    parts += [_OTHER_COSTS[need] for need in needs if need in _OTHER_COSTS]
    if getattr(component, "steps", 1) > 1:
        parts.append(f"at each of {component.steps} steps")
    repair = getattr(component, "repair", "")
    if repair and "taps" not in needs:  # what reads taps shares its passes with its repair
        parts.append(f"and for its repair {_cost(registry.load('repair', repair))}")
    return ", ".join(parts) or "none"


def _defaults(component: Any) -> Iterator[str]:
    """What a study need not say, beside options."""
    scores = hasattr(component, "start")  # a repair has no such defaults
    if scores:
        yield f"allocation {component.allocation or default_allocation(component.granularities[0])}"
    if getattr(component, "criterion", ""):
        yield f"ranked by {component.criterion}"
    if scores and component.start == "init":
        yield "start init"
    if getattr(component, "steps", 1) > 1:
        yield f"{component.steps} steps"
    if getattr(component, "repair", ""):
        yield f"repair {component.repair}"
