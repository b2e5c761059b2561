"""What is the same for many runs is built once: by identity of its parts, since to hash them would cost as much."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@contextmanager
def uncollected() -> Iterator[None]:
    """While very many values are made that all stay, looking for garbage among them again and again costs a third."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Memo:
    """Values by what they are for, and by the very objects that they are made from."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], tuple[Any, tuple[object, ...]]] = {}

    def once(self, what: str, parts: tuple[object, ...], build: Callable[[], T]) -> T:
        """What `build` gives, built the first time. The parts are held, so that their identities stay theirs."""
        key = (what, *map(id, parts))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (build(), parts)
        value: T = known[0]
        return value
