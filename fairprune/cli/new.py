"""Commands that write a file to start from. Heavy imports happen inside commands."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fairprune.cli.asking import asker
from fairprune.cli.names import among, names_of, several
from fairprune.cli.options import DEFAULT_STORE, AsJson, DataRoot, Device, Jobs, StoreFolder, Threads

app = typer.Typer(help="Write a file to start from: a study of your own, a paper for the corpus.", no_args_is_help=True)

Force = Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")]


Data = Annotated[
    str | None,
    typer.Option(
        help="Data set, or module:function of your own; default digits. See `fairprune ls dataset`.",
        autocompletion=names_of("dataset"),
    ),
]
DataOptions = Annotated[
    list[str] | None, typer.Option("--data-option", metavar="KEY=VALUE", help="An option of the data set; repeatable.")
]
Network = Annotated[
    str | None,
    typer.Option(
        help="Network, or module:factory of your own; default: one that suits the data. See `fairprune ls network`.",
        autocompletion=names_of("network"),
    ),
]
Units = Annotated[
    str | None,
    typer.Option(help="What is pruned: weights (default) or channels.", autocompletion=among("weights", "channels")),
]
Methods = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...",
        help="Criteria and trainings, or module:attribute of your own; controls join by themselves.",
        autocompletion=several(names_of("criterion", "training")),
    ),
]
Axis = Annotated[
    str | None,
    typer.Option(
        help="What targets are of: compression (default for weights), speedup (for channels) or ratio.",
        autocompletion=among("compression", "speedup", "ratio"),
    ),
]
Targets = Annotated[str | None, typer.Option(metavar="NUMBER,...", help="How much goes, e.g. 2,4,8.")]
Seeds = Annotated[str | None, typer.Option(metavar="NUMBER", help="Replicates; default 3.")]
Time = Annotated[
    str | None,
    typer.Option(
        help="Length of schedules: short (default), medium or long.", autocompletion=among("short", "medium", "long")
    ),
]


@app.command()
def study(
    path: Annotated[
        Path | None, typer.Argument(help="The file; default: called after what it studies.", metavar="NAME.toml")
    ] = None,
    data: Data = None,
    data_options: DataOptions = None,
    network: Network = None,
    units: Units = None,
    methods: Methods = None,
    axis: Axis = None,
    targets: Targets = None,
    seeds: Seeds = None,
    time: Time = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: what no option says is the default.")] = False,
    force: Force = False,
    store: StoreFolder = DEFAULT_STORE,
    data_root: DataRoot = None,
    device: Device = "auto",
    jobs: Jobs = 0,
    threads: Threads = 0,
    as_json: AsJson = False,
) -> None:
    """Write a study: asks what options leave open, each with a default; then says what it would cost.

    Without a terminal nothing is asked. The file is valid, and commented.

    Example: `fairprune new study --data mnist --network lenet5 --units channels --methods fpgm,taylor --yes`
    """
    from fairprune.cli.drafting import command_for, drafted, planned, print_written
    from fairprune.cli.networks import key_values
    from fairprune.cli.sessions import resources
    from fairprune.drafts.study import written
    from fairprune.errors import MissingDataError
    from fairprune.files import write_text
    from fairprune.launch.site import Site

    if path:
        check_file(path, force)
    execution, jobs = resources(device, jobs, threads)
    site = Site(store, data_root, (path or Path("x")).resolve().parent, execution=execution)
    given = {"data": data, "network": network, "units": units, "methods": methods, "axis": axis}
    given |= {"targets": targets, "seeds": seeds, "time": time}
    options = key_values("--data-option", data_options)
    draft, path = drafted(asker(quiet=yes), given, options, path, lambda text: check_file(Path(text), force), site)
    text = written(draft, command_for(draft, path), site.folder)
    plan, why = None, ""
    try:
        plan = planned(text, site, jobs)
    except MissingDataError as error:
        why = str(error)
    write_text(path, text)
    following = shlex.join(["fairprune", "run" if plan else "plan", str(path)])
    if as_json:
        found = {"study": str(path), "plan": plan.to_json() if plan else None, "next": following}
        typer.echo(json.dumps(found | ({"not_planned": why} if why else {}), indent=2))
    else:
        print_written(path, plan, why, following)


@app.command()
def paper(
    path: Annotated[Path, typer.Argument(help="The file; its name is the paper's key.", metavar="KEY.toml")],
    title: Annotated[str, typer.Option(help="The paper's title.")] = "",
    first_author: Annotated[str, typer.Option(help="Surname.")] = "",
    year: Annotated[int | None, typer.Option(min=1980, help="Of publication; default: this one.")] = None,
    url: Annotated[str, typer.Option(help="Where it is.")] = "",
    method: Annotated[str, typer.Option(help="The method that it introduces.")] = "",
    by: Annotated[str, typer.Option(help="Who types it in.")] = "",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write the beginning of a paper for the corpus, whose tables of results are to be typed in.

    Example: `fairprune new paper doe-2024.toml --title "Pruning, Plainly" --first-author Doe --method Plain`
    """
    from fairprune.drafts.paper import Paper, paper_written
    from fairprune.files import write_text

    check_file(path, force)
    year = year or datetime.now(UTC).year
    write_text(path, paper_written(Paper(path.stem, title, first_author, year, url, method or path.stem, by)))
    following = shlex.join(["fairprune", "corpus", "check", str(path)])
    if as_json:
        typer.echo(json.dumps({"paper": str(path), "next": following}, indent=2))
    else:
        typer.echo(f"written: {path}\nthen, with its tables typed in: {following}")


def check_file(path: Path, force: bool) -> Path:
    """The file, which can be written. Raises SpecError for one that is there, or is called as if it were none."""
    from fairprune.errors import SpecError
    from fairprune.files import check_place

    if path.suffix != ".toml":
        raise SpecError(f"{path}: expected a name that ends in .toml")
    if path.is_file() and not force:
        raise SpecError(f"{path} is there already: take another name, or overwrite it with --force")
    check_place(path)
    return path
