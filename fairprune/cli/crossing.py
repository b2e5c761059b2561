"""The command that crosses methods and recipes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from fairprune.cli.names import pairs_of_study
from fairprune.cli.options import (
    DEFAULT_STORE,
    AsJson,
    DataRoot,
    Device,
    Jobs,
    Overrides,
    StoreFolder,
    StudyFile,
    Threads,
)

if TYPE_CHECKING:
    from fairprune.summary.crossing import Crossed

PairOf = typer.Argument(
    metavar="METHOD:RETRAINING",
    help="A method of the study, and the retraining that it comes with.",
    autocompletion=pairs_of_study,
)


def cross(
    study: StudyFile,
    first: Annotated[str, PairOf],
    second: Annotated[str, PairOf],
    overrides: Overrides = None,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    device: Device = "auto",
    jobs: Jobs = 0,
    threads: Threads = 0,
    as_json: AsJson = False,
) -> None:
    """Does the method win, or its recipe? Runs both methods under both recipes, on equal seeds, and splits the effects.

    Example: `fairprune cross studies/mine.toml l1-norm:small-rate greg1:large-rate`
    """
    from fairprune.cli.sessions import resources
    from fairprune.cli.studies import run_session
    from fairprune.crossing import crossed
    from fairprune.launch.site import Site
    from fairprune.reading import read_records, session_of
    from fairprune.study import read_study
    from fairprune.summary.crossing import crossings

    one, two = _pair(first), _pair(second)
    four = crossed(read_study(study, overrides or ()), one, two)
    execution, jobs = resources(device, jobs, threads)
    session = session_of(four, Site(store, data_root, study.resolve().parent, False, execution))
    run_session(session, "only-missing", jobs, quiet=as_json)
    records = read_records(session)
    found = crossings(four, session.points, records, (one[0], two[0]), (one[1], two[1]))
    if as_json:
        typer.echo(json.dumps({"crossings": [each.to_json() for each in found]}, indent=2))
    else:
        for each in found:
            _show(each)


def _pair(text: str) -> tuple[str, str]:
    from fairprune.errors import SpecError

    method, colon, recipe = text.rpartition(":")
    if not (colon and method and recipe):
        raise SpecError(f"'{text}': expected METHOD:RETRAINING, e.g. l1-norm:finetune")
    return method, recipe


def _show(each: Crossed) -> None:
    from fairprune.cli.printing import console, print_table

    unit = " points" if each.unit == "%" else f" {each.unit}" if each.unit else ""
    rows = [
        (method, *("–" if mean is None else f"{mean:.2f}" for mean in means))
        for method, means in zip(each.methods, each.means, strict=True)
    ]
    print_table((f"{each.task}, {each.target} ", *each.recipes), rows)
    named = {
        f"{each.methods[0]} - {each.methods[1]}, mean over the recipes": each.found.method,
        f"{each.methods[0]} - {each.methods[1]}, under {each.recipes[0]}": each.found.simple[0],
        f"{each.methods[0]} - {each.methods[1]}, under {each.recipes[1]}": each.found.simple[1],
        f"{each.recipes[0]} - {each.recipes[1]}, mean over the methods": each.found.recipe,
        "interaction, difference of the two differences": each.found.interaction,
    }
    effects = [
        (name, f"{seen.mean:+.2f}", f"[{seen.low:+.2f}, {seen.high:+.2f}]" if seen.low is not None else "–")
        for name, seen in named.items()
        if seen is not None and (seen.low is None or seen.high is not None)
    ]
    console().print()
    print_table((f"effect,{unit} ", "mean", "interval"), effects)
    console().print(
        f"\n{each.text} ({each.found.seeds} seeds; {each.level:.0%} intervals over seeds, those under single "
        "recipes for both at once)\n"
    )
