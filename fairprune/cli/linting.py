"""The command that checks tables in print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from fairprune.cli import EXIT_FINDINGS
from fairprune.cli.audits import reaches, report_problems
from fairprune.cli.options import AsJson, FailOn


def lint(
    path: Annotated[Path, typer.Argument(help="A table of results: .csv or .json.", metavar="FILE.csv")],
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Leave out rows of the file that cannot be read.")
    ] = False,
    fail_on: FailOn = "never",
    as_json: AsJson = False,
) -> None:
    """Numbers in a published table that cannot be right, by the digits printed: drops, signs, sizes, ratios, ranks.

    Columns are those of `fairprune audit FILE.csv`, and drop_top1, delta_top1, params_m, params_kept_pct, macs_g,
    macs_kept_pct, rank, group.

    Example: `fairprune lint published.csv --fail-on caution`
    """
    from fairprune.audit.finding import listed
    from fairprune.audit.lint import lint as check
    from fairprune.audit.lint import read_table
    from fairprune.cli.printing import console, print_table

    table = read_table(path)
    report_problems(table.problems, keep_going)
    findings = check(table)
    if as_json:
        said = [{"rule": f.rule, "line": f.line, "ids": f.ids, "text": f.text} for f in findings]
        typer.echo(json.dumps({"findings": said}, indent=2))
    elif findings:
        rows = ((f.severity, f.line, listed(f.ids), f.rule, f.text) for f in findings)
        print_table(("severity ", "line", "rows ", "rule ", "finding "), rows)
    else:
        console().print("no findings")
    if fail_on != "never" and (table.problems or reaches((f.severity for f in findings), fail_on)):
        raise typer.Exit(EXIT_FINDINGS)
