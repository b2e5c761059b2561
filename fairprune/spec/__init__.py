"""Resolved specs: frozen values that say, to the last default, what a run is. Their hash is the run's identity.

Nothing here depends on paths, devices, threads or time; those are recorded with a result, never hashed.
"""

from fairprune.spec.method import Calibration, Method, Target, Training, default_allocation
from fairprune.spec.run import Jacobian, Latency, Metrics, Reading, Retraining, RetrainingKind, RunSpec, Tuned
from fairprune.spec.task import Checkpoint, DataSpec, NetworkSpec, Optimizer, Recipe, Task
from fairprune.spec.values import Option, Options, Value

__all__ = [
    "Calibration",
    "Checkpoint",
    "DataSpec",
    "Jacobian",
    "Latency",
    "Method",
    "Metrics",
    "NetworkSpec",
    "Optimizer",
    "Option",
    "Options",
    "Reading",
    "Recipe",
    "Retraining",
    "RetrainingKind",
    "RunSpec",
    "Target",
    "Task",
    "Training",
    "Tuned",
    "Value",
    "default_allocation",
]
