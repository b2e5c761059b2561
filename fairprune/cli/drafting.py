"""From answers to a draft of a study: which questions there are, in which order, with which defaults."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fairprune.cli.asking import Asker, Read, count, names, numbers, one_of
from fairprune.cli.printing import console, print_plan

if TYPE_CHECKING:
    from fairprune.drafts.study import Draft, Units
    from fairprune.launch.site import Site
    from fairprune.plan import Plan
    from fairprune.registry import Kind

Given = Mapping[str, str | None]  # question -> what an option says


def drafted(
    ask: Asker, given: Given, options: Mapping[str, Any], path: Path | None, file: Read[Path], site: Site
) -> tuple[Draft, Path]:
    """The draft that the answers make, and its file. Raises FairpruneError for an option that means nothing."""
    from fairprune.drafts.study import AXES, TARGETS, TIMES, UNITS, Draft, networks_for, usual_network

    data = ask("data set", given["data"], "digits", _component("dataset", site), _listing("dataset"))
    known = [f"  usual: {', '.join(networks_for(data))}; all: fairprune ls network"]
    network = ask("network", given["network"], usual_network(data), _component("network", site), known)
    units = cast("Units", ask("pruned: weights or channels", given["units"], "weights", one_of("kind of unit", UNITS)))
    axis = cast("Any", one_of("axis", ("compression", "speedup", "ratio"))(given["axis"] or AXES[units]))
    draft = Draft("draft", data, network, units, (), axis, (), 1, "short", options)
    methods = _methods(ask, given["methods"], draft, site)
    usual = ",".join(f"{value:g}" for value in TARGETS[axis])
    targets = ask(f"targets, {axis}", given["targets"], usual, numbers)
    seeds = ask("seeds", given["seeds"], "3", count)
    time = cast("Any", ask("how long: short, medium or long", given["time"], "short", one_of("time", TIMES)))
    default = f"{_file(data)}-{_file(network)}-{units}.toml"
    path = path or ask("file", None, default, file)
    return Draft(path.stem, data, network, units, methods, axis, targets, seeds, time, options), path


def _methods(ask: Asker, given: str | None, draft: Draft, site: Site) -> tuple[str, ...]:
    """The methods: where nobody says which, the usual ones that fit the network."""
    from fairprune.drafts.study import USUAL, method_for, methods_for

    def read(text: str) -> tuple[str, ...]:
        chosen = names(text)
        for name in chosen:
            method_for(name, draft.units, site.folder)
        if not chosen:
            from fairprune.errors import SpecError

            raise SpecError("expected one method at least")
        return chosen

    if given is not None:
        return read(given)
    every, usual = methods_for(draft.units), USUAL[draft.units]
    tried = every if ask.live else {name: every[name] for name in usual}
    fitting = _fitting(draft, tried, site) or _fitting(draft, every, site)
    chosen = [name for name in usual if name in fitting] or list(fitting)[:1]
    return ask("methods", None, ",".join(chosen), read, [f"  {name:<20} {what}" for name, what in fitting.items()])


def _fitting(draft: Draft, methods: Mapping[str, str], site: Site) -> Mapping[str, str]:
    """Those methods that can prune such units there; where the data is not at hand, all of them."""
    from dataclasses import replace

    from fairprune.drafts.study import misfits
    from fairprune.errors import MissingDataError, PruneError

    mild = (0.3,) if draft.axis == "ratio" else (1.5,)
    try:
        wrong = misfits(replace(draft, methods=tuple(methods), targets=mild), site)
    except MissingDataError:
        return methods
    if len(wrong) == len(methods) and len(set(wrong.values())) == 1 < len(methods):
        raise PruneError(next(iter(wrong.values())))  # it is not the methods that do not fit
    return {name: what for name, what in methods.items() if name not in wrong}


def _component(kind: Kind, site: Site) -> Read[str]:
    from fairprune import registry

    def read(text: str) -> str:
        registry.find(kind, text.strip(), site.folder)
        return text.strip()

    return read


def _listing(kind: Kind) -> list[str]:
    from fairprune.registry import BUILTIN

    return [f"  {entry.name:<20} {entry.summary}" for entry in BUILTIN[kind].values()]


def _file(name: str) -> str:
    return name.rpartition(":")[2]


def command_for(draft: Draft, path: Path) -> str:
    """The command that writes this draft again."""
    words = ["fairprune", "new", "study", path.name, "--data", draft.data]
    for key, value in draft.data_options.items():
        words += ["--data-option", f"{key}={json.dumps(value)}"]
    words += ["--network", draft.network, "--units", draft.units, "--methods", ",".join(draft.methods)]
    words += ["--axis", draft.axis, "--targets", ",".join(f"{value:g}" for value in draft.targets)]
    return shlex.join([*words, "--seeds", str(draft.seeds), "--time", draft.time, "--yes"])


def planned(text: str, site: Site, jobs: int) -> Plan:
    """What the study would run and cost. Raises MissingDataError where its data is not at hand, else what is wrong."""
    import tomllib

    from fairprune.plan import make_plan
    from fairprune.reading import session_of
    from fairprune.study import parse_study

    return make_plan(session_of(parse_study(tomllib.loads(text)), site), "only-missing", jobs)


def print_written(path: Path, plan: Plan | None, unknown: str, command: str) -> None:
    """What was written, what it would cost, and what comes next."""
    out = console()
    if plan:
        print_plan(plan)
    else:
        out.print(f"what it would cost is not known: {unknown}", soft_wrap=True)
    out.print(f"\nwritten: {path}\nnext: {command}", soft_wrap=True)
