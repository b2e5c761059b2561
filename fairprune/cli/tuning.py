"""The command that tries rates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairprune.cli.options import DEFAULT_STORE, AsJson, DataRoot, Device, Jobs, StoreFolder, StudyFile, Threads

if TYPE_CHECKING:
    from fairprune.study import Chosen
    from fairprune.summary.tuning import Tried


def tune(
    study: StudyFile,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The tuned study; else beside the study, NAME-tuned.toml.")
    ] = None,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    device: Device = "auto",
    jobs: Jobs = 0,
    threads: Threads = 0,
    as_json: AsJson = False,
) -> None:
    """Try every rate of the study's [tuning] for every method alike, by validation, and write a study with the best.

    Seeds are those of [tuning], none of which counts for results; test images are not looked at. The study that is
    written has each retraining twice: fixed, one rate for all, and tuned, to each method its own.

    Example: `fairprune tune studies/mine.toml && fairprune run studies/mine-tuned.toml`
    """
    from fairprune.cli.sessions import resources
    from fairprune.cli.studies import run_session
    from fairprune.drafts.tuned import tuned_study
    from fairprune.files import check_place, write_text
    from fairprune.launch.site import Site
    from fairprune.reading import read_records, session_of
    from fairprune.study import read_study
    from fairprune.summary.tuning import tried
    from fairprune.tuning import trials

    asked = read_study(study)
    trial, named = trials(asked)
    place = output or study.with_name(f"{study.stem}-tuned.toml")
    check_place(place)
    execution, jobs = resources(device, jobs, threads)
    session = session_of(trial, Site(store, data_root, study.resolve().parent, False, execution))
    run_session(session, "only-missing", jobs, quiet=as_json)
    records = read_records(session)
    found = tried(trial, named, session.points, records)
    write_text(place, tuned_study(study.read_text(encoding="utf-8"), asked, _chosen(found)))
    if as_json:
        typer.echo(json.dumps({"study": str(place), "tried": [each.to_json() for each in found]}, indent=2))
    else:
        _show(found, place)


def _chosen(found: Sequence[Tried]) -> dict[str, list[Chosen]]:
    """By retraining. Raises SpecError where no rate can be chosen."""
    from fairprune.errors import SpecError
    from fairprune.study import Chosen

    chosen: dict[str, list[Chosen]] = {}
    for each in found:
        amount = each.target.value if each.target else None
        if each.best is None:
            at = f" at {each.target}" if each.target else ""
            raise SpecError(f"no rate can be chosen for {each.method}{at} on {each.task}: every one failed or diverged")
        rate = Chosen(task=each.task, method=each.method, target=amount, rate=each.best)
        chosen.setdefault(each.retraining, []).append(rate)
    return chosen


def _show(found: Sequence[Tried], place: Path) -> None:
    from fairprune.cli.printing import console, print_table

    out = console()
    for task, retraining in dict.fromkeys((each.task, each.retraining) for each in found):
        here = [each for each in found if (each.task, each.retraining) == (task, retraining)]
        rows = [
            (each.method, str(each.target or ""), *(_cell(each, n) for n in range(len(each.rates)))) for each in here
        ]
        unit = f", {here[0].unit}" if here[0].unit else ""
        print_table((f"{task}, {retraining} ", f"validation{unit}", *(f"{rate:g}" for rate in here[0].rates)), rows)
        out.print("")
    if edges := sum(each.edge for each in found):
        out.print(f"{edges} of {len(found)} lie at an edge of the grid (marked !): a better rate may lie beyond it.")
    out.print(f"* the best; written: {place}", soft_wrap=True)


def _cell(each: Tried, n: int) -> str:
    mean = each.means[n]
    chosen = each.rates[n] == each.best
    return ("–" if mean is None else f"{mean:.2f}") + ("*" if chosen else "") + ("!" if chosen and each.edge else "")
