"""A study whose rates were chosen: the file as it was, under another name, with tuned retrainings beside the fixed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence

from fairprune.drafts.writing import commented, inline, key_of, quoted
from fairprune.errors import SpecError
from fairprune.study import Chosen, Study, parse_study
from fairprune.tuning import tuned_entries

_NAME = re.compile(r"^name\s*=.*$", re.MULTILINE)
_SAID = "The rate of every method at every target, chosen by validation among those of [tuning], by its seeds."


def tuned_study(text: str, study: Study, chosen: Mapping[str, Sequence[Chosen]]) -> str:
    """The text of a study file with retrainings NAME-tuned, at the rates `chosen` for each NAME.

    Raises SpecError for a file that cannot be added to: the study that it would be is compared with what is meant.
    """
    name = f"{study.name}-tuned"
    entries = {
        f"{key}-tuned": entry.model_copy(update={"rates": tuple(chosen[key])})
        for key, entry in tuned_entries(study).items()
    }
    if taken := next((key for key in entries if key in study.retraining), None):
        raise SpecError(f"study {study.name}: the name of retraining {taken} is that of tuned rates: take another")
    lines = [_NAME.sub(lambda _: f"name = {quoted(name)}", text, count=1).rstrip()]
    for key, entry in entries.items():
        lines += ["", *commented(_SAID), f"[retraining.{key_of(key)}]"]
        given = entry.model_dump(exclude_unset=True, exclude={"rates"}, mode="json")
        lines += [f"{field} = {inline(value)}" for field, value in given.items()]
        lines += ["rates = [", *(f"  {inline(rate.model_dump(exclude_none=True))}," for rate in entry.rates), "]"]
    new = "\n".join(lines) + "\n"
    meant = study.model_copy(update={"name": name, "retraining": {**study.retraining, **entries}})
    try:
        same = parse_study(tomllib.loads(new)) == meant
    except (tomllib.TOMLDecodeError, SpecError):
        same = False
    if not same:
        raise SpecError(
            f"study {study.name} cannot be added to: expected its name on a line of its own, and each retraining as a "
            "table [retraining.NAME]"
        )
    return new
