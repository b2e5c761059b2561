"""The command `fairprune`."""

from __future__ import annotations

import sys

EXIT_FINDINGS = 1  # it ran, but runs failed, a check did not pass, or a gate closed
EXIT_ERROR = 2  # the request cannot be met; one line says why
EXIT_INTERRUPTED = 130


def main() -> None:
    """Entry point: parse and run; what the user must mend is one line and an exit code."""
    from fairprune.cli.app import app
    from fairprune.errors import FairpruneError

    try:
        app()
    except FairpruneError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_ERROR)
