"""Options that the commands about the corpus share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairprune.cli.corpus.names import keys_of

CorpusFolder = Annotated[
    Path | None,
    typer.Option(
        "--corpus", envvar="FAIRPRUNE_CORPUS", help="Folder of a corpus; without it, the one that ships with fairprune."
    ),
]

Paper = Annotated[
    str,
    typer.Option(
        "--paper",
        metavar="KEY",
        help="Key of the paper that files of results, or a store's runs, are of.",
        autocompletion=keys_of("papers"),
    ),
]
About = Annotated[
    Path | None,
    typer.Option("--about", help="TOML file with [paper] and new names, for one file of results or one store."),
]
