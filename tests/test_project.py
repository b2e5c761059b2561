"""The project's own files agree with each other, and speak of the project alone."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import fairprune

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
INSTALLED = [Requirement(line) for line in [*PROJECT["dependencies"], *EXTRAS["test"], *EXTRAS["dev"]]]
# A path on somebody's machine ("someone" is nobody); the lookbehind spares addresses and paths inside the project.
SOMEBODYS_PATH = re.compile(r"(?<![\w.:/~>-])/(?:home|root|tmp|mnt|opt|work|Users)/(?!someone\b)\w")


def _pins() -> dict[str, Version]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    return {name: Version(version) for name, version in (line.split("==") for line in lines)}


@pytest.mark.parametrize("requirement", INSTALLED, ids=lambda requirement: requirement.name)
def test_dependency_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    assert _pins()[canonicalize_name(requirement.name)] in requirement.specifier


def test_pins_are_plain_versions() -> None:
    assert {name: pin for name, pin in _pins().items() if pin.local or name != canonicalize_name(name)} == {}


def test_every_dependency_is_justified() -> None:
    page = (ROOT / "docs/dependencies.md").read_text()
    listed = set(re.findall(r"^\| `([\w-]+)`", page, re.MULTILINE))
    extras = {Requirement(line).name for lines in EXTRAS.values() for line in lines}
    assert listed == {requirement.name for requirement in INSTALLED} | extras


def test_versions_agree() -> None:
    citation = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert citation is not None
    assert fairprune.__version__ == PROJECT["version"] == citation[1]


def test_nothing_tells_of_somebodys_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: which files are tracked is unknown")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]
    texts = {path.relative_to(ROOT): path.read_text(errors="replace") for path in files}
    told = {str(path): found[0] for path, text in texts.items() if (found := SOMEBODYS_PATH.search(text))}
    assert told == {}


@pytest.mark.parametrize("text", ["'|home|ann|x'", "at |tmp|a", "(|Users|ann)", "x=|opt|main"])
def test_somebodys_paths_are_recognised(text: str) -> None:
    assert SOMEBODYS_PATH.search(text.replace("|", "/"))


@pytest.mark.parametrize(
    "text", ["https://a.org/home/x", "docs/work/x", "<folder>/tmp/x", "a/opt/b", "../root/x", "/home/someone/x"]
)
def test_other_paths_are_left_alone(text: str) -> None:
    assert not SOMEBODYS_PATH.search(text)
