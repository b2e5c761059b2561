"""Commands about claims of papers: what is claimed, what our results say, and running them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairprune.cli.names import among, names_of_claims, names_of_claims_or_all
from fairprune.cli.options import (
    CLAIMS,
    DEFAULT_STORE,
    VERDICTS,
    AsJson,
    DataRoot,
    Device,
    Download,
    Jobs,
    StoreFolder,
    Threads,
)

if TYPE_CHECKING:
    from fairprune.claims import Claim, Scale
    from fairprune.launch.session import Session
    from fairprune.launch.site import Site

app = typer.Typer(
    help="Claims of papers: list them with their last verdicts, show one, run one.", no_args_is_help=False
)

Folder = Annotated[Path, typer.Option("--claims", help="Folder of claims.", show_default=True)]
Verdicts = Annotated[Path, typer.Option("--verdicts", help="Folder of verdicts, read and written.", show_default=True)]


@app.callback(invoke_without_command=True)
def claims(
    context: typer.Context, folder: Folder = CLAIMS, verdicts: Verdicts = VERDICTS, as_json: AsJson = False
) -> None:
    """All claims, each with its last verdict at every scale.

    Example: `fairprune claims`
    """
    if context.invoked_subcommand is not None:
        return
    from fairprune.claims import SCALES, claim_names, find_claim
    from fairprune.cli.printing import console, print_table

    known = [find_claim(folder, name) for name in claim_names(folder)]
    said = {claim.name: {scale: _last(verdicts, claim.name, scale) for scale in SCALES} for claim in known}
    if as_json:
        listed = [{"name": c.name, "claim": c.claim, "source": c.source, "verdicts": said[c.name]} for c in known]
        typer.echo(json.dumps(listed, indent=2))
        return
    rows = [
        (claim.name, *(found["verdict"] if found else "-" for found in said[claim.name].values())) for claim in known
    ]
    print_table(("claim ", *(f"{scale} " for scale in SCALES)), rows)
    console().print("\nwhat each says: fairprune claims show NAME; -: not run yet")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A claim.", autocompletion=names_of_claims)],
    folder: Folder = CLAIMS,
    verdicts: Verdicts = VERDICTS,
    as_json: AsJson = False,
) -> None:
    """What is claimed, where, how it is tested, and what was found.

    Example: `fairprune claims show learning-rate`
    """
    from fairprune.claims import find_claim
    from fairprune.cli.printing import console
    from fairprune.report import claims as page

    claim = find_claim(folder, name)
    if as_json:
        typer.echo(claim.model_dump_json(indent=2))
        return
    out = console()
    out.print(f"{claim.claim}\n{claim.source}\n" + (f"{claim.note}\n" if claim.note else ""))
    for scale, tests in claim.tests.items():
        takes = f" ({claim.takes[scale]})" if claim.takes[scale] else ""
        if found := _last(verdicts, name, scale):
            out.print(page.sentences(found))
        else:
            out.print(f"{name}, {scale}{takes}: not run yet")
            for test in tests:
                out.print(f"  {test.name}: {page.expected(test.model_dump())}")


@app.command()
def run(
    names: Annotated[list[str], typer.Argument(help="Claims, or all.", autocompletion=names_of_claims_or_all)],
    scale: Annotated[
        str,
        typer.Option(
            help="smoke (minutes on 2 cores), cpu (hours), gpu or paper.",
            autocompletion=among("smoke", "cpu", "gpu", "paper"),
        ),
    ] = "smoke",
    folder: Folder = CLAIMS,
    verdicts: Verdicts = VERDICTS,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    device: Device = "auto",
    jobs: Jobs = 0,
    threads: Threads = 0,
    download: Download = False,
    as_json: AsJson = False,
) -> None:
    """Run the studies of claims at one scale and write the verdicts. The same command resumes.

    Example: `fairprune claims run learning-rate --scale smoke -j 2`
    """
    from fairprune.claims import claim_names, find_claim
    from fairprune.cli.sessions import resources
    from fairprune.launch.site import Site

    chosen = [find_claim(folder, name) for name in (claim_names(folder) if names == ["all"] else names)]
    execution, jobs = resources(device, jobs, threads)
    site = Site(store, data_root, folder.resolve(), download, execution)
    sessions = [
        _sessions(claim, claim.scale(scale), site) for claim in chosen
    ]  # all are resolved before anything is computed
    found = [
        _run(claim, claim.scale(scale), opened, jobs, verdicts, quiet=as_json)
        for claim, opened in zip(chosen, sessions, strict=True)
    ]
    if as_json:
        typer.echo(json.dumps(found, indent=2))


def _sessions(claim: Claim, scale: Scale, site: Site) -> dict[str, Session]:
    from fairprune.claims import check
    from fairprune.reading import session_of

    opened = {name: session_of(study, site) for name, study in claim.studies[scale].items()}
    check(claim, scale, {name: session.points for name, session in opened.items()})
    return opened


def _run(
    claim: Claim, scale: Scale, sessions: Mapping[str, Session], jobs: int, verdicts: Path, *, quiet: bool
) -> dict[str, Any]:
    from fairprune.claims import judge
    from fairprune.cli.printing import console
    from fairprune.cli.studies import run_session
    from fairprune.files import write_text
    from fairprune.reading import read_records
    from fairprune.report import claims as page

    for session in sessions.values():
        run_session(session, "only-missing", jobs, quiet=quiet)
    records = {key: record for session in sessions.values() for key, record in read_records(session).items()}
    judged = judge(claim, scale, {name: session.points for name, session in sessions.items()}, records)
    command = f"fairprune claims run {claim.name} --scale {scale}"
    asked = len({point.id for session in sessions.values() for point in session.points})  # studies share runs
    verdicts.mkdir(parents=True, exist_ok=True)
    content = page.content(judged, records.values(), asked, command)
    write_text(verdicts / f"{claim.name}.{scale}.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    write_text(verdicts / f"{claim.name}.{scale}.md", page.page(content, claim.note))
    if not quiet:
        console().print(page.sentences(content))
    return content


def _last(verdicts: Path, name: str, scale: str) -> dict[str, Any] | None:
    from fairprune.errors import StoreError

    path = verdicts / f"{name}.{scale}.json"
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found["verdict"], str) and isinstance(found["tests"], list) else None
    except (OSError, ValueError, KeyError, TypeError):
        raise StoreError(f"{path} is not a verdict: remove it, and run the claim again") from None
