from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fairprune.cli.corpus.names import columns_of, keys_of, origins
from fairprune.corpus.tables import Corpus, save


def test_names_are_completed_from_the_corpus_that_is_asked(literature: Corpus, tmp_path: Path) -> None:
    save(literature, tmp_path)
    context: Any = SimpleNamespace(params={"corpus": tmp_path})
    assert keys_of("networks")(context, "r") == ["resnet"]
    assert keys_of("papers")(context, "") == ["a", "b", "c", "d", "e", "talk"]
    assert origins(context, "s") == ["survey"]
    assert columns_of("results")(context, "key,base_t") == ["key,base_top1", "key,base_top5", "key,base_top1_std"]


def test_the_corpus_that_ships_is_the_default(tmp_path: Path) -> None:
    context: Any = SimpleNamespace(params={"corpus": None})
    assert keys_of("networks")(context, "lenet-300-1") == ["lenet-300-100"]
    assert "blalock-2020" in origins(context, "blalock")
    context = SimpleNamespace(params={"corpus": tmp_path})  # where there is none, nothing is completed
    assert keys_of("networks")(context, "") == []
    assert origins(context, "") == []
