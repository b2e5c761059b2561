"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fairprune.cli.names import among, keys_of_study

StudyFile = Annotated[Path, typer.Argument(help="The study, a TOML file.", metavar="STUDY.toml")]
StoreFolder = Annotated[
    Path, typer.Option("--store", envvar="FAIRPRUNE_STORE", help="Folder of results.", show_default=True)
]
DataRoot = Annotated[
    Path | None, typer.Option("--data-root", envvar="FAIRPRUNE_DATA", help="Folder that holds the data sets.")
]
Download = Annotated[bool, typer.Option("--download", help="Fetch missing official files, checked by SHA-256.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a value of the study; repeatable.", autocompletion=keys_of_study
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
FailOn = Annotated[
    Literal["never", "unfair", "caution", "note"],
    typer.Option("--fail-on", help="Exit with 1 if there is a finding at least this severe."),
]
Rerun = Annotated[
    Literal["only-missing", "only-failed", "always", "never"],
    typer.Option("--rerun", help="Which runs to run: those without a record, those that failed, all, or none."),
]
Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", min=0, help="Worker processes, which share a GPU; 0: one a core, or one on a GPU."),
]
Threads = Annotated[int, typer.Option("--threads", min=0, max=1024, help="Threads a worker; 0: cores divided by jobs.")]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        help="cpu, cuda, cuda:1 ...; auto: a GPU where there is one.",
        autocompletion=among("auto", "cpu", "cuda"),
    ),
]
Step = Annotated[
    Literal["eager", "graph", "compile"],
    typer.Option(
        "--step", help="Train operation by operation, from CUDA graphs, or with torch.compile, where methods allow it."
    ),
]

DEFAULT_STORE = Path("fairprune-results")
CLAIMS, VERDICTS = Path("studies/claims"), Path("docs/results/claims")
