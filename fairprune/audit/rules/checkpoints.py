"""Rules about looks at data: what chose the reported network, and who had seen which images?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fairprune.audit.examples import case, pruned
from fairprune.audit.finding import Evidence, Rule, Said, ids, listed


def _chosen(how: str, text: str) -> Callable[[Evidence], Iterator[Said]]:
    """A check for checkpoints that were chosen in that way."""

    def check(evidence: Evidence) -> Iterator[Said]:
        for where, group in evidence.places.items():
            found = [result for result in group if result.selected_on == how]
            if found:
                names = listed(result.name for result in found)
                yield ids(found), f"{where}: {len(found)} of {len(group)} results {text}: {names}"

    return check


def _test_looks(evidence: Evidence) -> Iterator[Said]:
    for where, group in evidence.places.items():
        found = [result for result in group if result.test_looks is not None and result.test_looks > 1]
        if found:
            texts = listed(f"{result.name} {result.test_looks:g} times" for result in found)
            yield ids(found), f"{where}: {len(found)} of {len(group)} results looked at the test set often: {texts}"


def _validation_seen(evidence: Evidence) -> Iterator[Said]:
    for where, group in evidence.places.items():
        found = [result for result in group if result.validation_seen]
        if found:
            yield ids(found), f"{where}: {len(found)} of {len(group)} results: the base has seen the validation images"


RULES = (
    Rule(
        id="selected-on-test",
        severity="unfair",
        reason="The best of many looks at the test set is not an estimate of accuracy.",
        check=_chosen("test", "chose their checkpoint on the test set"),
        violation=case("The best test epoch is reported.", pruned("l1-0", selected_on="test")),
        passing=case("The last epoch is reported.", pruned("l1-0")),
    ),
    Rule(
        id="best-checkpoint",
        severity="caution",
        reason="The best epoch on validation favours noisy training over what the schedule ends in.",
        check=_chosen("validation", "report the best epoch on validation, not the last"),
        violation=case("The best epoch on validation is reported.", pruned("l1-0", selected_on="validation")),
        passing=case("The last epoch is reported.", pruned("l1-0")),
    ),
    Rule(
        id="test-looks",
        severity="caution",
        reason="Every further look at the test set is a chance to choose by it.",
        check=_test_looks,
        violation=case("The test set was read after each of 40 epochs.", pruned("l1-0", test_looks=40)),
        passing=case("The test set was read once for the dense and once for the final network.", pruned("l1-0")),
    ),
    Rule(
        id="validation-seen",
        severity="note",
        reason="A published base has often seen all training images: what validation then says of it is too good.",
        check=_validation_seen,
        violation=case("Published weights; validation is a tenth of their data.", pruned("l1-0", validation_seen=True)),
        passing=case("The base was trained on the rest.", pruned("l1-0", validation_seen=False)),
    ),
)
