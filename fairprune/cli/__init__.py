"""The command `fairprune`."""

from __future__ import annotations

import gc
import sys

EXIT_FINDINGS = 1  # it ran, but runs failed, a check did not pass, or a gate closed
EXIT_ERROR = 2  # the request cannot be met; one line says why
EXIT_INTERRUPTED = 130


def main() -> None:
    """Entry point: parse and run; what the user must mend is one line and an exit code."""
    import typer

    from fairprune.cli.app import app
    from fairprune.errors import FairpruneError

    gc.set_threshold(50_000, 20, 20)  # results are many values that stay: looking for garbage among them costs a tenth
    try:
        sys.exit(app(sys.argv[1:])(prog_name="fairprune", standalone_mode=False))
    except FairpruneError as error:
        _end(str(error))
    except typer.Abort:
        _end("there was no answer")
    except typer.TyperException as error:
        from fairprune.cli.usage import said

        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command
            print(error.format_message())
            sys.exit(EXIT_ERROR)
        _end(said(error))


def _end(line: str) -> None:
    print(f"error: {line}", file=sys.stderr)
    sys.exit(EXIT_ERROR)
