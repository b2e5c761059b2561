"""Lines of what was trained from scratch, in the curves of what was retrained."""

from __future__ import annotations

from statistics import fmean

import pytest

from fairprune.report.curves import curves
from fairprune.summary import summarise

METHODS = {"random-weight": ("weight", 3.0), "magnitude": ("weight", 0.5), "gradient_weight": ("weight", 1.0)}
RECIPES = {"finetune": {"schedule": "constant:0.01 total:5"}, "anew": {"kind": "scratch-e"}}


def plots(made):
    summary = summarise(made.study, made.points, made.records)
    finetuned, scratch = summary.panels
    drawn = [curves(summary, panel)["compression"].panels[0] for panel in (finetuned, scratch)]
    cells = [cell for cell in scratch.cells if cell.method != "random-weight"]
    return drawn, cells


def test_a_line_is_the_mean_of_methods_at_every_target_without_controls(synthetic):
    (finetuned, scratch), cells = plots(synthetic(METHODS, retraining=RECIPES))
    line = finetuned.series[0]
    assert line.name == "anew, mean of methods"
    assert line.dotted
    for point, target in zip(line.points, dict.fromkeys(cell.target for cell in cells), strict=True):
        here = [cell for cell in cells if cell.target == target]
        assert point.y == pytest.approx(fmean(cell.endpoint.mean for cell in here))
        assert point.text.splitlines()[0] == target
        assert [line.partition(":")[0] for line in point.text.splitlines()[1:]] == ["magnitude", "gradient_weight"]
    assert {series.name for series in scratch.series} == set(METHODS)


def test_at_one_target_it_is_a_line_across(synthetic):
    only = {name: METHODS[name] for name in ("random-weight", "magnitude")}
    (finetuned, scratch), cells = plots(synthetic(only, targets=[4], retraining=RECIPES))
    (cell,) = cells
    [row] = [series for series in finetuned.series if series.name.startswith("anew ")]
    assert (row.name, row.points[0].x) == (f"anew {cell.endpoint.mean:.1f}", cell.endpoint.mean)
    assert cell.endpoint.mean in [line.at for line in finetuned.references]
    assert not any(series.name.startswith("anew") for series in scratch.series)
