"""The command that draws the literature."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairprune.cli.corpus.names import origins
from fairprune.cli.corpus.options import CorpusFolder
from fairprune.cli.drawing import WIDTH_HELP, inches_of
from fairprune.cli.options import AsJson

if TYPE_CHECKING:
    from fairprune.report.figures.values import Figure


def names(incomplete: str) -> list[str]:
    """What completes the name of a figure."""
    from fairprune.report.literature.figures import FIGURES

    return [name for name in FIGURES if name.startswith(incomplete)]


def figures(
    name: Annotated[list[str] | None, typer.Argument(help="Figures; without names, all.", autocompletion=names)] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files.")] = Path("corpus-figures"),
    forms: Annotated[
        str, typer.Option("--format", "-f", help="One or several of html, svg, pdf, png, separated by commas.")
    ] = "html,svg",
    width: Annotated[str, typer.Option("--width", help=WIDTH_HELP)] = "double",
    origin: Annotated[
        str, typer.Option("--origin", help="The papers that are counted: those of this origin.", autocompletion=origins)
    ] = "blalock-2020",
    everything: Annotated[bool, typer.Option("--all", help="Count all papers, whatever brought them.")] = False,
    corpus: CorpusFolder = None,
    as_json: AsJson = False,
) -> None:
    """Draw what the literature reports: those of Blalock et al. 2020, and more; --json gives what they show.

    html is one page with all figures, their captions and their data; the others are a file for each figure. pdf and png
    need `pip install fairprune[figures]`.

    Example: `fairprune corpus figures tradeoffs --format pdf --width single`
    """
    from fairprune.corpus.tables import SHIPPED, load
    from fairprune.files import write_bytes
    from fairprune.report.figures.table import data
    from fairprune.report.literature.figures import figures as drawn

    wanted, inches = _forms(forms), inches_of(width)
    found = drawn(load(corpus or SHIPPED), None if everything else origin, name or ())
    if as_json:
        typer.echo(json.dumps([data(figure) for figure in found], indent=2, ensure_ascii=False))
        return
    files = _files(found, wanted, inches)
    output.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        write_bytes(output / path, content)
        typer.echo(output / path)


def _files(found: Sequence[Figure], forms: Sequence[str], inches: float) -> dict[str, bytes]:
    """All files by name; nothing is written before all could be drawn."""
    from fairprune.report.figures.files import FORMATS, drawn
    from fairprune.report.literature.figures import page

    files = {"index.html": page(found).encode()} if "html" in forms else {}
    return files | {f"{f.key}.{form}": drawn(f, form, inches) for form in FORMATS if form in forms for f in found}


def _forms(text: str) -> list[str]:
    from fairprune.errors import SpecError, unknown
    from fairprune.report.figures.files import FORMATS

    known = ("html", *FORMATS)
    wanted = [form.strip() for form in text.split(",")]
    for form in wanted:
        if form not in known:
            raise SpecError(unknown("format", form, known))
    return wanted
