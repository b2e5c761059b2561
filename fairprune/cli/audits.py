"""The command that judges results: those of a study, or those in a file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fairprune.cli import EXIT_FINDINGS
from fairprune.cli.comparing import AssumeEqual, Tau, assumed
from fairprune.cli.options import DEFAULT_STORE, AsJson, DataRoot, FailOn, Overrides, StoreFolder
from fairprune.reading import audited, read_noted, read_session, read_summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence, Set

    from fairprune.audit import Finding, Severity
    from fairprune.audit.rows import Problem
    from fairprune.audit.setups import Reading

_SUFFIXES = (".csv", ".json")


def audit(
    path: Annotated[
        Path, typer.Argument(help="A study, or a file of results (.csv, .json).", metavar="STUDY.toml|RESULTS.csv")
    ],
    tau: Tau = 0.05,
    assume_equal: AssumeEqual = "",
    reading: Annotated[
        Literal["wang", "liu"] | None,
        typer.Option("--reading", help="What SX-B counts against a scratch run: wang, all; liu, all but retraining."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="STORE", help="Own runs to compare the file's results with.")
    ] = None,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Leave out rows that cannot be read.")] = False,
    overrides: Overrides = None,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    fail_on: FailOn = "never",
    as_json: AsJson = False,
) -> None:
    """What to doubt about the results of a study, or about those in a file: published ones, a spreadsheet's.

    Of a file it also says which comparison setup any two results reach, and what keeps them from the next.

    Example: `fairprune audit published.csv --assume-equal momentum,weight_decay --fail-on unfair`
    """
    from fairprune.errors import SpecError

    fields = assumed(tau, assume_equal)
    of_file = path.suffix.lower() in _SUFFIXES
    for_files = {"--reading": reading, "--against": against, "--keep-going": keep_going}
    for option, value in ({"--set": overrides} if of_file else for_files).items():
        if value:
            raise SpecError(f"{option} is for {'studies' if of_file else 'files of results'}, not for {path.name}")
    if of_file:
        findings, whole = _of_file(path, against, tau, fields, reading or "wang", keep_going, as_json)
    else:
        findings, whole = _of_study(path, overrides, store, data_root, tau, fields, as_json), True
    if fail_on != "never" and (not whole or reaches((f.severity for f in findings), fail_on)):
        raise typer.Exit(EXIT_FINDINGS)


def _of_study(
    path: Path,
    overrides: list[str] | None,
    store: Path,
    data_root: Path | None,
    tau: float,
    fields: Set[str],
    as_json: bool,
) -> Iterable[Finding]:
    from fairprune.cli.printing import print_findings
    from fairprune.errors import SpecError

    if path.suffix.lower() != ".toml" or not path.is_file():
        what = f"no file {path}" if not path.is_file() else f"{path}"
        raise SpecError(f"{what}: expected a study (.toml) or a file of results ({', '.join(_SUFFIXES)})")
    session = read_session(path, overrides, store, data_root)
    records = read_noted(session)
    findings = audited(session, records, read_summary(session, records), tau, fields)
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        print_findings(findings)
    return findings


def _of_file(
    path: Path,
    against: Path | None,
    tau: float,
    fields: Set[str],
    reading: Reading,
    keep_going: bool,
    as_json: bool,
) -> tuple[Iterable[Finding], bool]:
    """Findings about the results in a file, and whether all of it could be read."""
    from fairprune.audit.against import judge, own_runs
    from fairprune.audit.read import read_results
    from fairprune.cli.judged import print_judgement, to_json

    table = read_results(path)
    report_problems(table.problems, keep_going)
    own = []
    if against:
        from fairprune.store import read_store

        own = own_runs(read_store(against).records(), table.results)
    judgement = judge(table.results, own, tau, fields, reading)
    if as_json:
        typer.echo(to_json(judgement, table))
    else:
        print_judgement(judgement)
    return judgement.findings, not table.problems


def report_problems(problems: Sequence[Problem], keep_going: bool) -> None:
    """The first problem as an error, or all of them beside the output."""
    from fairprune.errors import SpecError

    if problems and not keep_going:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise SpecError(f"{problems[0]}{more}; --keep-going reads the rest")
    for problem in problems:
        typer.echo(f"left out: {problem}", err=True)


def reaches(found: Iterable[Severity], severity: Severity) -> bool:
    """Whether one of the severities found is at least as bad."""
    from fairprune.audit.finding import SEVERITIES

    order = list(SEVERITIES)
    return any(order.index(one) <= order.index(severity) for one in found)
