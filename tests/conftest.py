"""What every test relies on: one thread, reproducible examples, real data only where a setting says where, commands."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
import torch

from fairprune.cli import main

torch.set_num_threads(1)
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")

NO_DATA = "no real data: FAIRPRUNE_DATA names no folder"


def _data_root() -> Path | None:
    named = os.environ.get("FAIRPRUNE_DATA")
    return Path(named) if named and Path(named).is_dir() else None


@pytest.fixture
def data_root() -> Path:
    """The folder of real data; the test is skipped where there is none."""
    root = _data_root()
    if root is None:
        pytest.skip(NO_DATA)
    return root


@pytest.fixture
def fairprune(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command as a user would: its exit code, output and errors."""

    def fairprune(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fairprune", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return fairprune


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _data_root() is None:
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(pytest.mark.skip(reason=NO_DATA))
