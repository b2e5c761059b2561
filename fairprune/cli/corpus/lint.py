"""The command that runs the linter over published results."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fairprune.cli import EXIT_FINDINGS
from fairprune.cli.audits import reaches
from fairprune.cli.corpus.names import origins
from fairprune.cli.corpus.options import CorpusFolder
from fairprune.cli.options import AsJson, FailOn


def lint(
    origin: Annotated[
        str, typer.Option("--origin", help="Only what this origin brought.", autocompletion=origins, show_default=False)
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Also a page (.md); what stands above its generated part stays as it is."),
    ] = None,
    fail_on: FailOn = "never",
    corpus: CorpusFolder = None,
    as_json: AsJson = False,
) -> None:
    """Numbers in published results that cannot be right, by the rules of `fairprune lint`: with paper, table and key.

    The results of one table are a table; where a paper's are not told apart, all of them. The corpus keeps numbers, not
    their digits, so each is taken to be printed with the fewest that give it.

    Example: `fairprune corpus lint --origin blalock-2020 --fail-on unfair`
    """
    from fairprune.corpus.lint import NEEDED
    from fairprune.corpus.lint import lint as check
    from fairprune.corpus.tables import SHIPPED, load, of_origin
    from fairprune.errors import SpecError
    from fairprune.files import write_text
    from fairprune.report.linted import page, summary

    if output and output.suffix.lower() != ".md":
        raise SpecError(f"-o {output}: expected a name that ends in .md")
    whole = load(corpus or SHIPPED, NEEDED)
    found = check(whole, of_origin(whole, origin)["results"] if origin else None)
    if output:
        write_text(output, page(found, output.read_text(encoding="utf-8") if output.exists() else ""))
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        from fairprune.cli.printing import console, print_table

        rows = ((f.severity, f.rule, ", ".join(f.keys), f.sources[0], f.text) for f in found.findings)
        if found.findings:
            print_table(("severity ", "rule ", "results ", "printed in ", "finding "), rows)
        console().print(("\n" if found.findings else "") + summary(found))
    if fail_on != "never" and reaches((f.severity for f in found.findings), fail_on):
        raise typer.Exit(EXIT_FINDINGS)
