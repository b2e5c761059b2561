"""Which rule covers what papers and this project's protocol ask of a comparison. Rules of the linter are marked so."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LINTER = "lint "  # before the identifier of a rule of the linter

COVERAGE: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Wang et al. 2023, arXiv:2301.05219": {
            "setup S3.2 or stricter": ("setup-below-s3.2",),
            "one base model": ("base-differs", "unknown-base"),
            "one retraining schedule, and stated": ("schedule-differs", "unknown-schedule"),
            "one recipe besides": ("recipe-differs", "unknown-recipe"),
            "one final learning rate": ("final-rate",),
            "the cost of pruning counted": ("pruning-cost", "unknown-pruning-cost"),
            "rates within the tolerance": ("outside-tolerance", "off-target"),
            "the gain is the method's, not the recipe's": ("recipe-confounded", "rate-sensitive"),
            "retraining that converged": ("under-converged",),
            "one granularity": ("mixed-granularity",),
            "the L1-norm baseline": ("missing-magnitude",),
        },
        "Liu et al. 2019, arXiv:1810.05270": {
            "scratch runs of the same budget": ("scratch-budget",),
            "scratch runs of small dense networks": ("scratch-masked",),
        },
        "Blalock et al. 2020, arXiv:2003.03033": {
            "data set and exact architecture named": ("unknown-task", "other-network"),
            "3 pairs of data set and network, MNIST not counted": ("few-tasks",),
            "compression and theoretical speedup, both": ("unknown-rate", "masks-only"),
            "one way to count parameters and multiply-adds": (
                "mixed-conventions",
                f"{LINTER}macs-doubled",
                f"{LINTER}kept-for-removed",
                f"{LINTER}ratio-contradiction",
                f"{LINTER}factor-below-one",
            ),
            "top-1 and top-5": ("unknown-top5",),
            "raw values and the network that was not pruned": ("unknown-base-accuracy", "missing-dense"),
            "5 operating points": ("single-target", "few-targets"),
            "means and deviations over runs": ("few-seeds", "unknown-spread"),
            "random pruning, also with the method's amounts": ("missing-random", "missing-like-control"),
            "magnitude pruning, also with the method's amounts": ("missing-magnitude", "missing-like-control"),
            "one library, data loading and recipe": ("mixed-libraries", "recipe-differs"),
        },
        "The protocol of this project": {
            "validation chooses, the test set is read once": ("selected-on-test", "test-looks", "validation-seen"),
            "the last checkpoint": ("best-checkpoint", "unknown-checkpoint"),
            "one device, version, precision, size of validation": (
                "mixed-device",
                "mixed-libraries",
                "mixed-precision",
                "mixed-validation",
            ),
            "one choice of what is spared": ("mixed-spare",),
            "one number of calibration images": ("mixed-calibration",),
            "one tuning budget": ("mixed-tuning",),
            "per-layer amounts stated": ("unknown-allocation",),
            "a primary comparison declared beforehand": ("undeclared", "exploratory"),
            "intervals over seeds, bases and images": (
                "not-separated",
                "test-images",
                "not-estimable",
                "one-base",
                "shared-bases",
                "unequal-variance",
            ),
            "failed runs counted": ("incomplete-runs", "collapsed-layer"),
        },
    }
)
