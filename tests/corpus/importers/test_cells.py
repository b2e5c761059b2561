from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import floats

from fairprune.audit.columns import COLUMNS
from fairprune.corpus.importers.cells import CELLS, rule
from fairprune.corpus.schema import SCHEMA
from fairprune.errors import SpecError

KEPT = floats(0.01, 100)


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("kept_params_pct", "25%", {"compression": 4.0}),
        ("removed_params_pct", "75 %", {"compression": 4.0}),
        ("kept_flops_pct", "100", {"speedup": 1.0}),
        ("removed_flops_pct", "0", {"speedup": 1.0}),
        ("top1_error", "6.94", {"top1": 93.06}),
        ("macs_g_base", "4.1", {"base_flops_g": 4.1, "flops_unit": "macs"}),
        ("params_m_base", "25.6", {"base_params_m": 25.6}),
        ("compression", "2.5x", {"compression": 2.5}),
        ("top1_change", "-1.5", {"top1_change": -1.5}),
        ("retrain_schedule", "halving:1e-1->1e-3 total:8", {"retrain_schedule": "0:1e-1,4:1e-2,6:1e-3 total:8"}),
        ("prune_schedule", "none", {"prune_schedule": "none"}),
        ("spare", "stem, classifier", {"spare": "classifier stem"}),
        ("spare", "none", {"spare": "none"}),
        ("augmentation", "Flip pad-crop:4", {"augmentation": "flip,pad-crop:4"}),
        ("augmentation", "none", {"augmentation": "none"}),
        ("flops_unit", "2x macs", {"flops_unit": "2x macs"}),
        ("replicate", "0", {"replicate": 0}),
    ],
)
def test_what_a_cell_becomes(column: str, cell: str, expected: dict[str, Any]) -> None:
    assert CELLS[column](cell) == expected


@given(KEPT)
def test_kept_and_removed_are_one_thing(percent: float) -> None:
    for size, rate in (("params", "compression"), ("flops", "speedup")):
        kept = CELLS[f"kept_{size}_pct"](repr(percent))[rate]
        removed = CELLS[f"removed_{size}_pct"](repr(100 - percent))[rate]
        assert kept == pytest.approx(removed, rel=1e-9)
        assert 100 / kept == pytest.approx(percent)
        assert CELLS[rate](repr(kept)) == {rate: kept}


@given(floats(0, 100))
def test_errors_are_what_is_not_right(percent: float) -> None:
    right = CELLS["top1_error"](repr(percent))["top1"]
    assert CELLS["top1_error"](repr(right))["top1"] == pytest.approx(percent, abs=1e-6)


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("kept_params_pct", "0", "bounds"),
        ("kept_params_pct", "101", "bounds"),
        ("removed_flops_pct", "100", "bounds"),
        ("removed_flops_pct", "-1", "bounds"),
        ("top1_error", "6.9.4", "bounds"),
        ("compression", "0.5", "ratio"),
        ("top1_change", "-101", "bounds"),
        ("replicate", "-1", "bounds"),
        ("flops_unit", "flops", "unknown-name"),
        ("selected_on", "train", "unknown-name"),
        ("retrain_schedule", "constant", "schedule"),
        ("base_checkpoint", "n/a", "text"),
        ("network", "?", "unknown-name"),
    ],
)
def test_what_cannot_be_read(column: str, cell: str, expected: str) -> None:
    with pytest.raises(SpecError):
        CELLS[column](cell)
    assert rule(column) == expected


def test_every_column_of_results_and_of_the_audit_can_be_written() -> None:
    by_file = {"origin", "paper", "source", "transcribed_by"}
    assert set(SCHEMA["results"]) - by_file <= set(CELLS)
    assert set(COLUMNS) - {"id", "source"} <= set(CELLS)
