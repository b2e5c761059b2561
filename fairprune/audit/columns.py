"""The columns of a file of results: what each one means, and how its cells are read. A blank cell is unknown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from fairprune.errors import SpecError, unknown
from fairprune.schedules import Schedule, parse

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_MOST_EPOCHS = 1e6
_MOST_WHOLE = 2**53  # beyond it, floats leave whole numbers out
_STAND_INS = ("-", "--", "\N{EN DASH}", "\N{EM DASH}", "?", "???", "n/a", "na", "nan", "null", "unknown")


@dataclass(frozen=True)
class Column:
    """What a column means, and how a cell that is not blank becomes a value: SpecError where it cannot."""

    meaning: str
    read: Callable[[str], Any]


def number(low: float, high: float, expected: str, units: str = "") -> Callable[[str], float]:
    """Reads a number, which one of the units may follow."""

    def read(text: str) -> float:
        bare = text[:-1].rstrip() if text[-1] in units else text
        value = float(bare) if _NUMBER.fullmatch(bare) else math.nan
        if not (low <= value <= high and math.isfinite(value)):
            raise SpecError(f"'{text}': expected {expected}")
        return value + 0.0  # no -0.0

    return read


def whole(low: int) -> Callable[[str], int]:
    """Reads a whole number."""

    def read(text: str) -> int:
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not (low <= value <= _MOST_WHOLE and value == int(value)):
            most = f", {_MOST_WHOLE} at most" if value > _MOST_WHOLE else ""
            raise SpecError(f"'{text}': expected a whole number, {low} or more{most}")
        return int(value)

    return read


def choice(what: str, *choices: str) -> Callable[[str], str]:
    """Reads one of a few words."""

    def read(text: str) -> str:
        if text not in choices:
            raise SpecError(unknown(what, text, choices))
        return text

    return read


def _name(text: str) -> str:
    """A name by which results are told apart, so nothing that only stands in for one."""
    if text.casefold() in _STAND_INS:
        raise SpecError(f"'{text}': expected a name; a blank cell says that it is unknown")
    return text


@lru_cache(maxsize=4096)  # few schedules stand in many rows
def _schedule(text: str) -> Schedule:
    try:
        schedule = parse(text)
        whole = schedule.total <= _MOST_EPOCHS
    except (ArithmeticError, LookupError, ValueError):  # numbers beyond those that floats add up
        whole = False
    if not whole:
        raise SpecError(f"schedule '{text}': expected at most {_MOST_EPOCHS:g} epochs")
    return schedule


def _folded(text: str) -> str:
    return _name(text).casefold()


def _list(text: str) -> tuple[str, ...]:
    """Its parts, separated by commas or spaces; empty for "none"."""
    parts = tuple(part for part in re.split(r"[,\s]+", _folded(text)) if part)
    return () if parts == ("none",) else parts


def _augmentation(text: str) -> str:
    """The steps, joined as our own runs join them."""
    return ",".join(_list(text))


def _spare(text: str) -> tuple[str, ...]:
    return tuple(sorted(_list(text)))


PERCENT, TIMES = "%", "x\N{MULTIPLICATION SIGN}"  # signs that may stand behind a percentage, and behind a factor
_PERCENT = number(0, 100, "percent, from 0 to 100", PERCENT)
_SIZE = number(0, math.inf, "a number, 0 or more")
_FACTOR = number(1, math.inf, "dense over pruned, 1 or more (2 for half)", TIMES)
_EPOCHS = number(0, _MOST_EPOCHS, f"epochs, from 0 to {_MOST_EPOCHS:g}")

COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "id": Column("a name for the row, no two alike", str),
        "method": Column("the pruning method", str),
        "kind": Column("prune (where blank), scratch or dense", choice("kind", "prune", "scratch", "dense")),
        "granularity": Column(
            "what is removed: weight, pattern (N:M), channel or block",
            choice("granularity", "weight", "pattern", "channel", "block"),
        ),
        "dataset": Column("the data set; with a test split of its own, `NAME@DIGEST`", _name),
        "network": Column("the network, with whatever distinguishes it from others of its name", _name),
        "base_top1": Column("accuracy of the base model, percent", _PERCENT),
        "top1": Column("accuracy of the final network, percent", _PERCENT),
        "top1_std": Column("its standard deviation over runs, percent", _PERCENT),
        "top5": Column("top-5 accuracy of the final network, percent", _PERCENT),
        "seeds": Column("runs behind the number", whole(1)),
        "base_checkpoint": Column("a name or digest that stands for one file of weights", _name),
        "compression": Column("parameters, dense over pruned", _FACTOR),
        "speedup": Column("multiply-adds, dense over pruned", _FACTOR),
        "params_m_base": Column("parameters of the dense network, millions", _SIZE),
        "macs_g_base": Column("multiply-adds of the dense network, 10^9", _SIZE),
        "allocation": Column("how much each layer loses: `uniform`, `global`, `given` ...", _folded),
        "spare": Column("layers that are not pruned, for example `conv1 classifier`; `none` for none", _spare),
        "calibration": Column("images that the criterion looked at; 0 for none", whole(0)),
        "tuning_trials": Column("settings of the method, or of its retraining, that were tried", whole(0)),
        "pretrain_epochs": Column("epochs of the base model; of a scratch run: its training", _EPOCHS),
        "pretrain_schedule": Column("their learning rates", _schedule),
        "prune_epochs": Column("epochs from the base to the last removal; 0 for one-shot pruning", _EPOCHS),
        "prune_schedule": Column("their learning rates; `none` for one-shot pruning", _schedule),
        "retrain_epochs": Column("epochs after the last removal", _EPOCHS),
        "retrain_schedule": Column("their learning rates", _schedule),
        "optimizer": Column("of retraining, as are the four that follow; for example `sgd`", _folded),
        "momentum": Column("0 for none", number(0, 1, "a number from 0 to 1")),
        "weight_decay": Column("0 for none", number(0, math.inf, "a number, 0 or more")),
        "batch_size": Column("images in a batch", whole(1)),
        "augmentation": Column("for example `pad-crop:4 flip`; `none` for none", _augmentation),
        "selected_on": Column(
            "how the reported epoch was chosen: last, validation or test",
            choice("way to choose a checkpoint", "last", "validation", "test"),
        ),
        "source": Column("where the number is printed", str),
    }
)  # fmt: skip
