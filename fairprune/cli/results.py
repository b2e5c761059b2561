"""Commands that read results: they run no network."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fairprune.cli import EXIT_FINDINGS
from fairprune.cli.options import DEFAULT_STORE, AsJson, DataRoot, Overrides, StoreFolder, StudyFile

if TYPE_CHECKING:
    from fairprune.audit import Finding
    from fairprune.launch.session import Session
    from fairprune.record import Record
    from fairprune.spec import DataSpec
    from fairprune.summary.values import Summary

TableFormat = Literal["text", "markdown", "csv", "parquet", "json"]


def status(
    study: Annotated[Path | None, typer.Argument(help="A study; without one: the whole store.")] = None,
    overrides: Overrides = None,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read every object and check its digest.")] = False,
    as_json: AsJson = False,
) -> None:
    """How far a study is; without a study, what the store holds. `--verify` names damaged objects.

    Example: `fairprune status studies/mnist-lenet5.toml`
    """
    from fairprune.cli.printing import console
    from fairprune.store import read_store

    opened = read_store(store)
    if study:
        from fairprune.plan import counts

        tally = counts(_session(study, overrides, store, data_root).points, opened)
    else:
        tally = {}
        for record in opened.records():
            tally[record.status] = tally.get(record.status, 0) + 1
    damaged = opened.damaged() if verify else []
    if as_json:
        typer.echo(json.dumps({"runs": tally, "damaged": damaged}, indent=2))
    else:
        said = ", ".join(f"{number} {name}" for name, number in tally.items() if number) or "no runs"
        console().print(f"{study.stem if study else store}: {said}")
        for name in damaged:
            console().print(f"damaged: {name}")
    if damaged:
        raise typer.Exit(EXIT_FINDINGS)


def show(
    run_id: Annotated[str, typer.Argument(help="A run's identity, or the first digits of it.")],
    store: StoreFolder = DEFAULT_STORE,
    as_json: AsJson = False,
) -> None:
    """Show the record of a run: its spec, ledger, metrics, sizes and environment.

    Example: `fairprune show 3f2a9c --json`
    """
    from fairprune.cli.printing import console, print_table
    from fairprune.store import read_store

    record = _find(read_store(store), run_id)
    if as_json:
        typer.echo(record.model_dump_json(indent=2))
        return
    out = console()
    named = ", ".join(f"{key} {value}" for key, value in record.labels.items())
    out.print(f"{record.id}  {record.status}{': ' + record.reason if record.reason else ''}\n{named}\n")
    rows = [(m.name, m.split, m.when, f"{m.value:.4f}", m.unit, m.n) for m in record.metrics]
    print_table(("metric ", "split ", "when ", "value", "unit ", "n"), rows)
    out.print("")
    ledger = [
        (e.stage, f"{e.epochs:g}", f"{e.steps:,}", e.schedule, f"{e.multiply_adds:.3g}", e.executed, f"{e.seconds:.1f}")
        for e in record.ledger
    ]
    print_table(("stage ", "epochs", "steps", "schedule ", "multiply-adds", "executed ", "seconds"), ledger)
    if record.compression and record.speedup:
        out.print(f"\ncompression {record.compression:.2f}x, theoretical speedup {record.speedup:.2f}x")
    out.print("the spec and everything else: --json")


def table(
    study: StudyFile,
    overrides: Overrides = None,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    form: Annotated[TableFormat, typer.Option("--format", "-f", help="text, markdown, or one row a run.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of the terminal.")] = None,
    as_json: AsJson = False,
) -> None:
    """The study's table: means with intervals, sizes, and each method against the control.

    csv, parquet and json give one row a run instead.

    Example: `fairprune table studies/mnist-lenet5.toml --format markdown`
    """
    session = _session(study, overrides, store, data_root)
    records = _records(session)
    if as_json:
        typer.echo(_summary(session, records).model_dump_json(indent=2))
        return
    if form in ("csv", "parquet", "json"):
        _write_rows(records, form, output)
        return
    if form == "markdown":
        from fairprune.report import markdown

        _write(markdown.table(_summary(session, records)), output)
        return
    from fairprune.cli.printing import console
    from fairprune.report import terminal

    console().print(terminal.table(_summary(session, records)))


def audit(
    study: StudyFile,
    overrides: Overrides = None,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    fail_on: Annotated[
        Literal["never", "unfair", "caution", "note"],
        typer.Option("--fail-on", help="Exit with 1 if there is a finding at least this severe."),
    ] = "never",
    as_json: AsJson = False,
) -> None:
    """What the audit says about a study's results: setups reached, missing controls, what is not separated.

    Example: `fairprune audit studies/mnist-lenet5.toml --fail-on unfair`
    """
    from fairprune.audit.finding import SEVERITIES
    from fairprune.cli.printing import print_findings

    session = _session(study, overrides, store, data_root)
    records = _records(session)
    findings = _findings(session, records, _summary(session, records))
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        print_findings(findings)
    order = list(SEVERITIES)
    if fail_on != "never" and any(order.index(f.severity) <= order.index(fail_on) for f in findings):
        raise typer.Exit(EXIT_FINDINGS)


def report(
    study: StudyFile,
    overrides: Overrides = None,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The page; default: the study's name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the report: one self-contained HTML page with curves, intervals, table, findings and every spec.

    Example: `fairprune report studies/mnist-lenet5.toml -o mnist.html`
    """
    page = write_report(_session(study, overrides, store, data_root), study, output)
    typer.echo(json.dumps({"report": str(page)}) if as_json else f"report: {page}")


def write_report(session: Session, study: Path, output: Path | None) -> Path:
    """Write the page of a session's study, as it stands, and return where it is."""
    from fairprune.report import html

    records = _records(session)
    summary = _summary(session, records)
    page = html.page(summary, records, _findings(session, records, summary), command=f"fairprune run {study}")
    target = output or Path(f"{session.study.name}.html")
    _write(page, target)
    return target.resolve()


def _session(study: Path, overrides: list[str] | None, store: Path, data_root: Path | None) -> Session:
    """The study over its results; where the data itself is not at hand, the records know its digests."""
    from fairprune.cli.sessions import open_session
    from fairprune.store import read_store

    opened = read_store(store)

    def recall(spec: DataSpec) -> Mapping[str, str] | None:
        known = (record.spec for record in opened.records())
        return next((run.data_digests for run in known if run.task.data == spec), None)

    return open_session(study, overrides, store, data_root, recall=recall)


def _records(session: Session) -> dict[str, Record]:
    from fairprune.store import read_store

    store = read_store(session.site.store)
    found = {point.id: store.record(point.id) for point in session.points}
    return {run_id: record for run_id, record in found.items() if record}


def _summary(session: Session, records: Mapping[str, Record]) -> Summary:
    from fairprune.store import read_store
    from fairprune.summary import correct_in, summarise

    correct = correct_in(read_store(session.site.store))
    return summarise(session.study, session.points, records, correct=correct)


def _findings(session: Session, records: Mapping[str, Record], summary: Summary) -> tuple[Finding, ...]:
    from fairprune.audit.study import audit_study
    from fairprune.launch.session import declaration
    from fairprune.store import read_store

    declared = read_store(session.site.store).declarations(session.study.name)
    changed = any(other != declaration(session.study) for other in declared)
    return audit_study(session.study, session.points, records, summary, exploratory=changed)


def _find(store: object, run_id: str) -> Record:
    from fairprune.errors import StoreError
    from fairprune.store import Store

    assert isinstance(store, Store)
    ids = sorted({name.split("/")[1] for name in store.objects.names("records/")})
    found = [known for known in ids if known.startswith(run_id)]
    record = store.record(found[0]) if len(found) == 1 else None
    if record is None:
        raise StoreError(f"{len(found) or 'no'} runs of this store begin with '{run_id}'; `fairprune table` lists them")
    return record


def _write_rows(records: Mapping[str, Record], form: TableFormat, output: Path | None) -> None:
    from fairprune.errors import SpecError
    from fairprune.files import write_bytes
    from fairprune.views import frame

    rows = frame(records.values())
    if form == "parquet":
        if output is None:
            raise SpecError("--format parquet needs --output FILE.parquet")
        data = io.BytesIO()
        rows.write_parquet(data)
        write_bytes(output, data.getvalue())
    else:
        _write(rows.write_csv() if form == "csv" else rows.write_json(), output)


def _write(text: str, output: Path | None) -> None:
    from fairprune.files import write_text

    if output is None:
        typer.echo(text)
    else:
        write_text(output, text)
