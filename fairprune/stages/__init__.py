"""Stages: a run as a graph of pure functions, each keyed by its own spec and its parents' keys."""

from fairprune.stages.graph import partial_target, pipeline
from fairprune.stages.values import VERSION, Pipeline, Shared, Stage, StageKind, task_of

__all__ = ["VERSION", "Pipeline", "Shared", "Stage", "StageKind", "partial_target", "pipeline", "task_of"]
