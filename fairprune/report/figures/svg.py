"""The one drawing of a figure: from its places to SVG."""

from __future__ import annotations

from typing import Literal
from xml.etree.ElementTree import Element

from fairprune.report.figures import marks
from fairprune.report.figures.boxes import Box, ends, labels
from fairprune.report.figures.elements import add, element, number, path, text_of
from fairprune.report.figures.layout import LINE, SWATCH, Entry, Sheet, arrange
from fairprune.report.figures.palette import FONTS, SHAPED_FOR, Look, breadth, cut
from fairprune.report.figures.values import Figure, Reference, Series

_NOTHING = "nothing reported"


def inline(figure: Figure, look: Look, suffix: str) -> str:
    """A figure inside a page, described; `suffix` keeps its ids apart from those of the same figure in another look."""
    sheet = arrange(figure, look)
    ids = f"{figure.key}-{suffix}"
    root = element("svg", class_=suffix, role="group", aria_labelledby=f"{ids}-title", aria_describedby=f"{ids}-about")
    _frame(root, sheet)
    hidden = add(root, "g")  # a title of the root itself would show wherever the pointer rests
    add(hidden, "title", figure.title, id=f"{ids}-title")
    add(hidden, "desc", described(figure), id=f"{ids}-about")
    _sheet(root, sheet)
    return text_of(root)


def standalone(figure: Figure, look: Look, unit: Literal["in", "pt"] = "in") -> str:
    """A file of its own, with colours and fonts in it. One unit of its coordinates is a point."""
    sheet = arrange(figure, look)
    root = element("svg", xmlns="http://www.w3.org/2000/svg", role="img")
    _frame(root, sheet)
    for name, value in (("width", look.width), ("height", sheet.height)):
        root.set(name, f"{value / 72:.4f}in" if unit == "in" else number(value))
    add(root, "title", figure.title)
    add(root, "desc", described(figure))
    add(root, "rect", width=look.width, height=sheet.height, fill=look.colours["paper"])
    _sheet(root, sheet)
    return text_of(root) + "\n"


def described(figure: Figure) -> str:
    """The figure in words: its own description, or what its panels hold."""
    if figure.description:
        return figure.description
    said = []
    for panel in figure.panels:
        held = [f"{s.name} ({len(s.drawn)})" for s in panel.series if s.drawn]
        axes = " over ".join(title for title in (panel.y.title, panel.x.title) if title)
        said.append(f"{': '.join(filter(None, (panel.title, axes)))}: {', '.join(held) or _NOTHING}.")
    return " ".join(said)


def _frame(root: Element, sheet: Sheet) -> None:
    root.set("viewBox", f"0 0 {number(sheet.look.width)} {number(sheet.height)}")
    root.set("font-family", FONTS)
    root.set("font-size", number(sheet.look.font))


def _sheet(root: Element, sheet: Sheet) -> None:
    numbers = {series.name: index for index, series in enumerate(sheet.figure.series)}
    if sheet.legend:
        legend = add(root, "g", class_="legend")
        for entry in sheet.legend:
            _entry(legend, entry, numbers[entry.series.name], sheet.look)
    for box in sheet.boxes:
        panel = _panel(root, box, numbers, sheet.look)
        for series, height in ends(box, LINE * box.em) if sheet.ends else ():
            _end(panel, box, series, height, numbers[series.name], sheet.look)


def _entry(parent: Element, entry: Entry, index: int, look: Look) -> None:
    group = _named(parent, entry.series, index, look)
    marks.swatch(group, entry, look)
    left = entry.left + (SWATCH - 0.2) * look.font
    add(group, "text", entry.text, x=left, y=entry.middle + 0.35 * look.font, fill=look.colours["ink"])


def _panel(root: Element, box: Box, numbers: dict[str, int], look: Look) -> Element:
    named = box.panel.title if look.live and box.panel.title else None
    group = add(root, "g", class_="panel", role="group" if named else None, aria_label=named)
    _grid(add(group, "g", aria_hidden="true"), box, look)
    for reference in box.panel.references:
        _line(group, box, reference, look)
    shown = [series for series in box.panel.series if series.drawn]
    for draw in (marks.intervals, marks.series):  # so that no band lies over a line
        for series in shown:
            draw(marks.group_of(group, numbers[series.name]), box, series, look)
    for series, label in labels(box):
        held = marks.group_of(group, numbers[series.name])
        marks.label(held, label.text, label.x, label.y, look, label.anchor)
    for reference in box.panel.references:
        if reference.name:
            _name(group, box, reference, look)
    return group


def _grid(group: Element, box: Box, look: Look) -> None:
    """Titles, numbers and lines of both axes. Lines cross the axis of numbers; names need none."""
    em, soft, rule = look.font, look.colours["soft"], look.colours["rule"]
    thin = em / SHAPED_FOR
    named = box.panel.y.scale == "names"
    _titles(group, box, look)
    for tick in box.y_ticks:
        y = box.y(tick.at)
        if not named or not any(series.kind == "rows" for series in box.panel.series):
            add(group, "path", d=path([(box.left, y), (box.right, y)]), stroke=rule, stroke_width=thin)
        if box.y_numbers:
            fill = look.colours["ink"] if named else soft
            text = cut(tick.text, em, box.left - 0.7 * em)
            add(group, "text", text, x=box.left - 0.7 * em, y=y + 0.35 * em, text_anchor="end", fill=fill)
    for tick in box.x_ticks:
        x, head = box.x(tick.at), box.top if named else box.bottom
        line = path([(x, head), (x, box.bottom + 0.4 * em)])
        add(group, "path", d=line, stroke=rule if named else soft, stroke_width=thin)
        if box.x_numbers:
            add(group, "text", tick.text, x=x, y=box.bottom + 1.55 * em, text_anchor="middle", fill=soft)
    floor = path([(box.left, box.bottom), (box.right, box.bottom)])
    add(group, "path", d=floor, stroke=soft, stroke_width=thin)


def _titles(group: Element, box: Box, look: Look) -> None:
    em, soft = look.font, look.colours["soft"]
    if box.title:
        text = cut(box.title, 1.05 * em, box.room)
        add(group, "text", text, x=box.left, y=box.top - box.rise, fill=look.colours["ink"], font_weight="600")
    if box.y_title:
        fits = max(0.0, min(box.left, look.width - breadth(box.y_title, em)))  # beside long names there is little room
        add(group, "text", box.y_title, x=fits, y=box.top - 0.9 * em, fill=soft)
    if box.x_title:
        add(group, "text", box.x_title, x=box.right, y=box.bottom + 2.95 * em, text_anchor="end", fill=soft)
    if box.panel.empty:
        middle = {"x": (box.left + box.right) / 2, "y": (box.top + box.bottom) / 2}
        add(group, "text", _NOTHING, text_anchor="middle", fill=soft, **middle)


def _line(parent: Element, box: Box, reference: Reference, look: Look) -> None:
    em = look.font
    if reference.diagonal:
        points = [(box.x(value), box.y(value)) for value in _both(box)]
    elif reference.up:
        points = [(box.x(reference.at), box.top), (box.x(reference.at), box.bottom)]
    else:
        points = [(box.left, box.y(reference.at)), (box.right, box.y(reference.at))]
    dashes = f"{number(0.42 * em)} {number(0.33 * em)}" if reference.dashed else None
    thin = 1.1 * em / SHAPED_FOR
    add(parent, "path", d=path(points), stroke=look.colours["ink"], stroke_width=thin, stroke_dasharray=dashes)


def _name(parent: Element, box: Box, reference: Reference, look: Look) -> None:
    """A reference's name, over the series."""
    em = look.font
    group = add(parent, "g", class_="reference")
    add(group, "title", reference.text or reference.name)
    if reference.diagonal:
        before, (_, most) = True, _both(box)
        x, y = box.x(most) - 0.9 * em, box.y(most) + 0.6 * em
    elif reference.up:
        before = reference.below
        x, y = box.x(reference.at) + (-0.4 if before else 0.4) * em, box.top + 0.6 * em
    else:
        under_title = not reference.below and box.y(reference.at) < box.top + 0.7 * em
        before = not reference.start or under_title
        x = box.right - 0.35 * em if before else box.left + 0.35 * em
        y = box.y(reference.at) + (1.15 if reference.below else -0.4) * em
    marks.label(group, reference.name, x, y, look, "end" if before else "start")


def _both(box: Box) -> tuple[float, float]:
    """The smallest and the largest value that both axes hold."""
    x, y = box.panel.x, box.panel.y
    return max(min(x.low, x.high), min(y.low, y.high)), min(max(x.low, x.high), max(y.low, y.high))


def _end(parent: Element, box: Box, series: Series, height: float, index: int, look: Look) -> None:
    """A name beside the plot with the series' mark, since colours return, and a thin line to its last point."""
    em, colour = look.font, marks.colour_of(series, look)
    group = _named(parent, series, index, look)
    start = (box.x(series.last.x, series.shift) + 0.7 * em, box.y(series.last.y))
    line = path([start, (box.right + 1.1 * em, height), (box.right + 1.7 * em, height)])
    add(group, "path", d=line, fill="none", stroke=colour, stroke_width=0.7 * em / SHAPED_FOR, stroke_opacity=0.45)
    marks.shape(group, series, (box.right + 2.1 * em, height), 0.8 * em / SHAPED_FOR, look)
    text = cut(series.name, em, look.width - box.right - 2.9 * em)
    add(group, "text", text, x=box.right + 2.8 * em, y=height + 0.35 * em, fill=look.colours["ink"])


def _named(parent: Element, series: Series, index: int, look: Look) -> Element:
    """A name that shows its series when it is pointed at."""
    group = add(parent, "g", class_="entry", data_series=str(index))
    if look.live:
        add(group, "title", series.name)
    return group
