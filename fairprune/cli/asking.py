"""Questions on the command line: answered by an option, by typing, or by the default where nobody is asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import typer

T = TypeVar("T")
Read = Callable[[str], T]  # raises FairpruneError for an answer that means nothing


@dataclass(frozen=True)
class Asker:
    """Who answers: the terminal if it is `live`, else defaults. What is asked goes to standard error."""

    live: bool

    def __call__(self, question: str, given: str | None, default: str, read: Read[T], about: Iterable[str] = ()) -> T:
        """The answer, read. One that is given is not asked for; a typed one that is refused is asked for again."""
        from fairprune.errors import FairpruneError

        if given is not None or not self.live:
            return read(default if given is None else given)
        for line in about:
            typer.echo(line, err=True)
        while True:
            try:
                return read(typer.prompt(question, default=default, err=True))
            except FairpruneError as error:
                typer.echo(f"  {error}", err=True)


def asker(*, quiet: bool) -> Asker:
    """One that asks if there is a terminal to type on, unless it is to be quiet."""
    return Asker(live=not quiet and sys.stdin.isatty())


def one_of(what: str, choices: Iterable[str]) -> Read[str]:
    """Reads one of some names."""
    from fairprune.errors import SpecError, unknown

    known = list(choices)

    def read(text: str) -> str:
        if text.strip() not in known:
            raise SpecError(unknown(what, text.strip(), known))
        return text.strip()

    return read


def numbers(text: str) -> tuple[float, ...]:
    """Reads numbers with commas between them."""
    from fairprune.errors import SpecError

    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise SpecError(f"'{text}': expected numbers with commas between them, e.g. 2,4,8") from None


def count(text: str) -> int:
    """Reads a number from 1 up."""
    from fairprune.errors import SpecError

    if not text.strip().isdigit() or int(text) < 1:
        raise SpecError(f"'{text}': expected a number from 1 up")
    return int(text)


def names(text: str) -> tuple[str, ...]:
    """Reads names with commas between them."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
