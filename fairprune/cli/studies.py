"""Commands that plan and run studies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairprune.cli import EXIT_FINDINGS, EXIT_INTERRUPTED
from fairprune.cli.names import run_ids
from fairprune.cli.options import (
    DEFAULT_STORE,
    AsJson,
    DataRoot,
    Device,
    Download,
    Jobs,
    Overrides,
    Rerun,
    Step,
    StoreFolder,
    StudyFile,
    Threads,
)

DEMO_REPORT = Path("fairprune-demo.html")

if TYPE_CHECKING:
    from fairprune.launch.session import Policy, Session


def demo(
    store: StoreFolder = DEFAULT_STORE,
    jobs: Jobs = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the report goes.")] = DEMO_REPORT,
    as_json: AsJson = False,
) -> None:
    """Run a real study on the digits inside scikit-learn, to a table, an audit and a report. A few minutes.

    Example: `fairprune demo`
    """
    from fairprune.cli import audits, reports, results
    from fairprune.cli.sessions import resources
    from fairprune.reading import open_session

    study = Path(__file__).parent.parent / "demo" / "digits.toml"
    execution, jobs = resources("cpu", jobs, 0)
    session = open_session(study, None, store, None, execution)
    if not as_json:
        plan(study, store=store, device="cpu", jobs=jobs)
    statuses = run_session(session, "only-missing", jobs, quiet=as_json)
    if not as_json:
        results.table(study, store=store)
        audits.audit(study, store=store)
    page = reports.write_page(session, study, output)
    typer.echo(json.dumps({"runs": statuses, "report": str(page)}) if as_json else f"report: {page}")


def plan(
    study: StudyFile,
    overrides: Overrides = None,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    rerun: Rerun = "only-missing",
    device: Device = "auto",
    jobs: Jobs = 0,
    threads: Threads = 0,
    as_json: AsJson = False,
) -> None:
    """Show what would run, what is shared, what is done, and an estimate of its cost. Trains nothing.

    Example: `fairprune plan studies/mnist-lenet5.toml --set seeds=5`
    """
    from fairprune.cli.sessions import resources
    from fairprune.plan import make_plan
    from fairprune.reading import open_session

    execution, jobs = resources(device, jobs, threads)
    made = make_plan(open_session(study, overrides, store, data_root, execution), rerun, jobs)
    if as_json:
        typer.echo(json.dumps(made.to_json(), indent=2))
    else:
        from fairprune.cli.printing import print_plan

        print_plan(made)


def run(
    study: StudyFile,
    overrides: Overrides = None,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    rerun: Rerun = "only-missing",
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="ID",
            help="One run, by its identity or its first digits; repeatable.",
            autocompletion=run_ids,
        ),
    ] = None,
    device: Device = "auto",
    jobs: Jobs = 0,
    threads: Threads = 0,
    step: Step = "eager",
    download: Download = False,
    as_json: AsJson = False,
) -> None:
    """Run a study: every run that the store lacks. The same command resumes after a crash or Ctrl-C.

    Example: `fairprune run studies/mnist-lenet5.toml --data-root ~/data --jobs 2`
    """
    from fairprune.cli.sessions import resources
    from fairprune.reading import open_session

    execution, jobs = resources(device, jobs, threads, step)
    session = open_session(study, overrides, store, data_root, execution, download=download)
    if only:
        from fairprune.launch.session import among

        session = among(session, only)
    statuses = run_session(session, rerun, jobs, quiet=as_json)
    if as_json:
        typer.echo(json.dumps(statuses, indent=2))
    if any(statuses[status] for status in ("failed", "diverged", "skipped")):
        raise typer.Exit(EXIT_FINDINGS)


def run_session(session: Session, rerun: Policy, jobs: int, *, quiet: bool) -> dict[str, int]:
    """Run what the policy chooses, with a progress board; how many runs have which status afterwards."""
    from fairprune.cli.progress import Board
    from fairprune.launch import session as launch
    from fairprune.plan import training_images
    from fairprune.store import open_store

    store = open_store(session.site.store)
    points = launch.chosen(session.points, store, rerun)
    images = {} if quiet else training_images(session, points)
    asked = sum(len(session.stages_of(point)) for point in points)
    with Board(session.names(points), images, asked, quiet=quiet) as board:
        try:
            launch.run(session, rerun, jobs, board.hear)
        except KeyboardInterrupt:
            typer.echo("interrupted: what was done is kept; the same command resumes", err=True)
            raise typer.Exit(EXIT_INTERRUPTED) from None
    statuses = launch.counts(session.points, store.statuses())
    if not quiet:
        board.summary(session.study.name, len(points), statuses, session.site.store)
    return statuses
