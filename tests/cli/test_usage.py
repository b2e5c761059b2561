"""Command lines: what every command has, and what is said of those that cannot be understood."""

import subprocess
import sys

import pytest
from typer.main import get_command

from fairprune import __version__ as fairprune_version
from fairprune.cli.app import app


def _commands(command, name="fairprune"):
    for word, below in getattr(command, "commands", {}).items():
        yield f"{name} {word}", below
        yield from _commands(below, f"{name} {word}")


@pytest.mark.parametrize(("name", "command"), list(_commands(get_command(app()))))
def test_every_command_has_json_help_and_an_example(name, command):
    if getattr(command, "commands", None) and not command.invoke_without_command:
        return  # a group
    options = {option for parameter in command.params for option in parameter.opts}
    assert "--json" in options, name
    assert command.help, name
    assert "Example: `fairprune " in command.callback.__doc__, name


def test_a_command_that_is_asked_for_is_built_alone():
    def built(line):
        return [name for name, _ in _commands(get_command(app(line.split())))]

    assert built("corpus stats --json") == ["fairprune corpus", "fairprune corpus stats"]
    assert built("plan a.toml --set corpus=1") == ["fairprune plan"]
    for unclear in ("", "--version", "stats", "corpse stats"):
        assert built(unclear) == [name for name, _ in _commands(get_command(app()))]
    assert built("corpus stat") == built("corpus")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("runn", "unknown command 'runn'; did you mean 'run'?"),
        ("corpus stat", "unknown command 'stat'; did you mean 'stats'?"),
        ("run", "Missing argument 'STUDY.toml'; see `fairprune run --help`"),
        ("run a.toml --jbos 2", "unknown option '--jbos'; did you mean '--jobs'?"),
        ("run a.toml --rerun only", "unknown value of '--rerun' 'only'; did you mean 'only-"),
        ("ls criterium", "did you mean 'criterion'?"),
        ("run a.toml --jobs two", "Invalid value for '--jobs' / '-j'"),
        ("run a.toml --store", "'--store' requires an argument"),
        ("cost a b", "unexpected extra argument"),
    ],
)
def test_a_command_line_that_cannot_be_understood_is_one_line_as_well(fairprune, line, message):
    code, out, err = fairprune(*line.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_nothing_asked_is_answered_by_help(fairprune):
    for words in ((), ("corpus",), ("new",)):
        code, out, err = fairprune(*words)
        assert (code, err) == (2, "")
        assert "Usage: fairprune" in out


def test_the_package_is_the_command_as_well():
    done = subprocess.run([sys.executable, "-m", "fairprune", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fairprune_version


def test_an_interruption_is_said_by_the_exit_code_alone(fairprune, monkeypatch):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("fairprune.networks.build.build", interrupted)
    code, out, err = fairprune("cost", "lenet5")
    assert (code, out, err) == (130, "", "")
