"""The table of methods, generated from the registry: docs/methods.md."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from fairprune import registry
from fairprune.spec import default_allocation

Kind = Literal["criterion", "training", "repair"]

COSTS = {  # what a need costs in the ledger: forward passes of one calibration sample
    "gradients": "3 passes of every sample (forward 1, backward 2)",
    "activations": "1 pass of every sample",
    "gradient_stream": "3 passes of every sample, each time it looks",
    "hessian": "9 passes of every sample for each product",
    "outputs": "1 pass of every sample",
    "flow": "3 passes of one input of ones",
    "taps": "1 pass of every sample for each layer that loses inputs, and 1",
    "batch_norm": "",
}
NEEDS = {
    "gradients": "gradients",
    "activations": "inputs of layers",
    "gradient_stream": "gradients of single samples or parts",
    "hessian": "Hessian-vector products",
    "outputs": "outputs of layers",
    "flow": "no data (gradients of the linearised network)",
    "taps": "samples of what layers read and yield",
    "batch_norm": "batch norm",
}

_HEAD = """\
# Methods

Generated from the components by `fairprune.catalogue.text()`; edit their docstrings.

A method of a study is a criterion (which units stay) or a training (it prunes while it trains), with a granularity
(what a unit is), an allocation (how a target is spread over layers), a start (the base model, or its initialisation)
and a repair (what mends layers before retraining). A study can say every one of them; each has a default from the
paper. Costs are what the ledger is charged, in forward passes of one sample; a training step is 3. All scores are
higher = keep.
"""
_TRAINED = {
    ("trained", True): "goes on from the base model, once for every target; charged to pruning",
    ("trained", False): "goes on from the base model, once for all targets; charged to pruning",
    ("init", True): "is the whole training, from the initialisation; charged to pruning, and nothing follows",
    ("init", False): "is the training of a base model of its own; charged to pretraining",
}


@dataclass(frozen=True)
class Method:
    """One component as the table shows it."""

    name: str
    kind: Kind
    summary: str
    paper: str
    granularities: tuple[str, ...]
    defaults: str
    needs: str
    cost: str
    text: tuple[str, ...]  # paragraphs of its docstring
    deviations: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return vars(self) | {"granularities": list(self.granularities), "text": list(self.text)}


def catalogue() -> tuple[Method, ...]:
    """Every criterion, training and repair that ships."""
    kinds: tuple[Kind, ...] = ("criterion", "training", "repair")
    return tuple(_method(kind, entry) for kind in kinds for entry in registry.BUILTIN[kind].values())


def _method(kind: Kind, entry: registry.Entry) -> Method:
    component = registry.load(kind, entry.name)
    paragraphs, deviations = _paragraphs(component.function)
    needs = tuple(getattr(component, "needs", ()))
    cost = "; ".join(filter(None, (COSTS[need] for need in needs)))
    shown = ", ".join(NEEDS[need] for need in needs)
    if kind == "training":
        shown, cost = "training", f"its training {_TRAINED[component.start, component.bound]}"
    return Method(
        name=entry.name,
        kind=kind,
        summary=entry.summary,
        paper=component.paper,
        granularities=component.granularities,
        defaults=_defaults(component),
        needs=shown or "weights only",
        cost=cost or "none",
        text=paragraphs,
        deviations=deviations,
    )


def _defaults(component: Any) -> str:
    found = []
    if allocation := getattr(component, "allocation", ""):
        found.append(f"allocation {allocation}")
    elif hasattr(component, "start"):
        found.append(f"allocation {default_allocation(component.granularities[0])}")
    if getattr(component, "criterion", ""):
        found.append(f"ranked by {component.criterion}")
    if getattr(component, "start", "trained") == "init":
        found.append("start init")
    if getattr(component, "steps", 1) > 1:
        found.append(f"{component.steps} steps")
    if getattr(component, "repair", ""):
        found.append(f"repair {component.repair}")
    return ", ".join([*found, *(f"{name} = {value!r}" for name, value in component.options.items())])


def _paragraphs(function: Any) -> tuple[tuple[str, ...], str]:
    """The paragraphs of a docstring, and what it says behind "Deviations:"."""
    parts = re.split(r"\n\s*\n", inspect.cleandoc(function.__doc__ or ""))
    texts = tuple(part for part in parts if not part.startswith("Deviations:"))
    deviations = " ".join(part.removeprefix("Deviations:") for part in parts if part.startswith("Deviations:"))
    return texts, " ".join(deviations.split())


_TITLES: dict[Kind, str] = {
    "criterion": "Criteria",
    "training": "Methods that prune while they train",
    "repair": "Repairs: new weights for what is kept",
}


def text() -> str:
    """The page, as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    for kind, title in _TITLES.items():
        methods = [method for method in catalogue() if method.kind == kind]
        yield f"## {title}\n\n| name | paper | units | needs | cost in the ledger |\n|---|---|---|---|---|"
        yield from (
            f"| [{m.name}](#{m.name}{_again(m)}) | {m.paper} | {', '.join(m.granularities)} | {m.needs} | {m.cost} |"
            for m in methods
        )
        yield ""
        for method in methods:
            yield from _section(method)


def _again(method: Method) -> str:
    """Two components of one name have headings of one name, of which the second has a number in its link."""
    return "-1" if method.kind == "repair" and method.name in registry.BUILTIN["criterion"] else ""


def _section(method: Method) -> Iterator[str]:
    yield f"### {method.name}\n\n*{method.summary}.* {method.paper}\n"
    yield from (f"{_escaped(paragraph)}\n" for paragraph in method.text)
    if method.defaults:
        yield f"Defaults: {method.defaults}.\n"
    yield f"Deviations: {method.deviations or 'none known.'}\n"


def _escaped(paragraph: str) -> str:
    """Lists of options stay as they are laid out; what Markdown would take for emphasis or HTML does not act."""
    if "\n" in paragraph and re.search(r"^\w+  +\S", paragraph):
        return f"```text\n{paragraph}\n```"
    return re.sub(r"([*_<])", r"\\\1", paragraph)
