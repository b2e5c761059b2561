"""A paper for the corpus, begun: who it is, and a table of results whose facts are still to be typed in."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

from fairprune.drafts.writing import quoted
from fairprune.errors import SpecError


@dataclass(frozen=True)
class Paper:
    """What is known of the paper beforehand; `method` is the name of the method that it introduces."""

    key: str
    title: str
    first_author: str
    year: int
    url: str
    method: str
    transcribed_by: str


def paper_written(paper: Paper) -> str:
    """The file, as `fairprune corpus check` takes it once its blanks are filled. Raises SpecError for an odd key."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", paper.key):
        raise SpecError(
            f"key '{paper.key}': expected small letters and digits with hyphens between them, e.g. doe-2024"
        )
    text = _TEXT.format(
        key=quoted(paper.key),
        title=quoted(paper.title),
        author=quoted(paper.first_author),
        year=paper.year,
        url=quoted(paper.url),
        method=quoted(paper.method),
        slug=quoted(re.sub(r"[^a-z0-9]+", "-", paper.method.lower()).strip("-") or paper.key),
        by=quoted(paper.transcribed_by),
    )
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{paper.key}: a name cannot be written into a file: {error}") from None
    return text


_TEXT = """\
# A paper for the corpus. Type in facts only, and leave out what the paper does not say. `fairprune corpus check` says
# what is still wrong with this file; docs/corpus-contributing.md has the rest.
transcribed_by = {by}

[paper]
key = {key}
title = {title}
first_author = {author}
year = {year}
url = {url}
compares_to = [] # keys of papers in the corpus whose methods it compares with

# Names that the corpus does not have yet: [[methods]], [[networks]], [[datasets]], and other papers as [[papers]].
[[methods]]
key = {slug}
name = {method}
paper = {key}

# A table in print: what holds for all its rows, then the rows; a second table is a second [[tables]].
[[tables]]
source = "table 1"
dataset = "CIFAR-10"
network = "ResNet-56"
# base_top1 = 93.4 # accuracy before pruning, percent
# seeds = 3 # of how many runs each row is the mean

# A row for each result; `fairprune corpus tables results` has all columns. For instance:
# NAME 2x, NAME, 50, 93.2, "0:1e-2,30:1e-3 total:90"
rows = '''
id, method, removed_flops_pct, top1, retrain_schedule
'''
"""
