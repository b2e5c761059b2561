"""Stages: a run as a graph of pure functions, each keyed by its own spec and its parents' keys."""

from fairprune.stages.graph import partial_target, pipeline, stages_of
from fairprune.stages.values import VERSION, Pipeline, Stage, StageKind, shared_part, task_of

__all__ = [
    "VERSION",
    "Pipeline",
    "Stage",
    "StageKind",
    "partial_target",
    "pipeline",
    "shared_part",
    "stages_of",
    "task_of",
]
