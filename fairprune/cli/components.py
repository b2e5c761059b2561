"""Commands about components: what there is (ls), and whether it keeps to its contract (check)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fairprune.cli import EXIT_FINDINGS
from fairprune.cli.names import CHECKED, names_of
from fairprune.cli.options import AsJson

if TYPE_CHECKING:
    from fairprune.conformance import CheckResult

Listed = Literal["methods", "criterion", "training", "repair", "allocation", "network", "dataset", "objective"]


def ls(
    kind: Annotated[
        Listed | None,
        typer.Argument(help="A kind of component; methods: papers, needs and costs of all that prune."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what ships: criteria, trainings, repairs, allocations, networks, data sets, objectives; or all methods.

    Example: `fairprune ls methods`
    """
    from fairprune.cli.printing import print_table
    from fairprune.registry import BUILTIN

    if kind == "methods":
        _methods(as_json)
        return
    kinds = [kind] if kind else list(BUILTIN)
    if as_json:
        listed = {
            k: [{"name": e.name, "version": e.version, "summary": e.summary} for e in BUILTIN[k].values()]
            for k in kinds
        }
        typer.echo(json.dumps(listed, indent=2))
        return
    print_table(("kind ", "name ", "what it is "), [(k, e.name, e.summary) for k in kinds for e in BUILTIN[k].values()])


def _methods(as_json: bool) -> None:
    """The table of docs/methods.md. What is told of each method beyond it, only the JSON has."""
    from fairprune.catalogue import KINDS, catalogue
    from fairprune.cli.printing import console, print_table

    methods = catalogue()
    if as_json:
        typer.echo(json.dumps({"methods": [method.to_json() for method in methods]}, indent=2))
        return
    for kind in KINDS:  # three columns, so that names stay whole where a terminal is narrow
        print_table(
            (f"{kind} ", "paper ", "units: needs; cost in the ledger "),
            [
                (m.name, m.paper, f"{', '.join(m.granularities)}: {', '.join(m.needs)}; cost {m.cost}")
                for m in methods
                if m.kind == kind
            ],
        )
        console().print()


def check(
    name: Annotated[
        str,
        typer.Argument(
            help="module:attribute of your own, or a name of a criterion, training or repair.",
            metavar="NAME",
            autocompletion=names_of(*CHECKED),
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Run the conformance suite on a criterion, a method that trains, or a repair: whichever it is.

    Scores of the right shapes, from declared needs only; network and random state untouched; same seed, same result;
    dead units. Of trainings also: stopped and resumed, masks, spared layers, half precision.

    Example: `fairprune check my_file:my_criterion`
    """
    from fairprune.cli.printing import console, print_table
    from fairprune.conformance import check as run_suite

    found = dict(run_suite(component, name) for component in _components(name))
    every = [result for results in found.values() for result in results]
    failed = sum(not result.passed for result in every)
    if as_json:
        rows = [{"kind": kind, **vars(result)} for kind, results in found.items() for result in results]
        typer.echo(json.dumps(rows, indent=2))
    else:
        for kind, results in found.items():
            print_table((f"{kind} {name} ", "passed ", "detail "), map(_row, results))
            console().print()
        console().print(f"{failed} of {len(every)} checks failed" if failed else f"all {len(every)} checks passed")
    if failed:
        raise typer.Exit(EXIT_FINDINGS)


def _row(result: CheckResult) -> tuple[str, str, str]:
    return result.name, "yes" if result.passed else "NO", result.detail


def _components(name: str) -> list[object]:
    """What goes by a name: there may be a criterion and a repair of one name."""
    from fairprune import registry
    from fairprune.errors import SpecError, unknown

    if ":" in name:
        return [registry.load("criterion", name, Path.cwd())]  # the kind matters to names of ours only
    kinds = [kind for kind in CHECKED if name in registry.BUILTIN[kind]]
    if not kinds:
        told = unknown("criterion, training or repair", name, {n for kind in CHECKED for n in registry.BUILTIN[kind]})
        raise SpecError(f"{told}; your own: module:attribute of a file in this folder")
    return [registry.load(kind, name) for kind in kinds]
