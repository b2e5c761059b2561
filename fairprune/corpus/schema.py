"""The tables of the corpus: what each column means, its type, unit and bounds. Null: the source does not say.

Units: accuracies in percent, changes of accuracy in points (pruned minus base), standard deviations in points;
parameters in millions, multiply-adds in 10^9; compression and speedup as dense over pruned, 2 for half.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import polars as pl

TableName = Literal["papers", "methods", "networks", "datasets", "results", "comparisons", "recipes"]
TABLES: tuple[TableName, ...] = get_args(TableName)
KEYS: Mapping[TableName, tuple[str, ...]] = MappingProxyType(
    {name: ("paper", "compared_to") if name == "comparisons" else ("key",) for name in TABLES}
)
FLOPS_UNITS = ("macs", "2x macs")
SINCE = 1943  # the first paper on neural networks


@dataclass(frozen=True)
class Column:
    """What a column holds. `refers` names the table whose key it holds; `low` and `high` are allowed values."""

    type: pl.DataType
    meaning: str
    needed: bool = False
    refers: TableName | None = None
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()


def _text(meaning: str, needed: bool = False, refers: TableName | None = None, *choices: str) -> Column:
    return Column(pl.String(), meaning, needed, refers, choices=choices)


def _number(meaning: str, low: float = -math.inf, high: float = math.inf) -> Column:
    return Column(pl.Float64(), meaning, low=low, high=high)


def _whole(meaning: str, low: float, high: float = math.inf, needed: bool = False) -> Column:
    return Column(pl.Int64(), meaning, needed, low=low, high=high)


_KEY = _text("a name that no other row of the table has", True)
_ORIGIN = _text("what brought the row: an import of files, or a contribution", True)
_NAMES = Column(pl.List(pl.String()), "other names of the same thing, as papers spell them", needed=True)
_COMPONENT = _text("its name in fairprune, where it has one")
_TRAINING: Mapping[str, Column] = MappingProxyType(
    {
        "base_checkpoint": _text("a name or digest that stands for one file of weights"),
        "allocation": _text("how much each layer loses: uniform, global, given ..."),
        "spare": _text("layers that are not pruned, separated by spaces; none for none"),
        "calibration": _whole("images that the criterion looked at; 0 for none", 0),
        "tuning_trials": _whole("settings of the method, or of its retraining, that were tried", 0),
        "pretrain_epochs": _number("epochs of the base model; of a scratch run: its training", 0),
        "pretrain_schedule": _text("their learning rates, in the grammar of schedules"),
        "prune_epochs": _number("epochs from the base to the last removal; 0 for one-shot pruning", 0),
        "prune_schedule": _text("their learning rates; none for one-shot pruning"),
        "retrain_epochs": _number("epochs after the last removal", 0),
        "retrain_schedule": _text("their learning rates"),
        "optimizer": _text("of retraining, as are the four that follow"),
        "momentum": _number("0 for none", 0, 1),
        "weight_decay": _number("0 for none", 0),
        "batch_size": _whole("images in a batch", 1),
        "augmentation": _text("for example pad-crop:4,flip; none for none"),
        "selected_on": _text("how the reported epoch was chosen", False, None, "last", "validation", "test"),
    }
)
_RESULTS: Mapping[str, Column] = MappingProxyType(
    {
        "key": _KEY,
        "origin": _ORIGIN,
        "paper": _text("the paper that prints it", True, "papers"),
        "source": _text("where in it: table, row, or the row of the file it was read from", True),
        "transcribed_by": _text("who typed it in, or read it from files", True),
        "corrected": _text("what was corrected of what is printed, and by whom"),
        "kind": _text("prune, scratch or dense", True, None, "prune", "scratch", "dense"),
        "method": _text("the pruning method", False, "methods"),
        "variant": _text("which version of the method, as the paper distinguishes them"),
        "setting": _text("hyperparameters that distinguish it from its neighbours"),
        "granularity": _text("what is removed", False, None, "weight", "pattern", "channel", "block"),
        "dataset": _text("the data set", False, "datasets"),
        "network": _text("the network", False, "networks"),
        "replicate": _whole("number of the run, where single runs are given, from 0", 0),
        "seeds": _whole("runs behind the number", 1),
        "base_top1": _number("accuracy of the base model, percent", 0, 100),
        "base_top5": _number("its top-5 accuracy, percent", 0, 100),
        "base_top1_std": _number("its standard deviation over runs, points", 0, 100),
        "top1": _number("accuracy of the final network, percent", 0, 100),
        "top5": _number("its top-5 accuracy, percent", 0, 100),
        "top1_std": _number("its standard deviation over runs, points", 0, 100),
        "top1_change": _number("top-1 accuracy, final minus base, points, where that is what is printed", -100, 100),
        "top5_change": _number("top-5 accuracy, final minus base, points, where that is what is printed", -100, 100),
        "base_params_m": _number("parameters of the dense network, millions", 0),
        "params_m": _number("parameters kept, millions", 0),
        "base_flops_g": _number("operations of the dense network, 10^9, in `flops_unit`", 0),
        "flops_g": _number("operations of the pruned network, 10^9, in `flops_unit`", 0),
        "flops_unit": _text("macs: multiply-adds; 2x macs: both counted; null: not known", False, None, *FLOPS_UNITS),
        "compression": _number("parameters, dense over pruned", 0),
        "speedup": _number("multiply-adds, dense over pruned", 0),
        **_TRAINING,
    }
)
SCHEMA: Mapping[TableName, Mapping[str, Column]] = MappingProxyType(
    {
        "papers": {
            "key": _KEY,
            "origin": _ORIGIN,
            "title": _text("its title", True),
            "first_author": _text("family name of the first author", True),
            "year": _whole("when it came out", SINCE, 2100, needed=True),
            "month": _whole("of that year", 1, 12),
            "venue": _text("where it came out"),
            "url": _text("where it is found"),
            "pruning": Column(pl.Boolean(), "whether its subject is pruning, so that its results count", needed=True),
        },
        "methods": {
            "key": _KEY,
            "origin": _ORIGIN,
            "name": _text("its usual name", True),
            "aliases": _NAMES,
            "paper": _text("the paper that introduced it", False, "papers"),
            "component": _COMPONENT,
        },
        "networks": {
            "key": _KEY,
            "origin": _ORIGIN,
            "name": _text("its name, with whatever distinguishes it from others", True),
            "aliases": _NAMES,
            "about": _text("what distinguishes it from networks of similar names"),
            "params_m": _number("parameters of the usual version, millions", 0),
            "macs_g": _number("multiply-adds of the usual version, 10^9", 0),
            "component": _COMPONENT,
        },
        "datasets": {
            "key": _KEY,
            "origin": _ORIGIN,
            "name": _text("its name", True),
            "aliases": _NAMES,
            "about": _text("what distinguishes it from data sets of similar names"),
            "component": _COMPONENT,
        },
        "results": _RESULTS,
        "comparisons": {
            "paper": _text("the paper that compares", True, "papers"),
            "compared_to": _text("the paper, of the corpus or not, whose method it compares with", True),
            "origin": _ORIGIN,
        },
        "recipes": {
            "key": _KEY,
            "origin": _ORIGIN,
            "paper": _text("the paper that reports it", True, "papers"),
            "source": _text("where in it", True),
            "transcribed_by": _text("who typed it in", True),
            "method": _text("the method that is retrained so", True, "methods"),
            "dataset": _text("the data set", False, "datasets"),
            "network": _text("the network", False, "networks"),
            "epochs": _number("epochs of retraining", 0),
            "schedule": _text("their learning rates, in the grammar of schedules"),
            "first_rate": _number("the learning rate that retraining begins with", 0),
            "remark": _text("what the other columns cannot say"),
        },
    }
)


def empty(table: TableName) -> pl.DataFrame:
    """A table without rows."""
    return pl.DataFrame(schema={name: column.type for name, column in SCHEMA[table].items()})
