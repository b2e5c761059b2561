"""Tables of older schema versions, read as those of today: a chain of pure functions, from each version to the next.

What lies in a store is never rewritten: it is migrated whenever it is read. A version without a way to today's is
refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fairprune.errors import StoreError

Table = dict[str, Any]


@dataclass(frozen=True)
class Schema:
    """A kind of table: today's version, and from each older one the function to the version after it."""

    today: int
    steps: Mapping[int, Callable[[Table], Table]] = field(default_factory=dict)

    @property
    def known(self) -> list[int]:
        """The versions that can be read."""
        return [*sorted(self.steps), self.today]


RECORDS, STAGES, DECLARATIONS = Schema(1), Schema(1), Schema(1)


def migrated(table: Table, name: str, schema: Schema) -> Table:
    """The table in today's version. Raises StoreError for one that is newer, unknown, or without a version."""
    version = table.get("schema_version")
    if not isinstance(version, int) or version not in schema.known:
        known = " and ".join(map(str, schema.known))
        raise StoreError(f"{name} is of schema version {version}: this fairprune reads {known}")
    while version != schema.today:
        table = {**schema.steps[version](table), "schema_version": version + 1}
        version += 1
    return table
