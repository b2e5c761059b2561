"""The page that documents the library, generated from its docstrings: docs/reference.md."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import fairprune
from fairprune.catalogue.page import escaped, linked, listed

SECTIONS: Mapping[str, tuple[str, ...]] = {  # every public name, in the order of the page
    "Prune a network": ("prune", "speedup", "compression", "ratio", "Target", "Pruned", "save", "load"),
    "What it costs": ("cost_curve", "compare_latency", "Conditions", "export_onnx"),
    "Results": ("read_results", "Results"),
    "Criteria of your own": ("criterion", "Context", "Scored"),
    "Methods that train, of your own": ("training_method", "Setting", "Hook", "Now"),
    "Repairs of your own": ("repair",),
    "Designs": ("designs",),
}
_HEAD = """\
# Reference

Generated from docstrings by `fairprune.catalogue.reference()`; edit those. `import fairprune as fp` gives all of it;
names are imported when they are first used, so that `import fairprune` is fast.

What was asked wrongly is refused by a subclass of `fairprune.errors.FairpruneError`, whose message is one line:
SpecError, DataError, NetworkError, PruneError, StoreError, CorpusError, FigureError.
"""


def reference() -> str:
    """The page, as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    for title, names in SECTIONS.items():
        yield f"## {title}\n"
        for name in names:
            found = getattr(fairprune, name)
            yield from _module(name, found) if isinstance(found, ModuleType) else _object(f"fp.{name}", found, "###")


def _module(name: str, module: ModuleType) -> Iterator[str]:
    yield f"### fp.{name}\n"
    yield from _paragraphs(module)
    for inner, found in vars(module).items():
        if inspect.isfunction(found) and found.__module__ == module.__name__ and not inner.startswith("_"):
            yield from _object(f"fp.{name}.{inner}", found, "####")


def _object(name: str, found: Any, level: str) -> Iterator[str]:
    yield f"{level} {name}\n"
    yield f"```text\n{_signature(name, found)}\n```\n"
    yield from _paragraphs(found)
    members = [member for member in _members(found) if member[1]]
    if members:
        yield "\n".join(f"- `{what}`: {linked(escaped(said))}" for what, said in members) + "\n"


def _paragraphs(found: Any) -> Iterator[str]:
    """The docstring, a paragraph a line; lists of names as lists; without its doctests."""
    for part in re.split(r"\n\s*\n", inspect.cleandoc(found.__doc__ or "")):
        if part and not part.startswith(">>>"):
            yield f"{listed(part) or linked(escaped(' '.join(part.split())))}\n"


def _signature(name: str, found: Any) -> str:
    """How it is called, an argument a line where they are many."""
    if not inspect.isclass(found):
        called = inspect.signature(found)
        arguments, returns = _arguments(called), f" -> {_type(called.return_annotation)}"
    elif dataclasses.is_dataclass(found):
        arguments, returns = [_field(each) for each in dataclasses.fields(found)], ""
    else:  # a pydantic model
        model: Any = found
        arguments = ["*", *(f"{key}: {_type(each.annotation)}" for key, each in model.model_fields.items())]
        returns = ""
    line = f"{name}({', '.join(arguments)}){returns}"
    if len(line) <= 110:
        return line
    return f"{name}(\n    " + ",\n    ".join(arguments) + f",\n){returns}"


def _arguments(called: inspect.Signature) -> list[str]:
    found, starred = [], False
    for parameter in called.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            found.append("*")
            starred = True
        mark = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        default = "" if parameter.default is parameter.empty else f" = {_value(parameter.default)}"
        found.append(f"{mark}{parameter.name}: {_type(parameter.annotation)}{default}")
    return found


def _field(each: dataclasses.Field[Any]) -> str:
    if each.default is not dataclasses.MISSING:
        return f"{each.name}: {_type(each.type)} = {_value(each.default)}"
    return f"{each.name}: {_type(each.type)}" + (" = ..." if each.default_factory is not dataclasses.MISSING else "")


def _type(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation).replace("typing.", "")
    return text.replace("'", '"')


def _value(default: Any) -> str:
    if callable(default):
        name = getattr(default, "__name__", "_")
        return name if name.isidentifier() and not name.startswith("_") else "..."
    return repr(default).replace("'", '"')


def _members(found: Any) -> Iterator[tuple[str, str]]:
    """Public methods and properties of a class of ours, each with its docstring in one line."""
    if not inspect.isclass(found):
        return
    for name, member in vars(found).items():
        said = " ".join((inspect.getdoc(member) or "").split())
        if not name.startswith("_") and (isinstance(member, property) or inspect.isfunction(member)):
            yield (name if isinstance(member, property) else f"{name}()"), said
