"""The reference is the docstrings' own text, of every public name."""

import inspect
from pathlib import Path

import pytest

import fairprune
from fairprune.catalogue import reference
from fairprune.catalogue.reference import SECTIONS

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"


def test_the_page_is_that_of_the_docstrings():
    assert PAGE.read_text(encoding="utf-8") == reference(), "write catalogue.reference() to docs/reference.md"


def test_every_public_name_is_in_it_once():
    listed = [name for names in SECTIONS.values() for name in names]
    assert sorted(listed) == sorted(set(fairprune.__all__) - {"__version__"})


@pytest.mark.parametrize("name", [name for names in SECTIONS.values() for name in names])
def test_every_public_name_says_what_it_is(name):
    found = getattr(fairprune, name)
    said = inspect.cleandoc(found.__doc__ or "").split("\n\n")[0]
    assert said, name
    assert f"### fp.{name}\n" in PAGE.read_text(encoding="utf-8")


def test_signatures_are_whole():
    text = reference()
    assert 'criterion: str | Criterion = "l1_norm"' in text
    assert "fp.ratio(value: float) -> Target" in text
    assert 'fp.Target(*, axis: Literal["compression", "speedup", "ratio"], value: float)' in text
    assert "<lambda>" not in text
    assert "_not_there" not in text
    assert "#### fp.designs.guided\n" in text
    assert ">>>" not in text
