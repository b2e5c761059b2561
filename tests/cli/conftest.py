"""The command, called as a user would."""

import sys

import pytest

from fairprune.cli import main


@pytest.fixture
def fairprune(monkeypatch, capsys):
    """Run a command as a user would: its exit code, output and errors."""

    def fairprune(*arguments):
        monkeypatch.setattr(sys, "argv", ["fairprune", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return end.value.code or 0, printed.out, printed.err

    return fairprune
