"""A figure as bytes of a file: SVG by ourselves; PDF and PNG from that same SVG by vl-convert."""

from __future__ import annotations

from typing import Literal, get_args

from fairprune.errors import FigureError
from fairprune.report.figures.palette import paper
from fairprune.report.figures.svg import standalone
from fairprune.report.figures.values import Figure

Format = Literal["svg", "pdf", "png"]
FORMATS: tuple[Format, ...] = get_args(Format)
_DOTS = 300.0  # to the inch, in a PNG


def drawn(figure: Figure, form: Format, inches: float) -> bytes:
    """The figure as a file, so many inches wide. Raises FigureError where what makes PDF and PNG is not installed."""
    if form == "svg":
        return standalone(figure, paper(inches)).encode()
    try:
        import vl_convert
    except ImportError:
        raise FigureError(f"{form} needs vl-convert (svg does not): pip install fairprune[figures]") from None
    svg = standalone(figure, paper(inches), unit="pt")  # the converter takes a pixel for a point
    return vl_convert.svg_to_pdf(svg) if form == "pdf" else vl_convert.svg_to_png(svg, ppi=_DOTS)
