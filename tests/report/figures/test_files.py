from __future__ import annotations

import re
import struct
import sys

import pytest

from fairprune.errors import FigureError
from fairprune.report.figures.files import drawn


def test_svg_needs_nothing(figure, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert drawn(figure(), "svg", 3.25).startswith(b"<svg ")
    with pytest.raises(
        FigureError, match=re.escape("pdf needs vl-convert (svg does not): pip install fairprune[figures]")
    ):
        drawn(figure(), "pdf", 3.25)


def test_a_pdf_has_its_size_in_points_and_text_as_text(figure):
    data = drawn(figure(), "pdf", 3.25)
    assert data.startswith(b"%PDF-")
    assert re.search(rb"/MediaBox \[0 0 234 [\d.]+\]", data)
    assert b"/ToUnicode" in data  # letters that can be searched, in an embedded font
    assert b"/FontFile" in data
    assert b"/Subtype /Image" not in data


def test_a_png_has_300_dots_to_the_inch(figure):
    data = drawn(figure(), "png", 3.25)
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">I", data[16:20])[0] in (974, 975)  # 3.25 in, in whole dots
