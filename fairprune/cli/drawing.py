"""How wide a paper's figures are: what commands that draw share."""

from __future__ import annotations

WIDTHS = {"single": 3.25, "double": 6.75}  # inches, of one and of both columns of a paper
_NARROWEST, _WIDEST = 2.0, 60.0
WIDTH_HELP = "Of svg, pdf and png: single (3.25 in), double (6.75 in), or inches."


def inches_of(text: str) -> float:
    """A width in inches. Raises SpecError where it is none, or none that can be read."""
    from fairprune.errors import SpecError

    try:
        inches = WIDTHS[text] if text in WIDTHS else float(text)
    except ValueError:
        inches = 0.0
    if not _NARROWEST <= inches <= _WIDEST:
        expected = f"single, double, or inches from {_NARROWEST:g} to {_WIDEST:g}"
        raise SpecError(f"--width '{text}': expected {expected}")
    return inches
