"""fairprune: fair, standardised benchmarking of neural-network pruning.

import fairprune as fp
small = fp.prune(network, example_input, criterion="l1_norm", target=fp.speedup(2))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fairprune.api import compression, cost_curve, prune, ratio, speedup
    from fairprune.export import export_onnx
    from fairprune.hook import Hook, Now
    from fairprune.measure.conditions import Conditions
    from fairprune.measure.latency import compare_latency
    from fairprune.pruned import Pruned, load, save
    from fairprune.pruning import designs
    from fairprune.pruning.criterion import Context, Scored, criterion
    from fairprune.pruning.repair import repair
    from fairprune.pruning.training_method import Setting, training_method
    from fairprune.results import Results, read_results
    from fairprune.spec import Target

__all__ = [
    "Conditions",
    "Context",
    "Hook",
    "Now",
    "Pruned",
    "Results",
    "Scored",
    "Setting",
    "Target",
    "__version__",
    "compare_latency",
    "compression",
    "cost_curve",
    "criterion",
    "designs",
    "export_onnx",
    "load",
    "prune",
    "ratio",
    "read_results",
    "repair",
    "save",
    "speedup",
    "training_method",
]

_HOMES = {
    **dict.fromkeys(("Context", "Scored", "criterion"), "pruning.criterion"),
    **dict.fromkeys(("Setting", "training_method"), "pruning.training_method"),
    **dict.fromkeys(("Hook", "Now"), "hook"),
    "Conditions": "measure.conditions",
    "compare_latency": "measure.latency",
    **dict.fromkeys(("Pruned", "load", "save"), "pruned"),
    "export_onnx": "export",
    "repair": "pruning.repair",
    **dict.fromkeys(("Results", "read_results"), "results"),
    "Target": "spec",
}


def __getattr__(name: str) -> Any:
    """Public names on first use, so that the command's help does not wait for torch."""
    if name not in __all__:
        raise AttributeError(f"module 'fairprune' has no attribute '{name}'")
    import importlib

    if name == "designs":
        return importlib.import_module("fairprune.pruning.designs")
    return getattr(importlib.import_module(f"fairprune.{_HOMES.get(name, 'api')}"), name)
