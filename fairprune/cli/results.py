"""Commands that read results: they run no network."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fairprune.cli import EXIT_FINDINGS
from fairprune.cli.names import run_ids
from fairprune.cli.options import DEFAULT_STORE, AsJson, DataRoot, Overrides, StoreFolder, StudyFile
from fairprune.reading import read_records, read_session, read_summary

if TYPE_CHECKING:
    from fairprune.record import Record

TableFormat = Literal["text", "markdown", "latex", "csv", "parquet", "json"]


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
        from fairprune.launch.session import counts

        tally = counts(read_session(study, overrides, store, data_root).points, opened.statuses())
    else:
        tally = dict(Counter(opened.statuses().values()))
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
    run_id: Annotated[str, typer.Argument(help="A run's identity, or the first digits of it.", autocompletion=run_ids)],
    store: StoreFolder = DEFAULT_STORE,
    as_json: AsJson = False,
) -> None:
    """Show the record of a run: its spec, ledger, metrics, sizes and environment.

    Example: `fairprune show 3f2a9c --json`
    """
    from fairprune.cli.printing import console, in_words, print_table
    from fairprune.store import read_store

    record = _find(read_store(store), run_id)
    if as_json:
        typer.echo(record.model_dump_json(indent=2))
        return
    out = console()
    named = ", ".join(f"{key} {value}" for key, value in record.labels.items())
    out.print(f"{record.id}  {record.status}{': ' + record.reason if record.reason else ''}\n{named}")
    if record.spec.method:
        out.print(f"{in_words(record.spec.method)}; target {record.spec.target}")
    out.print("")
    rows = [(m.name, m.split, m.when, f"{m.value:.4g}", m.unit, m.n) for m in record.metrics]
    print_table(("metric ", "split ", "when ", "value", "unit ", "n"), rows)
    out.print("")
    ledger = [
        (e.stage, f"{e.epochs:g}", f"{e.steps:,}", e.schedule, f"{e.multiply_adds:.3g}", e.executed, f"{e.seconds:.1f}")
        for e in record.ledger
    ]
    print_table(("stage ", "epochs", "steps", "schedule ", "multiply-adds", "executed ", "seconds"), ledger)
    if record.compression and record.speedup:
        out.print(f"\ncompression {record.compression:.2f}x, theoretical speedup {record.speedup:.2f}x")
    if record.timed_on:
        out.print(f"latency measured on {record.timed_on}")
    out.print("the spec and everything else: --json")


def table(
    study: StudyFile,
    overrides: Overrides = None,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    form: Annotated[
        TableFormat, typer.Option("--format", "-f", help="text, markdown, latex, or one row a run.")
    ] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of the terminal.")] = None,
    as_json: AsJson = False,
) -> None:
    """The study's table: means with intervals, sizes, and each method against the control.

    csv, parquet and json give one row a run instead.

    Example: `fairprune table studies/mnist-lenet5.toml --format markdown`
    """
    session = read_session(study, overrides, store, data_root)
    if form in ("csv", "parquet", "json") and not as_json:
        _write_rows(read_records(session), form, output)
        return
    summary = read_summary(session)
    if as_json:
        _write(summary.model_dump_json(indent=2), output)
        return
    if form in ("markdown", "latex"):
        from fairprune.report import latex, markdown

        drawn = (markdown if form == "markdown" else latex).table(summary)
        _write(drawn, output)
        return
    from fairprune.cli.printing import as_text, console
    from fairprune.report import terminal

    shown = terminal.table(summary)
    if output is None:
        console().print(shown)
    else:
        _write(as_text(shown), output)


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
