"""Options that the commands about the corpus share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CorpusFolder = Annotated[
    Path | None,
    typer.Option(
        "--corpus", envvar="FAIRPRUNE_CORPUS", help="Folder of a corpus; without it, the one that ships with fairprune."
    ),
]
