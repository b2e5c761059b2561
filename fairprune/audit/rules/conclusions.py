"""Rules about conclusions: is there enough behind them?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from fairprune.audit.examples import DECLARED, Judged, case, pruned
from fairprune.audit.finding import Contrast, Evidence, Rule, Said, ids, listed
from fairprune.audit.result import Result

SEEDS = 3


def _points(results: Iterable[Result]) -> dict[tuple[str | None, ...], list[Result]]:
    """Results by what only seeds tell apart."""
    points: defaultdict[tuple[str | None, ...], list[Result]] = defaultdict(list)
    for result in results:
        points[result.kind, result.name, result.amount, result.recipe].append(result)
    return points


def _runs(point: Iterable[Result]) -> int | None:
    """Runs behind a point, None where one result does not say."""
    counts = {(r.base_seed, r.run_seed) if r.run_seed is not None else r.id: r.seeds for r in point}
    known = [count for count in counts.values() if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _few_seeds(evidence: Evidence) -> Iterator[Said]:
    declared = f" ({evidence.facts.seeds} seeds were declared)" if evidence.facts and evidence.facts.seeds else ""
    for where, group in evidence.places.items():
        points = _points(group)
        few = {key: runs for key, point in points.items() if (runs := _runs(point)) is None or runs < SEEDS}
        if few:
            counts = Counter("an unstated number" if runs is None else str(runs) for runs in few.values())
            behind = listed(f"{n} on {runs}" for runs, n in counts.most_common())
            text = f"{where}: {len(few)} of {len(points)} points do not rest on {SEEDS} runs: {behind}{declared}"
            yield ids(result for key in few for result in points[key]), text


def _judged(wanted: Callable[[Contrast], bool], text: str) -> Callable[[Evidence], Iterator[Said]]:
    """A check for contrasts of that kind."""

    def check(evidence: Evidence) -> Iterator[Said]:
        found: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
        for contrast in evidence.contrasts:
            if wanted(contrast):
                found[contrast.task, contrast.recipe, contrast.target].append(contrast.method)
        for where, methods in found.items():
            among = set(methods)
            alike = (result for result in evidence.judged.get(where, ()) if result.method in among)
            yield ids(alike), f"{', '.join(where)}: {listed(methods)} {text}"

    return check


def _incomplete(evidence: Evidence) -> Iterator[Said]:
    for status in ("failed", "diverged", "skipped"):
        found = [result for result in evidence.results if result.status == status]
        if found:
            texts = listed(f"{r.name} at {r.amount}, {r.place}" for r in found)
            yield ids(found), f"{len(found)} of {len(evidence.results)} runs {status} and are in no mean: {texts}"


def _one_base(evidence: Evidence) -> Iterator[Said]:
    for where, group in evidence.places.items():
        based = [result for result in group if result.kind != "scratch"]
        bases = {result.base_checkpoint for result in based}
        if len(based) > 1 and len(bases) == 1 and None not in bases:
            yield (
                ids(based),
                f"{where}: all {len(based)} results start from one base model; intervals are given this base",
            )


def _shared_bases(evidence: Evidence) -> Iterator[Said]:
    for where, group in evidence.places.items():
        seeds: defaultdict[str, set[int]] = defaultdict(set)
        for r in group:
            if r.kind != "scratch" and r.base_checkpoint is not None and r.run_seed is not None:
                seeds[r.base_checkpoint].add(r.run_seed)
        shared = {base for base, runs in seeds.items() if len(runs) > 1}
        if shared and len(seeds) > 1:  # one base for all is said by `one-base`
            found = [r for r in group if r.base_checkpoint in shared]
            most = max(len(seeds[base]) for base in shared)
            yield ids(found), f"{where}: up to {most} runs of a method from each of {len(seeds)} base models"


def _undeclared(evidence: Evidence) -> Iterator[Said]:
    facts = evidence.facts
    if facts:
        missing = [what for what in ("axis", "targets", "endpoint", "control") if not getattr(facts, what)]
        if missing:
            yield (), f"not declared before the study ran: {', '.join(missing)}"


def _exploratory(evidence: Evidence) -> Iterator[Said]:
    if evidence.facts and evidence.facts.exploratory:
        yield (
            (),
            "axis, targets, endpoint, control or margin were changed after the first result: the study is exploratory",
        )


RULES = (
    Rule(
        id="few-seeds",
        severity="caution",
        reason="Fewer than 3 runs do not show how much of a difference is chance.",
        check=_few_seeds,
        violation=case("A method was run once.", pruned("l1-0")),
        passing=case("A method was run with 3 seeds.", *(pruned(f"l1-{s}", run_seed=s) for s in range(3))),
    ),
    Rule(
        id="not-separated",
        severity="caution",
        reason="A difference inside its interval is not a win, and not equality either.",
        check=_judged(
            lambda c: c.verdict == "not separated", "not separated from the control: neither a win nor equality"
        ),
        violation=case(
            "L1-norm pruning is .2 points above random pruning, with an interval of -.3 to .7.",
            pruned("l1-0"),
            contrasts=(Judged("not separated"),),
        ),
        passing=case(
            "L1-norm pruning is 1.2 points above random pruning, with an interval of .7 to 1.7.",
            pruned("l1-0"),
            contrasts=(Judged("better"),),
        ),
    ),
    Rule(
        id="test-images",
        severity="caution",
        reason="A difference that other test images could undo is one of these images, not of the methods.",
        check=_judged(
            lambda c: c.holds_on_other_images is False, "separated, but not once test images are sampled too"
        ),
        violation=case(
            "1.2 points over seeds, with an interval of .7 to 1.7, and of -.4 to 2.8 over seeds and 500 test images.",
            pruned("l1-0"),
            contrasts=(Judged("better", holds_on_other_images=False),),
        ),
        passing=case(
            "1.2 points over seeds, with an interval of .7 to 1.7, and of .6 to 1.8 over seeds and 50,000 test images.",
            pruned("l1-0"),
            contrasts=(Judged("better", holds_on_other_images=True),),
        ),
    ),
    Rule(
        id="not-estimable",
        severity="caution",
        reason="A declared comparison without runs on both sides, or with too few, is no result either way.",
        check=_judged(lambda c: c.verdict == "not estimable", "not estimable against the control"),
        violation=case("The control did not run at 2x.", pruned("l1-0"), contrasts=(Judged("not estimable"),)),
        passing=case("Both ran at 2x with several seeds.", pruned("l1-0"), contrasts=(Judged("worse"),)),
    ),
    Rule(
        id="incomplete-runs",
        severity="caution",
        reason="Runs that end early are results too; leaving them out flatters the method.",
        check=_incomplete,
        violation=case("One of two runs diverged.", pruned("l1-0"), pruned("l1-1", run_seed=1, status="diverged")),
        passing=case("Both runs ended.", pruned("l1-0"), pruned("l1-1", run_seed=1)),
    ),
    Rule(
        id="one-base",
        severity="note",
        reason="With a single base model, intervals say nothing about other trainings of the same network.",
        check=_one_base,
        violation=case("Two runs from one base model.", pruned("l1-0"), pruned("l1-1", run_seed=1)),
        passing=case(
            "Two runs, each from a base model of its own.",
            pruned("l1-0"),
            pruned("l1-1", base_seed=1, run_seed=1, base_checkpoint="base-1"),
        ),
    ),
    Rule(
        id="shared-bases",
        severity="note",
        reason="Runs from one base model are alike; intervals count them as independent and come out too narrow.",
        check=_shared_bases,
        violation=case(
            "Two base models, one of them pruned and retrained with two seeds.",
            pruned("l1-0"),
            pruned("l1-1", run_seed=1),
            pruned("l1-2", base_seed=1, base_checkpoint="base-1"),
        ),
        passing=case(
            "Two runs, each from a base model of its own.",
            pruned("l1-0"),
            pruned("l1-1", base_seed=1, run_seed=1, base_checkpoint="base-1"),
        ),
    ),
    Rule(
        id="exploratory",
        severity="caution",
        reason="An endpoint chosen after a look at results finds what chance put there.",
        check=_exploratory,
        violation=case("Targets were added after the first result.", facts=replace(DECLARED, exploratory=True)),
        passing=case("Targets and endpoint are those declared.", facts=DECLARED),
    ),
    Rule(
        id="undeclared",
        severity="note",
        reason="A primary comparison that nobody named beforehand can be any of many.",
        check=_undeclared,
        violation=case("A study without a declared control.", facts=replace(DECLARED, control=None)),
        passing=case("Axis, targets, endpoint and control were declared.", facts=DECLARED),
    ),
)
