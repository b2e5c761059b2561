"""The command that reads sources into a corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairprune.cli.corpus.options import About, Paper
from fairprune.cli.options import AsJson

if TYPE_CHECKING:
    from fairprune.corpus.importing import Imported
    from fairprune.corpus.tables import Corpus


def import_(
    sources: Annotated[list[Path], typer.Argument(help="Files and folders, recognised by what is in them.")],
    into: Annotated[
        Path, typer.Option("--into", envvar="FAIRPRUNE_CORPUS", help="Folder of the corpus that is written.")
    ] = Path("corpus"),
    paper: Paper = "",
    about: About = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin with nothing, not with what is there or what ships with fairprune.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write the report to this file, .md or .json.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read published results into a corpus, and say what of them had to be interpreted or left out.

    What a source brought before is replaced. The corpus is that in the folder; where there is none, a copy of the one
    that ships with fairprune.

    Example: `fairprune corpus import corpus-81/ synflow-2020.csv --into corpus`
    """
    from fairprune.corpus.importing import import_sources, line_of, markdown, told
    from fairprune.corpus.tables import save
    from fairprune.errors import SpecError
    from fairprune.files import write_text

    if report and report.suffix not in (".md", ".json"):
        raise SpecError(f"cannot write a report to '{report}'; expected a file that ends in .md or .json")
    if about and len(sources) > 1:
        raise SpecError(f"--about is for one source, not for {len(sources)}: each would replace the one before")
    imported = import_sources(_begin(into, fresh), sources, paper, about)
    save(imported.corpus, into)
    found = json.dumps(_as_json(imported, into), indent=2)
    if report:
        write_text(report, f"{found}\n" if report.suffix == ".json" else markdown(imported))
    if as_json:
        typer.echo(found)
        return
    for each in told(imported.notes):
        typer.echo(f"{each.what}: {line_of(each)}")
    for origin, tables in imported.rows.items():
        typer.echo(f"{origin}: {', '.join(f'{count} {table}' for table, count in tables.items())}")
    typer.echo(f"written to {into}")


def _begin(folder: Path, fresh: bool) -> Corpus:
    from fairprune.corpus.tables import MANIFEST, SHIPPED, load, nothing

    if fresh:
        return nothing()
    return load(folder if (folder / MANIFEST).exists() else SHIPPED)


def _as_json(imported: Imported, into: Path) -> dict[str, object]:
    notes = [{"place": n.place, "field": n.field, "what": n.what, "text": n.text} for n in imported.notes]
    return {"corpus": str(into), "rows": imported.rows, "notes": notes}
