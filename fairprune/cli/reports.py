"""The command that shows studies: as a page, figures of a paper, a table, or a site."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairprune.cli.corpus.options import CorpusFolder
from fairprune.cli.drawing import WIDTH_HELP, inches_of
from fairprune.cli.options import DEFAULT_STORE, AsJson, DataRoot, Overrides, StoreFolder
from fairprune.cli.published import shelf_of
from fairprune.reading import audited, read_curves, read_noted, read_records, read_session, read_summary

if TYPE_CHECKING:
    from fairprune.launch.session import Session
    from fairprune.report.shown import Shown

_PAGES, _FIGURES = (".html", ".md", ".tex"), (".svg", ".pdf", ".png")
_SITE = Path("fairprune-site")


def report(
    studies: Annotated[list[Path], typer.Argument(help="The study, a TOML file; several make a site.")],
    overrides: Overrides = None,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="NAME.html, .md, .tex, .svg, .pdf, .png; repeatable. A folder: a site."),
    ] = None,
    width: Annotated[str, typer.Option("--width", help=WIDTH_HELP)] = "double",
    axis: Annotated[
        str | None,
        typer.Option("--axis", help="Of figures: compression, speedup, measured, or speedups (theory and measured)."),
    ] = None,
    with_corpus: Annotated[
        bool, typer.Option("--with-corpus", help="Lay published results on the same data set and network beside ours.")
    ] = False,
    corpus: CorpusFolder = None,
    as_json: AsJson = False,
) -> None:
    """Write the report: one self-contained HTML page with curves, intervals, table, findings and every spec.

    Output called `*.md` is Markdown, `*.tex` the table in LaTeX; `*.svg`, `*.pdf` and `*.png` are the curves in a
    paper's size. Several studies, or a folder, make a site with an index. Published results are marked as reported,
    with the setup that each reaches against ours, and are never ranked with them.

    Example: `fairprune report studies/cifar10-filters.toml -o filters.html -o filters.pdf --width single`
    """
    inches = inches_of(width)
    _check(output or (), len(studies))
    shown = [
        _shown(read_session(study, overrides, store, data_root), _command(study, overrides, store), with_corpus, corpus)
        for study in studies
    ]
    targets = output or [Path(f"{shown[0].summary.name}.html") if len(shown) == 1 else _SITE]
    files = {path: data for target in targets for path, data in _files(shown, target, inches, axis).items()}
    written = _written(files, [target for target in targets if not target.suffix])
    if as_json:
        one = {"report": str(written[0])} if len(written) == 1 else {"reports": [str(path) for path in written]}
        typer.echo(json.dumps({**one, **_published(shown)}, indent=2 if with_corpus else None))
    else:
        for path in written:
            typer.echo(f"report: {path}")


def write_page(session: Session, study: Path, output: Path) -> Path:
    """Write the page of a session's study, as it stands, and return where it is."""
    return _written(_files([_shown(session, f"fairprune run {study}")], output, 0.0, None))[0]


def _shown(session: Session, command: str, with_corpus: bool = False, corpus: Path | None = None) -> Shown:
    from fairprune.report.points import unlisted
    from fairprune.report.shown import Shown

    noted = read_noted(session)
    summary = read_summary(session, noted)
    findings = audited(session, noted, summary)
    records = {} if unlisted(summary) and not with_corpus else read_records(session)  # which only points tell of
    shelf = shelf_of(session, records, corpus, session.study.endpoint) if with_corpus else None
    return Shown(summary, records, findings, command, shelf, read_curves(session, records.values()))


def _command(study: Path, overrides: Sequence[str] | None, store: Path) -> str:
    """What runs the study, with the results that are there."""
    more = [part for override in overrides or () for part in ("--set", override)]
    kept = ["--store", str(store)] if store != DEFAULT_STORE else []
    return shlex.join(["fairprune", "run", str(study), *more, *kept])


def _check(output: Iterable[Path], studies: int) -> None:
    """Raises SpecError for a suffix that nothing is written as, and for one file of several studies."""
    from fairprune.errors import SpecError, unknown

    for path in output:
        if path.suffix and not path.is_dir() and path.suffix not in (*_PAGES, *_FIGURES):
            raise SpecError(f"-o {path}: {unknown('suffix', path.suffix, (*_PAGES, *_FIGURES))}")
        if path.suffix and not path.is_dir() and studies > 1:
            raise SpecError(f"-o {path}: {studies} studies make a site, which needs a folder, e.g. -o site/")


def _files(shown: Sequence[Shown], target: Path, inches: float, axis: str | None) -> dict[Path, bytes]:
    """All files of a target by path; nothing is written before everything could be drawn."""
    from fairprune.report import html, latex, markdown, site

    one = shown[0]
    if target.is_dir() or not target.suffix:
        return {target / name: text.encode() for name, text in site.pages(shown).items()}
    if target.suffix in _FIGURES:
        return {target: _drawn(one, target.suffix[1:], inches, axis)}
    if target.suffix == ".md":
        text = markdown.page(one.summary, one.findings, one.command, one.shelf)
    elif target.suffix == ".tex":
        text = latex.table(one.summary)
    else:
        text = html.page(one.summary, one.records, one.findings, one.command, one.shelf, one.trained)
    return {target: text.encode()}


def _drawn(one: Shown, form: Any, inches: float, axis: str | None) -> bytes:
    """The study's curves, or its speedups, as one figure. Raises FigureError where there is nothing to draw."""
    from fairprune.report.figures.files import drawn
    from fairprune.results.figured import figure_of

    return drawn(figure_of(one.summary, axis), form, inches)


def _written(files: Mapping[Path, bytes], folders: Iterable[Path] = ()) -> list[Path]:
    from fairprune.errors import StoreError
    from fairprune.files import write_bytes

    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write {folder}: {error.strerror or error}") from None
    for path, data in files.items():
        write_bytes(path, data)
    return [path.resolve() for path in files]


def _published(shown: Iterable[Shown]) -> dict[str, Any]:
    """What lies beside the studies, for --json."""
    from fairprune.report.published import to_json

    shelves = [one.shelf for one in shown if one.shelf]
    found = [each for shelf in shelves for beside in shelf.tasks.values() for each in to_json(beside)]
    return {"published": found} if shelves else {}
