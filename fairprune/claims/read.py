"""Claims from TOML files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairprune.claims.values import SCALES, Claim
from fairprune.errors import SpecError, unknown
from fairprune.study import Study, parse_study, read_toml
from fairprune.validation import validate

_OWN = ("study", "studies", "takes", "tests", "margin")  # what a scale may have
_TASKS = "tasks"  # the file of tasks that claims share


def claim_names(folder: Path) -> list[str]:
    """The claims in a folder, by name. Raises SpecError where there is none."""
    names = sorted(path.stem for path in folder.glob("*.toml") if path.stem != _TASKS)
    if not names:
        raise SpecError(f"no claims in {folder}: expected a folder of TOML files, as studies/claims of the repository")
    return names


def find_claim(folder: Path, name: str) -> Claim:
    """The claim of that name. Raises SpecError with the nearest name."""
    names = claim_names(folder)
    if name not in names:
        raise SpecError(unknown("claim", name, names))
    return read_claim(folder / f"{name}.toml")


def read_claim(path: Path) -> Claim:
    """The claim in a file.

    `[study]`, or `[studies.NAME]` for several, holds what all scales share; `[scales.SCALE.study]` is laid over it,
    table by table, anything else replaced. `tests` of a scale stand in place of the file's, its `margin` in place of
    those of tests that have one. A task that says `like = "NAME"` is laid over that of tasks.toml beside the file.
    """
    table, tasks = read_toml(path), read_toml(path.with_stem(_TASKS)) if path.with_stem(_TASKS).exists() else {}
    scales = table.pop("scales", None)
    if not isinstance(scales, Mapping) or not scales:
        raise SpecError(f"{path}: expected [scales.SCALE] for one of {', '.join(SCALES)}")
    for name, scale in scales.items():
        if name not in SCALES:
            raise SpecError(f"{path}: {unknown('scale', name, SCALES)}")
        for key in scale:
            if key not in _OWN:
                raise SpecError(f"{path}: {unknown(f'key of scale {name}', key, _OWN)}")
    shared, tests = _studies(table), table.pop("tests", ())
    table = {key: value for key, value in table.items() if key not in ("study", "studies")}
    fields = {
        "name": path.stem,
        "tests": {name: _with_margin(scale.get("tests", tests), scale) for name, scale in scales.items()},
        "studies": {
            name: {
                study: _study(path, name, study, content, tasks)
                for study, content in _laid_over(shared, _studies(scale)).items()
            }
            for name, scale in scales.items()
        },
        "takes": {name: scale.get("takes", "") for name, scale in scales.items()},
    }
    return validate(Claim, table | fields, str(path))


def _with_margin(tests: Any, scale: Mapping[str, Any]) -> Any:
    if "margin" not in scale:
        return tests
    return [test | {"margin": scale["margin"]} if "margin" in test else test for test in tests]


def _studies(table: Mapping[str, Any]) -> dict[str, Any]:
    """Tables of studies by name; a single one has the name ""."""
    single = {"": table["study"]} if "study" in table else {}
    return single | dict(table.get("studies", {}))


def _study(path: Path, scale: str, name: str, table: Mapping[str, Any], tasks: Mapping[str, Any]) -> Study:
    where = f"{path}, scale {scale}" + (f", {name}" if name else "")

    def like(task: Any) -> Any:
        if not isinstance(task, Mapping) or "like" not in task:
            return task
        if task["like"] not in tasks:
            raise SpecError(f"{where}: {unknown('task of tasks.toml', str(task['like']), tasks)}")
        return _laid_over(tasks[task["like"]], {key: value for key, value in task.items() if key != "like"})

    table = {"name": ".".join(filter(None, (path.stem, scale, name)))} | dict(table)
    if "task" in table:
        table["task"] = like(table["task"])
    if isinstance(table.get("tasks"), Mapping):
        table["tasks"] = {key: like(task) for key, task in table["tasks"].items()}
    return parse_study(table, where)


def _laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _laid_over(merged[key], value) if both else value
    return merged
