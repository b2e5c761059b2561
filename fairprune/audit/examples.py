"""The results that the rules' cases vary: one seed of L1-norm filter pruning by the book, and its scratch run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fairprune.audit.finding import Case, Contrast, Evidence, StudyFacts
from fairprune.audit.result import Result
from fairprune.schedules import parse
from fairprune.spec import Target

PRUNED: Mapping[str, Any] = MappingProxyType(
    {
        "task": "cifar10-resnet56",
        "method": "l1_norm",
        "criterion": "l1_norm",
        "granularity": "channel",
        "recipe": "finetune",
        "dataset": "cifar10",
        "network": "resnet56",
        "base_checkpoint": "base-0",
        "target": Target(axis="speedup", value=2),
        "allocation": "uniform",
        "spare": ("classifier",),
        "calibration": 0,
        "compression": 1.9,
        "speedup": 2.0,
        "pretrain_schedule": parse("0:1e-1,80:1e-2,120:1e-3 total:160"),
        "pretrain_macs": 125.49e6,
        "prune_epochs": 0,
        "retrain_schedule": parse("constant:1e-3 total:40"),
        "retrain_macs": 62.7e6,
        "optimizer": "sgd",
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "batch_size": 64,
        "augmentation": "pad-crop:4 flip",
        "precision": "fp32",
        "device": "cpu",
        "libraries": "torch 2.13.0",
        "validation": 0.1,
        "selected_on": "last",
        "test_looks": 1,
        "executed": "small",
        "base_seed": 0,
        "run_seed": 0,
        "seeds": 1,
        "base_top1": 93.5,
    }
)
SCRATCH: Mapping[str, Any] = MappingProxyType(
    {
        "kind": "scratch",
        "method": "l1_norm",
        "granularity": "channel",
        "recipe": "scratch",
        "dataset": "cifar10",
        "network": "resnet56",
        "target": Target(axis="speedup", value=2),
        "speedup": 2.0,
        "pretrain_schedule": parse("0:1e-1,100:1e-2,150:1e-3 total:200"),
        "pretrain_macs": 62.7e6,
        "executed": "small",
        "base_seed": 0,
        "run_seed": 0,
        "seeds": 1,
    }
)
DECLARED = StudyFacts(control="random", axis="speedup", targets=(2.0, 4.0), endpoint="top1", seeds=3)


@dataclass(frozen=True)
class Judged:
    """L1-norm pruning against the control at 2x, judged."""

    verdict: str
    task: str = "cifar10-resnet56"
    recipe: str = "finetune"
    method: str = "l1_norm"
    target: str = "speedup 2x"
    holds_on_other_images: bool | None = None


def pruned(id: str, **changes: Any) -> Result:
    """The pruned example with some fields changed."""
    return Result(id, **{**PRUNED, **changes})


def scratch(id: str, **changes: Any) -> Result:
    """A network of the pruned example's shape, trained anew for as many epochs in all, with some fields changed."""
    return Result(id, **{**SCRATCH, **changes})


def case(text: str, *results: Result, facts: StudyFacts | None = None, contrasts: tuple[Contrast, ...] = ()) -> Case:
    """An example of some results."""
    return Case(text, Evidence(results, facts, contrasts))
