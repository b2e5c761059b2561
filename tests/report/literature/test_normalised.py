from __future__ import annotations

import re
from statistics import median

import pytest

from fairprune.corpus.tables import load
from fairprune.report.literature.normalised import Start, accuracy, change, dense, size, starts

START = Start(params=138.0, macs=15.0, top1=70.0, top5=90.0)
BLANK = dict.fromkeys(
    (
        *("compression", "speedup", "params_m", "flops_g", "flops_unit"),
        *("top1", "base_top1", "top1_change", "top5", "base_top5", "top5_change"),
    )
)


@pytest.mark.parametrize(
    ("given", "params", "macs"),
    [
        ({"compression": 4.0, "speedup": 2.0}, 34.5, 7.5),  # the common size over the rate
        ({"compression": 4.0, "params_m": 99.0}, 34.5, None),  # the rate goes before what is printed
        ({"params_m": 99.0, "flops_g": 8.0, "flops_unit": "2x macs"}, 99.0, 4.0),
        ({"flops_g": 8.0, "flops_unit": "macs"}, None, 8.0),
        ({"flops_g": 8.0}, None, None),  # nobody knows what was counted
    ],
)
def test_sizes_by_hand(given, params, macs):
    row = BLANK | given
    assert (size(row, START, "params"), size(row, START, "macs")) == (params, macs)


@pytest.mark.parametrize(
    ("given", "top1", "own"),
    [
        ({"top1_change": -1.5}, 68.5, -1.5),
        ({"top1": 71.0, "base_top1": 71.5}, 69.5, -0.5),  # from the row's own base, not from the common one
        ({"top1": 71.0}, None, None),
        ({}, None, None),
    ],
)
def test_accuracies_by_hand(given, top1, own):
    assert accuracy(BLANK | given, START, "top1") == top1
    assert change(BLANK | given, "top1") == own


def test_without_a_common_value_there_is_none():
    nothing = Start(None, None, None, None)
    row = BLANK | {"compression": 2.0, "top1_change": 1.0}
    assert size(row, nothing, "params") is None
    assert accuracy(row, nothing, "top1") is None


def test_a_start_is_the_median_over_papers_of_the_medians_of_their_rows(corpus, result):
    made = corpus(
        result("1", "a", base_params_m=100.0, base_top1=70.0, base_flops_g=30.0, flops_unit="2x macs"),
        result("2", "a", base_params_m=100.0, base_top1=72.0),
        result("3", "a", base_params_m=140.0, base_top1=77.0),
        result("4", "b", base_params_m=120.0, base_top1=71.0, base_flops_g=17.0, flops_unit="macs"),
        result("5", "c", base_params_m=138.0, base_top1=68.0, base_flops_g=99.0),  # of no known unit
        result("6", "c", "resnet-50", base_top5=93.0),
    )
    found = starts(made["results"], made)
    assert found["vgg-16"] == Start(params=120.0, macs=16.0, top1=71.0, top5=None)
    assert found["resnet-50"] == Start(params=25.6, macs=4.1, top1=None, top5=93.0)  # of its usual version


def test_dense_networks_are_medians_over_collections(corpus, result):
    made = corpus(
        result("1", "a", kind="dense", top1=70.0, params_m=138.0, flops_g=15.0, flops_unit="macs"),
        result("2", "b", kind="dense", top1=71.0, params_m=138.4, flops_g=31.0, flops_unit="2x macs"),
        result("3", "b", "resnet-50", kind="dense", top1=76.0, params_m=25.6),
        result("4", "b", "tiny", kind="dense", top1=10.0),
        result("5", "b", kind="dense", dataset="cifar-10", top1=99.0),
    )
    found = dense(made, "imagenet", re.compile(r"vgg-\d+|resnet-\d+"))
    assert [(d.network, d.params, d.macs, d.top1) for d in found] == [
        ("resnet-50", 25.6, None, 76.0),
        ("vgg-16", 138.2, 15.25, 70.5),
    ]


# Of results.csv, by its number: old/new 14.00, from 68.97 to 69.04; old/new 1.96, from 68.36 to 71.05; 6.80 % of the
# parameters saved and 72.20 % of the operations, 1.000 points gained.
BY_HAND = (
    ("babu-training-sparse/325", 1 / 14, None, 0.07),
    ("net-trimming-apoz/161", 1 / 1.96, None, 2.69),
    ("pcas/66", 0.932, 0.278, 1.0),
)


def test_three_results_of_the_collection_by_hand():
    shipped = load()
    rows = shipped["results"].filter(origin="blalock-2020", dataset="imagenet", kind="prune", network="vgg-16")
    start = starts(rows, shipped)["vgg-16"]
    bases: dict[str, list[float]] = {}
    for row in rows.iter_rows(named=True):
        if row["base_top1"] is not None:
            bases.setdefault(row["paper"], []).append(row["base_top1"])
    common = median(median(values) for values in bases.values())
    shown = {row["key"]: row for row in rows.iter_rows(named=True)}
    for key, kept, left, gained in BY_HAND:
        assert size(shown[key], start, "params") == pytest.approx(138.0 * kept, rel=1e-3)
        assert accuracy(shown[key], start, "top1") == pytest.approx(common + gained, abs=1e-6)
        if left is not None:
            assert size(shown[key], start, "macs") == pytest.approx(start.macs * left, rel=1e-3)
