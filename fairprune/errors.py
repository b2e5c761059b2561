"""Errors that a user can act on: one line that names the culprit, the place and what was expected."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable


class FairpruneError(Exception):
    """Base of every error that is the user's to mend; the command prints its one line and exits with 2."""


class SpecError(FairpruneError):
    """A study, spec or option that cannot mean anything."""


class DataError(FairpruneError):
    """A data set that is missing, damaged, or does not fit the network."""


class MissingDataError(DataError):
    """A file of a data set that is not where it is expected (and may be fetched, where downloads are allowed)."""


class NetworkError(FairpruneError):
    """A network or checkpoint that cannot be built, loaded or traced."""


class PruneError(FairpruneError):
    """A pruning request that cannot be met."""


class StoreError(FairpruneError):
    """A store that cannot be read or written, or holds a damaged object."""


class CorpusError(FairpruneError):
    """A corpus that cannot be read, or rows that it cannot take."""


class FigureError(FairpruneError):
    """A figure that cannot be written."""


def brief(error: BaseException) -> str:
    """The first line of what another library's error says; its type where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def located(error: BaseException) -> str:
    """What an error of somebody's own code says, and where: `ValueError: no such thing (mine.py:3)`."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {brief(error)} ({last.filename.rsplit('/', 1)[-1]}:{last.lineno})"


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """One line for an unknown name: what it is, the nearest valid one, and the choices (the first 40)."""
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    shown = ", ".join(choices[:40]) or "none"
    return f"unknown {what} '{name}'{hint} (known: {shown}{f' and {len(choices) - 40} more' if choices[40:] else ''})"
