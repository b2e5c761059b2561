"""What criteria, trainings and repairs declare: their granularities, options and defaults, for those who run none.

What ships is written down in `declared.json`, so that a study is resolved without importing torch; a test compares the
two and says how the file is made anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from fairprune import registry
from fairprune.errors import SpecError

Kind = Literal["criterion", "training", "repair"]

_FILE = Path(__file__).with_suffix(".json")
_CLASSES: Mapping[Kind, tuple[str, str]] = {  # those of pruning, which cannot be imported down here; their decorators
    "criterion": ("Criterion", "criterion"),
    "training": ("TrainingMethod", "training_method"),
    "repair": ("Repair", "repair"),
}


@dataclass(frozen=True)
class Declared:
    """What a component says of itself; see `Criterion`, `TrainingMethod` and `Repair`, of which no one has all."""

    name: str
    granularities: tuple[Literal["weight", "channel", "block"], ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    allocation: str = ""
    start: Literal["trained", "init"] = "trained"
    scope: str = "layer"
    steps: int = 1
    repair: str = ""
    criterion: str = ""
    bound: bool = True


def declared(kind: Kind, name: str, folder: Path | None, where: str) -> Declared:
    """What the component of that name declares. Raises SpecError for one of another kind, beginning with `where`."""
    if ":" not in name:
        return _shipped()[kind][registry.find(kind, name).name]
    component = registry.load(kind, name, folder)
    if type(component).__name__ != _CLASSES[kind][0]:
        raise SpecError(f"{where}: {name} is no {kind}: decorate it with @fairprune.{_CLASSES[kind][1]}()")
    return _of(component)


def text() -> str:
    """What the file has to say: all that ships, by kind and name. Imports them all."""
    found = {k: {name: _of(registry.load(k, name)) for name in registry.BUILTIN[k]} for k in _CLASSES}
    lines = {k: [f'"{name}": {json.dumps(asdict(one))}' for name, one in group.items()] for k, group in found.items()}
    return "{" + ",\n".join(f'"{k}": {{\n' + ",\n".join(own) + "\n}" for k, own in lines.items()) + "}\n"


def _of(component: Any) -> Declared:
    said = {f.name: getattr(component, f.name) for f in fields(Declared) if hasattr(component, f.name)}
    return Declared(**{**said, "options": dict(component.options)})


@lru_cache(maxsize=1)
def _shipped() -> Mapping[str, Mapping[str, Declared]]:
    table = json.loads(_FILE.read_text(encoding="utf-8"))
    return {kind: {name: _read(one) for name, one in group.items()} for kind, group in table.items()}


def _read(one: Mapping[str, Any]) -> Declared:
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in one["options"].items()}
    return Declared(**{**one, "granularities": tuple(one["granularities"]), "options": options})
