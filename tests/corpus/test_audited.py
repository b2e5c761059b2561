from __future__ import annotations

from typing import Any

import pytest

from fairprune.audit import compare
from fairprune.corpus.audited import as_result, as_row
from fairprune.corpus.names import Names, names_of
from fairprune.corpus.schema import SCHEMA
from fairprune.corpus.tables import Part, merged, nothing
from fairprune.errors import SpecError
from fairprune.schedules import parse

NAMES = Names({"greg": "GReg"}, {"cifar10": "CIFAR-10"}, {"resnet-56": "ResNet-56"})


def row(**values: Any) -> dict[str, Any]:
    least = {"key": "p/1", "paper": "p", "source": "table 1", "transcribed_by": "us", "kind": "prune"}
    return dict.fromkeys(SCHEMA["results"]) | least | values


def test_the_names_of_a_corpus() -> None:
    methods = [{"key": "greg", "name": "GReg"}]
    corpus = merged(nothing(), Part("o", {"methods": methods}))
    assert names_of(corpus) == Names({"greg": "GReg"}, {}, {})


def test_a_row_as_the_audit_reads_it() -> None:
    result = as_result(
        row(
            method="greg",
            variant="2",
            dataset="cifar10",
            network="resnet-56",
            top1=93.0,
            speedup=2.0,
            spare="stem classifier",
            augmentation="none",
            prune_epochs=10.0,
            retrain_schedule="0:1e-2,30:1e-3 total:90",
            optimizer="SGD",
            seeds=3,
        ),
        NAMES,
    )
    assert (result.id, result.name, result.place) == ("p/1", "GReg 2", "ResNet-56 on CIFAR-10")
    assert (result.source, result.seeds, result.optimizer) == ("p, table 1", 3, "sgd")
    assert (result.spare, result.augmentation) == (("classifier", "stem"), "")
    assert result.retrain_schedule == parse("0:1e-2,30:1e-3 total:90")
    assert result.retrain_epochs == 90
    assert (result.pretrain_macs, result.prune_macs, result.retrain_macs) == (1, 1, 0.5)
    assert result.compression is None
    assert compare(result, result).flags == ()


def test_a_scratch_run_trains_the_small_network_alone() -> None:
    result = as_result(row(kind="scratch", speedup=4.0, pretrain_epochs=160.0), NAMES)
    assert result.epochs == 160
    assert result.cost() == 40


@pytest.mark.parametrize(
    ("method", "variant", "expected"),
    [
        ("greg", None, "GReg"),
        ("greg", "2", "GReg 2"),
        ("greg", "Greg-2", "Greg-2"),
        (None, "2", "2"),
        (None, None, None),
    ],
)
def test_the_name_of_a_method(method: str | None, variant: str | None, expected: str | None) -> None:
    assert as_result(row(method=method, variant=variant), NAMES).method == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"base_params_m": 20.0, "params_m": 5.0}, {"compression": 4.0, "params_m_base": 20.0}),
        ({"base_params_m": 20.0, "params_m": 5.0, "compression": 3.9}, {"compression": 3.9}),
        ({"base_params_m": 20.0, "params_m": 0.0}, {"compression": None}),
        ({"base_flops_g": 8.0, "flops_g": 2.0}, {"speedup": 4.0, "macs_g_base": None}),
        ({"base_flops_g": 8.0, "flops_unit": "2x macs"}, {"speedup": None, "macs_g_base": 4.0}),
        ({"base_flops_g": 8.0, "flops_unit": "macs"}, {"macs_g_base": 8.0}),
        ({"base_top1": 71.51, "top1_change": 0.21}, {"top1": 71.72}),
        ({"top1": 71.72, "top1_change": 0.21}, {"base_top1": 71.51}),
        ({"base_top1": 71.51, "top1": 71.7, "top1_change": 0.21}, {"top1": 71.7}),
        ({"top1_change": 0.21}, {"top1": None, "base_top1": None}),
        ({"kind": "dense"}, {"compression": 1.0, "speedup": 1.0, "prune_epochs": 0.0}),
    ],
)
def test_what_follows_from_what_is_printed(values: dict[str, Any], expected: dict[str, Any]) -> None:
    result = as_result(row(**values), NAMES)
    assert {name: getattr(result, name) for name in expected} == expected


def test_a_row_that_contradicts_itself() -> None:
    with pytest.raises(SpecError, match=r"'p/1': retrain_epochs is 40, but retrain_schedule"):
        as_result(row(retrain_epochs=40.0, retrain_schedule="constant:1e-3 total:20"), NAMES)


def test_a_result_as_a_row_and_back() -> None:
    values = {
        "kind": "prune",
        "spare": "classifier stem",
        "allocation": "uniform",
        "augmentation": "none",
        "prune_epochs": 0.0,
        "retrain_schedule": "0:1e-2,30:1e-3 total:90",
        "top1": 93.0,
        "seeds": 3,
    }
    back = as_row(as_result(row(**values), NAMES))
    assert {name: back[name] for name in values} == values
    assert (back["retrain_epochs"], back["prune_schedule"], back["momentum"]) == (90, "none", None)
    assert as_row(as_result(row(**back | {"spare": "none"}), NAMES))["spare"] == "none"
