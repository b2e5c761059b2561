"""The command that says what is wrong with contributed files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fairprune.cli import EXIT_FINDINGS
from fairprune.cli.corpus.options import About, CorpusFolder, Paper
from fairprune.cli.options import AsJson


def check(
    files: Annotated[list[Path], typer.Argument(help="Papers as TOML files, files of results, stores of own runs.")],
    paper: Paper = "",
    about: About = None,
    corpus: CorpusFolder = None,
    as_json: AsJson = False,
) -> None:
    """All that keeps files from being taken into the corpus, each with its line; exits with 1 if there is anything.

    Example: `fairprune corpus check doe-2024.toml`
    """
    from fairprune.corpus.importers.checking import check_files
    from fairprune.corpus.tables import SHIPPED, load

    checked = list(check_files(files, load(corpus or SHIPPED), paper, about))
    if as_json:
        listed = [
            {"file": str(each.path), "results": each.results, "faults": [asdict(fault) for fault in each.faults]}
            for each in checked
        ]
        typer.echo(json.dumps({"files": listed}, indent=2))
    else:
        for each in checked:
            for fault in each.faults:
                typer.echo(str(fault))
            number = len(each.faults)
            said = (
                f"{number} fault{'s' * (number > 1)}"
                if number
                else f"can be taken, with {each.results} result{'s' * (each.results != 1)}"
            )
            typer.echo(f"{each.path}: {said}")
    if any(each.faults for each in checked):
        raise typer.Exit(EXIT_FINDINGS)
