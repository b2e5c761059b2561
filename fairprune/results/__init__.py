"""A study's results for programs and notebooks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from fairprune.reading import audited, read_records, read_session, summarised
from fairprune.results.values import Drawing, Results
from fairprune.study import Study

__all__ = ["Drawing", "Results", "read_results"]


def read_results(
    study: Study | Path | str,
    store: Path | str | None = None,
    *,
    overrides: Sequence[str] = (),
    data_root: Path | str | None = None,
) -> Results:
    """The results of a study in a store, complete or not. Runs no network.

    A study is a TOML file, with `overrides` as those of `--set` ("seeds=5"), or what `fairprune.study.parse_study`
    returns. `store` is by default that of the command: the environment variable FAIRPRUNE_STORE, else
    "fairprune-results". The data need not be at hand. Raises SpecError and StoreError.
    """
    from fairprune.reading.noted import taken

    folder = Path(store or os.environ.get("FAIRPRUNE_STORE") or "fairprune-results")
    found = study if isinstance(study, Study) else Path(study)
    session = read_session(found, overrides, folder, Path(data_root) if data_root else None)
    records = read_records(session)
    known = taken(records)
    summary = summarised(session, known)
    return Results(summary, records, audited(session, known, summary))
