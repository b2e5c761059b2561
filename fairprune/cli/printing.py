"""Plain-text output of commands."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # rich takes a tenth of a second, and JSON needs none of it
    from rich.console import Console, RenderableType

    from fairprune.audit.finding import Finding
    from fairprune.measure.cost import Cost
    from fairprune.plan import Plan
    from fairprune.spec import Method


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]], title: str = "") -> None:
    """A table; columns whose name ends in a space are left-aligned text, the others numbers."""
    from rich.table import Table

    table = Table(title=title or None, box=None, pad_edge=False, header_style="bold", title_justify="left")
    for column in columns:
        text = column.endswith(" ")
        table.add_column(column.strip(), justify="left" if text else "right", overflow="fold", no_wrap=not text)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console().print(table)


def console() -> Console:
    """Standard output, without markup, so that names in square brackets print as they are."""
    from rich.console import Console

    return Console(markup=False, highlight=False, soft_wrap=False)


def as_text(shown: RenderableType) -> str:
    """What would be printed, for a file: without colours, and wide."""
    from rich.console import Console

    page = Console(file=io.StringIO(), width=160, markup=False, highlight=False)
    with page.capture() as captured:
        page.print(shown)
    return captured.get()


def print_plan(plan: Plan) -> None:
    """What would run, what is shared and what is done."""
    said = ", ".join(f"{number} {status}" for status, number in plan.statuses.items() if number)
    console().print(f"{plan.study}: {plan.runs} runs ({said}); {plan.chosen} chosen\n")
    rows = [
        (t.kind, t.asked, t.distinct, t.done, t.distinct - t.done, f"{t.steps:,}" if t.steps else "")
        for t in plan.stages
    ]
    print_table(("stage ", "asked for", "distinct", "done", "to do", "optimizer steps"), rows)
    if plan.seconds:
        workers = f"{plan.jobs} worker{'s' if plan.jobs > 1 else ''}"
        console().print(
            f"\nabout {duration(plan.seconds)} of training with {workers}, if every network were dense "
            "(from a few timed steps of one worker)"
        )


def in_words(method: Method) -> str:
    """How a method prunes, in one line. What has no criterion scores by its training."""
    by = [f"criterion {method.criterion}"] if method.criterion else []
    if method.training:
        by = [f"training {method.training.hook}"] + [f"ranked by {method.criterion}"] * bool(method.criterion)
    how = [*by, f"{method.granularity}s", f"allocation {method.allocation}"]
    if method.like:
        how[-1] = f"as much of each layer as by {in_words(method.like).partition(',')[0]}"
    if method.start == "init":
        how.append("from the initialisation")
    if method.rounds > 1:
        how.append(f"{method.rounds} rounds")
    if method.steps > 1:
        how.append(f"{method.steps} steps")
    if method.repair not in ("", "none"):
        how.append(f"repair {method.repair}")
    return ", ".join(how)


def print_cost(cost: Cost, seconds: Mapping[int, Mapping[str, float]]) -> None:
    """Parameters and multiply-adds of each layer and of the whole network; shares of its seconds, by batch size."""
    rows = [
        (
            *(layer.name, layer.kind, f"{layer.params:,}", f"{layer.macs:,}", f"{layer.macs / max(cost.macs, 1):.1%}"),
            *(f"{taken[layer.name] / taken['']:.1%}" if layer.name in taken else "" for taken in seconds.values()),
        )
        for layer in cost.layers
        if layer.params or layer.macs
    ]
    times = (f"time b{size}" for size in seconds)
    print_table(("layer ", "kind ", "parameters", "multiply-adds", "share", *times), rows)
    console().print(
        f"\n{cost.params:,} parameters, {cost.macs:,} multiply-adds for one sample "
        "(convolutions, linear layers, attention products; 1 multiply-add = 2 FLOPs)"
    )


def print_findings(findings: Iterable[Finding]) -> None:
    """Findings, worst first."""
    rows = [(finding.severity, finding.rule, finding.text) for finding in findings]
    if rows:
        print_table(("severity ", "rule ", "finding "), rows)
    else:
        console().print("no findings")


def bytes_of(number: float) -> str:
    """`948 bytes`, `1.5 KiB`, `20 MiB`, three digits each."""
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:,.3g} GiB"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
