"""The page that documents the methods, generated from them: docs/methods.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fairprune import registry
from fairprune.catalogue.methods import ARXIV, KINDS, LISTED, Kind, Method, catalogue
from fairprune.pruning.calibration import GRADIENT
from fairprune.spec import Calibration

_HEAD = f"""\
# Methods

Generated from the registry by `fairprune.catalogue.text()`; edit the docstrings of the components.

A method of a study is a criterion (which units stay) or a training (it prunes while it trains), with a granularity
(what a unit is), an allocation (how a target is spread over layers), a start (the base model or its initialisation) and
a repair (new weights for what is kept, before retraining). A study may say any of these; what it leaves out is the
default given here. [One's own](own-methods.md) are named in the same way; what a method keeps in each layer makes
[designs](designs.md).

For all of them:

- Scores are higher = keep.
- Data are calibration samples: by default {Calibration().samples} images of the training split, not augmented. The
  network is in evaluation mode.
- The last linear layer is spared by default. The target decides how much goes, recipes how everything is trained.
- Costs are what the ledger is charged. A pass is a forward pass of the network at hand; a training step is
  {GRADIENT:g} passes of each of its samples (forward 1, backward 2).
- Deviations are what differs from the paper beyond that, and what is ours where the paper is silent.
"""
_TITLES: dict[Kind, str] = {
    "criterion": "Criteria",
    "training": "Methods that prune while they train",
    "repair": "Repairs: new weights for what is kept",
}


def text() -> str:
    """The page, as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    for kind, title in _TITLES.items():
        methods = [method for method in catalogue() if method.kind == kind]
        yield f"## {title}\n"
        yield "| name | what it is | paper | units | needs | cost in the ledger |\n|---|---|---|---|---|---|"
        yield from (_row(method) for method in methods)
        yield ""
        for method in methods:
            yield from _section(method)


def _row(method: Method) -> str:
    anchor = re.sub(r"[^\w -]", "", _title(method)).replace(" ", "-")
    cells = (
        f"[{method.name}](#{anchor})",
        escaped(method.summary),
        linked(method.paper),
        ", ".join(method.granularities),
        ", ".join(method.needs),
        method.cost,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _title(method: Method) -> str:
    """The heading of its section, which no other method has."""
    earlier = KINDS[: KINDS.index(method.kind)]
    taken = any(method.name in registry.BUILTIN[kind] for kind in earlier)
    return f"{method.name} ({method.kind})" if taken else method.name


def _section(method: Method) -> Iterator[str]:
    yield f"### {_title(method)}\n"
    yield from (f"{listed(part) or linked(escaped(part))}\n" for part in method.text)
    if method.defaults or method.options:
        options = (f"`{name} = {_plain(value)}`" for name, value in method.options.items())
        yield f"**Defaults**: {', '.join((*method.defaults, *options))}.\n"
    yield f"**Deviations**: {linked(escaped(method.deviations))}\n"


def listed(part: str) -> str:
    """A docstring's list of names and what they are as one of Markdown; empty where it is none."""
    if not LISTED.match(part):
        return ""
    items = re.findall(r"^(\w+)  +(\S.*(?:\n .*)*)", part, re.MULTILINE)
    return "\n".join(f"- `{name}`: {escaped(' '.join(what.split()))}" for name, what in items)


def _plain(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def linked(paragraph: str) -> str:
    """With links to the papers that it names by their arXiv number."""
    return ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", paragraph)


def escaped(paragraph: str) -> str:
    """What Markdown would take for emphasis or HTML does not act; code stays as it is."""
    parts = re.split(r"(`[^`]*`)", paragraph)
    return "".join(
        part if part.startswith("`") else re.sub(r"(?<!\w)_|_(?!\w)|(?<! )\*|\*(?! )|<", r"\\\g<0>", part)
        for part in parts
    )
