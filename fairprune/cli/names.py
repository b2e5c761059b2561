"""Names, as a shell completes them. What cannot be read completes nothing; nothing here waits for torch."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from fairprune.registry import Kind

CHECKED: tuple[Kind, ...] = ("criterion", "training", "repair")  # what there are conformance suites for

Completed = Callable[[str], list[tuple[str, str]]]


def names_of(*kinds: Kind, more: Sequence[tuple[str, str]] = ()) -> Completed:
    """What completes the beginning of a name: components of these kinds with what they are, and more."""

    def complete(incomplete: str) -> list[tuple[str, str]]:
        from fairprune.registry import BUILTIN

        known = {entry.name: entry.summary for kind in kinds for entry in BUILTIN[kind].values()}
        return [(name, what) for name, what in [*known.items(), *more] if name.startswith(incomplete)]

    return complete


def designs(incomplete: str) -> list[str]:
    """What completes the name of a predefined network, whose ratios can be asked for."""
    from fairprune.networks.predefined import NAMES

    return [name for name in NAMES if name.startswith(incomplete)]


def among(*choices: str) -> Callable[[str], list[str]]:
    """What completes one of a few words."""
    return lambda incomplete: [choice for choice in choices if choice.startswith(incomplete)]


def several(complete: Completed) -> Completed:
    """What completes the last of several names with commas between them."""

    def completed(incomplete: str) -> list[tuple[str, str]]:
        before, comma, last = incomplete.rpartition(",")
        return [(f"{before}{comma}{name}", what) for name, what in complete(last)]

    return completed


def run_ids(context: typer.Context, incomplete: str) -> list[str]:
    """What completes a run's identity: those of the store that the command reads."""
    from fairprune.cli.options import DEFAULT_STORE
    from fairprune.objects import LocalObjects

    names = LocalObjects(Path(context.params.get("store") or DEFAULT_STORE)).names("records/")
    return sorted({run for name in names if (run := name.split("/")[1]).startswith(incomplete)})


def names_of_claims(context: typer.Context, incomplete: str) -> list[str]:
    """What completes the name of a claim."""
    from fairprune.cli.options import CLAIMS

    found = sorted(path.stem for path in Path(context.params.get("folder") or CLAIMS).glob("*.toml"))
    return [name for name in found if name.startswith(incomplete) and name != "tasks"]  # what claims share


def names_of_claims_or_all(context: typer.Context, incomplete: str) -> list[str]:
    """The same, or the word for all of them."""
    return [*names_of_claims(context, incomplete), *(["all"] if "all".startswith(incomplete) else [])]


def keys_of_study(context: typer.Context, incomplete: str) -> list[str]:
    """What completes the key of an override: what the study says, and what any study can say."""
    from fairprune.study import Study

    keys = dict.fromkeys([*_keys(_study(context)), *Study.model_fields])
    return [f"{key}=" for key in keys if key.startswith(incomplete)]


def pairs_of_study(context: typer.Context, incomplete: str) -> list[str]:
    """What completes METHOD:RETRAINING, from the study."""
    study = _study(context)
    found = [f"{method}:{rule}" for method in study.get("methods", ()) for rule in study.get("retraining", ())]
    return [pair for pair in found if pair.startswith(incomplete)]


def _study(context: typer.Context) -> Mapping[str, Any]:
    """The table of the study that the command line names; click may not have come so far as to know it."""
    line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
    path = context.params.get("study") or next((word for word in line.split() if word.endswith(".toml")), "")
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _keys(table: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"
