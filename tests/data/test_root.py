from pathlib import Path

import platformdirs

from fairprune.data.root import cache_root, data_root, missing
from fairprune.errors import DataError


def test_the_option_goes_before_the_environment_and_that_before_the_user_folder(monkeypatch):
    monkeypatch.setenv("FAIRPRUNE_DATA", "/from/environment")
    assert data_root(Path("/option")) == Path("/option")
    assert data_root() == Path("/from/environment")
    monkeypatch.delenv("FAIRPRUNE_DATA")
    assert data_root().is_relative_to(platformdirs.user_data_path("fairprune"))


def test_a_home_folder_is_expanded(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("FAIRPRUNE_DATA", "~/sets")
    assert data_root() == Path("/home/someone/sets")


def test_the_cache_is_moved_by_the_environment(monkeypatch):
    monkeypatch.setenv("FAIRPRUNE_CACHE", "/fast/disk")
    assert cache_root() == Path("/fast/disk")
    monkeypatch.delenv("FAIRPRUNE_CACHE")
    assert cache_root() == platformdirs.user_cache_path("fairprune")


def test_a_missing_file_is_named_with_its_place_and_the_setting():
    error = missing("MNIST", ["a.gz", "a"], [Path("/data/mnist"), Path("/data/MNIST/raw")])
    assert isinstance(error, DataError)
    line = str(error)
    assert "\n" not in line
    for part in ("MNIST", "a.gz or a", "/data/mnist or /data/MNIST/raw", "FAIRPRUNE_DATA"):
        assert part in line
