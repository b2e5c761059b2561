"""The command that shows a learning-rate schedule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from fairprune.cli.options import AsJson


def schedule(
    text: Annotated[
        str, typer.Argument(help="A schedule, e.g. '0:1e-2,30:1e-3 total:90' or 'halving:1e-1->1e-5 total:120'.")
    ],
    scaled_to: Annotated[float | None, typer.Option(help="Scale breakpoints to that many epochs.")] = None,
    cut: Annotated[tuple[float, float] | None, typer.Option(help="From and to which epoch.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="An SVG picture.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a learning-rate schedule: its canonical text, its stages, and its course, scaled or cut if asked.

    Example: `fairprune schedule 'halving:1e-1->1e-5 total:120' --scaled-to 12`
    """
    from fairprune.cli.printing import console, print_table
    from fairprune.files import write_text
    from fairprune.report.schedules import drawn, svg
    from fairprune.schedules import parse
    from fairprune.schedules.values import epochs_text, short_rate

    found = parse(text)
    if scaled_to is not None:
        found = found.stretched_to(scaled_to)
    if cut is not None:
        found = found.cut(*cut)
    if output is not None:
        write_text(output, svg(found))
    starts = (0.0, *found.ends)
    stages = [
        (start, start + segment.length, segment.shape, segment.at(0), segment.at(segment.length))
        for start, segment in zip(starts, found.segments, strict=False)
    ]
    names = ("from", "to", "shape", "first", "last")
    if as_json:
        listed = [dict(zip(names, stage, strict=True)) for stage in stages]
        typer.echo(json.dumps({"schedule": str(found), "epochs": found.total, "stages": listed}, indent=2))
        return
    console().print(f"{found}\n\n{drawn(found)}\n")
    rows = [
        (epochs_text(start), epochs_text(end), shape, short_rate(first), short_rate(last))
        for start, end, shape, first, last in stages
    ]
    print_table(("from epoch", "to", "shape ", "first rate", "last rate"), rows)
