from __future__ import annotations

from collections.abc import Callable

import pytest

from fairprune.corpus.replicates import averaged
from fairprune.corpus.tables import Corpus


def test_runs_of_one_setting_become_their_mean(corpus_of: Callable[..., Corpus]) -> None:
    setting = {"paper": "p", "kind": "prune", "source": "f", "transcribed_by": "us", "method": "m"}
    rows = [
        {"key": "1", "replicate": 0, "compression": 2.0, "top1": 90.0, "base_top1": 92.0},
        {"key": "2", "replicate": 1, "compression": 2.0, "top1": 91.0, "base_top1": 92.0},
        {"key": "3", "replicate": 2, "compression": 2.0, "top1": 95.0},
        {"key": "4", "replicate": 0, "compression": 4.0, "top1": 80.0},
        {"key": "5", "compression": 2.0, "top1": 99.0, "seeds": 5, "top1_std": 0.1},
        {"key": "6", "compression": 2.0, "top1": 98.0},
    ]
    raw = corpus_of(results=[setting | row for row in rows])["results"]
    found = averaged(raw)
    assert found.columns == raw.columns
    assert found.schema == raw.schema
    said = {row["key"]: row for row in found.iter_rows(named=True)}
    assert sorted(said) == ["1", "4", "5", "6"]
    assert (said["1"]["top1"], said["1"]["seeds"], said["1"]["base_top1"]) == (92.0, 3, 92.0)
    assert said["1"]["top1_std"] == pytest.approx(7**0.5)  # of 90, 91, 95: squares 4 + 1 + 9 over 2
    assert (said["4"]["top1"], said["4"]["seeds"], said["4"]["top1_std"]) == (80.0, 1, None)
    assert (said["5"]["seeds"], said["5"]["top1_std"], said["6"]["seeds"]) == (5, 0.1, None)
    assert averaged(raw.clear()).is_empty()
