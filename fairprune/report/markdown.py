"""A study as Markdown: its table, or a page with what it cost and what the audit says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from fairprune.report import headline, published, words
from fairprune.report.finding import Finding, ordered
from fairprune.report.headline import where
from fairprune.report.published import Shelf
from fairprune.report.rates import machines, rates
from fairprune.report.rows import Row, endpoint_title, rows
from fairprune.report.standing import standing
from fairprune.summary import Cell, Cost, Panel, Summary


def page(summary: Summary, findings: Sequence[Finding], command: str, shelf: Shelf | None = None) -> str:
    """What a study asks, shows, cost, and what is to be said against it; what others published stands on a `shelf`."""
    said = [": ".join(filter(None, (s.where, " ".join(s.sentences)))) for s in headline.headline(summary)]
    places = [f"{words.plural(place.runs, 'run')} on {place.text}" for place in summary.places]
    places += [f"latency of {words.plural(place.runs, 'run')} measured on {place.text}" for place in summary.timed]
    parts = [
        f"# {plain(summary.name)}",
        plain(summary.question),
        f"```console\n{command}\n```",
        bullets(said),
        bullets(places),
        "## Results",
        table(summary),
        *_timed(summary),
        *_exploratory(summary),
        *(_published(shelf) if shelf else ()),
        "## Cost",
        ledger(summary),
        "## What the audit says",
        "\n".join(f"- **{f.severity}**, `{f.rule}`: {plain(f.text)}" for f in ordered(findings)) or "Nothing.",
    ]
    return paragraphs(parts)


def _published(shelf: Shelf) -> Iterator[str]:
    """Published results of each task, with the setup that each reaches against the study's own."""
    yield "## Published results"
    titles = ["paper", "method", "compression", "speedup", f"{shelf.metric}, %, as reported", "runs"]
    for task, found in shelf.tasks.items():
        if len(shelf.tasks) > 1:
            yield f"### {plain(task)}"
        yield plain(" ".join(published.about(found, shelf.metric)))
        rows = [
            [r.paper, r.method, r.compression, r.speedup, r.accuracy, r.runs, r.setup, r.blocked, r.source]
            for r in published.lines(found, shelf.papers)
        ]
        last = ["setup against ours", "what keeps it from the next", "where"]
        yield grid([*titles, *last], "llrrrrlll", [[plain(cell) for cell in row] for row in rows]) if rows else ""


def ledger(summary: Summary) -> str:
    """What a run of every method cost, relative to training the dense network; a table for each task."""
    tasks = {panel.task: [p for p in summary.panels if p.task == panel.task] for panel in summary.panels}
    return "\n".join(_costs(task, panels) for task, panels in tasks.items())


def _costs(task: str, panels: Sequence[Panel]) -> str:
    cells = [(panel, cell, cell.cost) for panel in panels for cell in (panel.dense, *panel.cells) if cell and cell.cost]
    unit, named = _unit([cost for _, _, cost in cells])
    about = (
        f"{task}: multiply-adds of one run {named}, mean over runs; a training step is 3 passes. Pruning is the "
        "method's own training, scoring and repair. Masked weights count as removed; executed says what was multiplied."
    )
    titles = ["retraining", "method", "target", "base", "pruning", "retraining", "executed", "samples looked at"]
    lines = [[plain(panel.recipe), *_cost(cell, cost, unit)] for panel, cell, cost in cells]
    return f"{plain(about)}\n\n{grid(titles, 'lllrrrlr', lines)}"


def _unit(costs: Sequence[Cost]) -> tuple[float, str]:
    if largest := max((cost.base for cost in costs), default=0.0):
        return largest, "in units of training the dearest base"
    if largest := max((cost.retraining for cost in costs), default=0.0):
        return largest, "in units of the dearest retraining, since bases were trained elsewhere"
    return 1.0, "as they are"


def _cost(cell: Cell, cost: Cost, unit: float) -> list[str]:
    numbers = [f"{value / unit:.3g}" for value in (cost.base, cost.pruning, cost.retraining)]
    samples = f"{cost.samples:,}" if cost.samples else ""
    return [plain(cell.method), words.target(cell), *numbers, ", ".join(cost.executed), samples]


def _timed(summary: Summary) -> list[str]:
    """What was measured of speed, beside what theory promises."""
    timed = [rate for rate in rates(summary) if rate.kind == "measured"]
    titles = ["task, retraining", "method", "target", "theoretical speedup", *(rate.name for rate in timed)]
    lines = [
        [where(panel), cell.method, words.target(cell), *(words.achieved(known) for known in (cell.speedup, *found))]
        for panel in summary.panels
        for cell in panel.cells
        if any(found := [rate.of(cell) for rate in timed])
    ]
    drawn = grid(titles, "lll" + "r" * (1 + len(timed)), [[plain(text) for text in line] for line in lines])
    return ["## Measured speedup", plain(machines(summary)), drawn] if lines else []


def _exploratory(summary: Summary) -> list[str]:
    compared = [c for c in summary.exploratory if c.n]
    decimals = words.digits(summary)
    titles = ["task", "method", "target", "from scratch", "against", "n", "difference", "verdict"]
    lines = [
        [c.task, c.method, c.target, c.recipe, c.control, str(c.n), words.difference(c, decimals), words.verdict(c)]
        for c in compared
    ]
    about = "Exploratory, not declared, corrected as a family of its own: training from scratch against retraining."
    return [about, grid(titles, "lllllrrl", [[plain(cell) for cell in line] for line in lines])] if lines else []


def table(summary: Summary) -> str:
    """One table for each task and recipe, under a heading of its own, and what their words mean."""
    tables = (f"### {plain(where(panel))}\n\n{_table(summary, panel)}" for panel in summary.panels)
    return "\n".join([*tables, plain(" ".join(words.notes(summary))) + "\n"])


def _table(summary: Summary, panel: Panel) -> str:
    titles = ["method", "target", "compression", "speedup", endpoint_title(summary), "n", "rank", "against control"]
    lines = [_cells(row) for row in rows(summary, panel)]
    drawn = grid([plain(title) for title in [*titles, "verdict"]], "lrrrrrrrl", lines)
    stand = standing(panel)
    under = [*map(plain, stand.about), *(["Beside the ranking:", bullets(stand.beside)] if stand.beside else [])]
    return "\n".join([drawn, *(f"{text}\n" for text in under)])


def paragraphs(parts: Iterable[str]) -> str:
    """Parts of a page with an empty line between them; empty ones are left out."""
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def grid(titles: Sequence[str], columns: str, lines: Sequence[Sequence[str]]) -> str:
    """A table; columns are l(eft) or r(ight), cells are Markdown."""
    rule = ["---:" if column == "r" else "---" for column in columns]
    return "\n".join(f"| {' | '.join(line)} |" for line in [titles, rule, *lines]) + "\n"


def bullets(items: Iterable[str]) -> str:
    """A list of plain texts."""
    return "\n".join(f"- {plain(item)}" for item in items)


def _cells(row: Row) -> list[str]:
    sizes, found = [row.compression, row.speedup], [row.endpoint, row.runs, row.rank, row.difference, row.verdict]
    return [plain(cell) for cell in [row.method, row.target, *sizes, *found]]


def plain(text: str) -> str:
    """Text that Markdown and HTML take literally, on one line."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~!])", r"\\\1", " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("\\<", "&lt;").replace("\\>", "&gt;")
