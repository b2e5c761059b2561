"""The templates of all pages: escaped, and with nothing undefined."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

import fairprune
from fairprune.report.figures.palette import DARK, LIGHT, variables


@cache
def template(name: str) -> Template:
    """A template of this package, by its path in it."""
    environment = Environment(
        loader=PackageLoader("fairprune", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    colours = {"light": variables(LIGHT), "dark": variables(DARK)}
    return environment.get_template(name, globals={"colours": colours, "version": fairprune.__version__})
