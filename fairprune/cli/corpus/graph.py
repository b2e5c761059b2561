"""The command that says who compares with whom."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairprune.cli.corpus.names import origins
from fairprune.cli.corpus.options import CorpusFolder
from fairprune.cli.options import AsJson

if TYPE_CHECKING:
    from fairprune.corpus.graph import Graph

_SHOWN = 10  # papers


def graph(
    origin: Annotated[
        str, typer.Option("--origin", help="Only what this origin brought.", autocompletion=origins, show_default=False)
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The graph as a file for Graphviz (.dot).", show_default=False)
    ] = None,
    corpus: CorpusFolder = None,
    as_json: AsJson = False,
) -> None:
    """Who compares with whom: the papers most compared to, those that stand alone, and how many hang together.

    A paper hangs together with another if one compares with the other, or if others join them.

    Example: `fairprune corpus graph -o comparisons.dot && dot -Tsvg comparisons.dot > comparisons.svg`
    """
    from fairprune.corpus.graph import dot
    from fairprune.corpus.graph import graph as drawn
    from fairprune.corpus.tables import SHIPPED, load, of_origin
    from fairprune.errors import SpecError
    from fairprune.files import write_text

    if output and output.suffix.lower() not in (".dot", ".gv"):
        raise SpecError(f"-o {output}: expected a name that ends in .dot")
    whole = load(corpus or SHIPPED, ("papers", "comparisons"))
    found = drawn(of_origin(whole, origin) if origin else whole)
    if output:
        write_text(output, dot(found))
    if as_json:
        edges = [{"paper": a, "compared_to": b} for a, b in found.edges]
        typer.echo(json.dumps({"nodes": [asdict(node) for node in found.nodes], "edges": edges}, indent=2))
    else:
        _print(found)


def _print(found: Graph) -> None:
    from fairprune.cli.printing import console, print_table

    out = console()
    outside = sum(node.outside for node in found.nodes)
    beside = f" and {outside} outside the corpus" if outside else ""
    out.print(f"{len(found.nodes) - outside} papers{beside}, {len(found.edges)} comparisons\n")
    rows = [(n.key, n.first_author or "", n.year or "", n.compared_by, n.compares_to) for n in found.most_compared_to]
    print_table(("most compared to ", "first author ", "year", "by papers", "compares with"), rows[:_SHOWN])
    sizes = Counter(map(len, found.components))
    said = ", ".join(
        f"{number} of {size} paper{'s' * (size > 1)}" for size, number in sorted(sizes.items(), reverse=True)
    )
    out.print(f"\ncomponents: {said}")
    out.print(f"alone, neither comparing nor compared with: {', '.join(found.isolated) or 'none'}")
