"""Series as SVG: lines, bands, whiskers, marks, bars."""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element

from fairprune.report.figures.boxes import Box
from fairprune.report.figures.elements import Value, add, number, path
from fairprune.report.figures.layout import SWATCH, Entry
from fairprune.report.figures.palette import SHAPED_FOR, SHAPES, Look
from fairprune.report.figures.values import Point, Series

_LINKS = ("https://", "http://", "#")  # where a mark may lead


def colour_of(drawn: Series, look: Look) -> str:
    """A series' colour in a look."""
    return look.colours[str(drawn.colour)]


def group_of(parent: Element, index: int) -> Element:
    """What belongs to a series; `index` is what legend and panels know it by."""
    return add(parent, "g", class_="series", data_series=str(index))


def intervals(group: Element, box: Box, drawn: Series, look: Look) -> None:
    """A band that is always there, or whiskers and, where it can be pointed at, a band that shows then."""
    if drawn.kind == "spans":
        _spans(group, box, drawn, look)
        return
    found = _stretches(box, drawn)
    colour = colour_of(drawn, look)
    if not found or drawn.kind in ("bars", "rows"):
        return
    if drawn.band or look.live:
        edges = [[(x, high) for x, _, high in run] + [(x, low) for x, low, _ in reversed(run)] for run in found]
        kind, opacity = ("band", 0.18) if drawn.band else ("band hidden", 0.0)
        bands = "".join(path(edge, closed=True) for edge in edges)
        add(group, "path", class_=kind, d=bands, fill=colour, fill_opacity=opacity)
    lone = [run for run in found if not drawn.band or len(run) == 1]
    if lone:
        whiskers = "".join(f"M{number(x)} {number(low)}V{number(high)}" for run in lone for x, low, high in run)
        add(group, "path", d=whiskers, stroke=colour, stroke_width=1.3 * look.font / SHAPED_FOR, stroke_opacity=0.6)


def _stretches(box: Box, drawn: Series) -> list[list[tuple[float, float, float]]]:
    """Places of intervals, one list for each stretch of points that have one: between, nothing is known."""
    found: list[list[tuple[float, float, float]]] = [[]]
    for point in drawn.drawn:
        if point.low is None or point.high is None:
            found.append([])
        else:
            found[-1].append((box.x(point.x, drawn.shift), box.y(point.low), box.y(point.high)))
    return [run for run in found if run]


def _spans(group: Element, box: Box, drawn: Series, look: Look) -> None:
    known = [(box.y(p.y), box.x(p.low), box.x(p.high)) for p in drawn.drawn if p.low is not None and p.high is not None]
    lines = "".join(f"M{number(low)} {number(y)}H{number(high)}" for y, low, high in known)
    if lines:
        width = 2.2 * look.font / SHAPED_FOR
        add(group, "path", d=lines, stroke=colour_of(drawn, look), stroke_width=width, stroke_opacity=0.6)


def series(group: Element, box: Box, drawn: Series, look: Look) -> None:
    """A line with its marks, marks alone, or bars."""
    if drawn.kind == "line":
        line = path((box.x(p.x, drawn.shift), box.y(p.y)) for p in drawn.drawn)
        add(group, "path", d=line, fill="none", stroke_linejoin="round", **_stroke(drawn, look))
    for point in drawn.drawn:
        mark = _mark(group, drawn, point, look)
        if drawn.kind in ("bars", "rows"):
            _bar(mark, box, drawn, point, look)
        else:
            _dot(mark, box, drawn, point, look)


def swatch(parent: Element, entry: Entry, look: Look) -> None:
    """What a legend shows of a series."""
    drawn, em, colour = entry.series, look.font, colour_of(entry.series, look)
    right = entry.left + (SWATCH - 0.5) * em
    if drawn.kind in ("bars", "rows"):
        add(parent, "rect", x=entry.left + em, y=entry.middle - 0.4 * em, width=0.8 * em, height=0.8 * em, fill=colour)
        return
    if drawn.kind == "line":
        line = path([(entry.left, entry.middle), (right, entry.middle)])
        add(parent, "path", d=line, fill="none", **_stroke(drawn, look))
    shape(parent, drawn, ((entry.left + right) / 2, entry.middle), em / SHAPED_FOR, look)


def label(parent: Element, text: str, x: float, y: float, look: Look, anchor: str = "start") -> None:
    """A text that stays readable over lines: with a halo."""
    halo: dict[str, Value] = {"paint_order": "stroke", "stroke": look.colours["paper"], "stroke_width": 0.3 * look.font}
    add(parent, "text", text, x=x, y=y, fill=look.colours["ink"], text_anchor=anchor, stroke_linejoin="round", **halo)


def _stroke(drawn: Series, look: Look) -> dict[str, Value]:
    unit = look.font / SHAPED_FOR
    dots = {"stroke_dasharray": f"0.1 {number(3.6 * unit)}", "stroke_linecap": "round"} if drawn.dotted else {}
    return {"stroke": colour_of(drawn, look), "stroke_width": 1.7 * unit * math.sqrt(drawn.size), **dots}


def _mark(group: Element, drawn: Series, point: Point, look: Look) -> Element:
    """What can be pointed at, and followed."""
    said = "\n".join(filter(None, (drawn.name, point.text)))
    if not look.live:
        made = add(group, "g")
    elif point.link.startswith(_LINKS):
        made = add(group, "a", class_="mark", href=point.link, tabindex="-1")
    else:
        made = add(group, "g", class_="mark", role="img", tabindex="-1")
    add(made, "title", said)
    return made


def _dot(mark: Element, box: Box, drawn: Series, point: Point, look: Look) -> None:
    x, y, em = box.x(point.x, drawn.shift), box.y(point.y), look.font
    if look.live:
        add(mark, "circle", cx=x, cy=y, r=0.8 * em, fill="none", pointer_events="all")
    shape(mark, drawn, (x, y), drawn.size * em / SHAPED_FOR, look, point.open)


def shape(
    parent: Element, drawn: Series, at: tuple[float, float], scale: float, look: Look, hollow: bool = False
) -> None:
    """A series' mark, so many times as large as in the palette."""
    paper, colour = look.colours["paper"], colour_of(drawn, look)
    fill, stroke, width = (paper, colour, 1.8) if hollow else (colour, paper, 0.9)
    if drawn.open:  # what lies below stays visible
        fill, stroke, width = "none", colour, 1.8
    place = f"translate({number(at[0])} {number(at[1])}) scale({number(scale)})"
    form = SHAPES[drawn.shape % len(SHAPES)]
    add(parent, "path", class_="dot", d=form, transform=place, fill=fill, stroke=stroke, stroke_width=width)


def _bar(mark: Element, box: Box, drawn: Series, point: Point, look: Look) -> None:
    area = box.area(drawn, point)
    size: dict[str, Value] = {"width": area.right - area.left, "height": area.bottom - area.top}
    add(mark, "rect", class_="bar", fill=colour_of(drawn, look), x=area.left, y=area.top, **size)
