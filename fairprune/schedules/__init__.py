"""Learning-rate schedules as immutable values: functions of the epoch (unit: epochs, fractions allowed).

Grammar, one piece or several joined by ` | `:

    0:1e-2,30:1e-3 total:90          steps: first epoch and rate of each stage
    constant:1e-3 total:40
    cosine:1e-1->1e-4 total:200      half a cosine; linear:1e-1->0 total:10 is a straight line
    cosine:1e-1->1e-4 from:30 of:200 total:60      60 epochs of a cosine of 200, from its epoch 30 on
    halving:1e-2->1e-5 total:90      steps by the halving rule (Wang et al. 2023, arXiv:2301.05219, appendix A)
    none                             the schedule of 0 epochs (one-shot pruning trains nothing)

and for each piece `warmup:5` (linear from 0 to the rate at the end of the warm-up, in place of what was scheduled) and
`scaled-to:12` (breakpoints and warm-up scaled to that total). Epochs are kept to 1e-9, so that cutting and
joining again is exact.
"""

from fairprune.schedules.rules import empty, halving, same
from fairprune.schedules.text import parse
from fairprune.schedules.values import Schedule, Segment, Shape

__all__ = ["Schedule", "Segment", "Shape", "empty", "halving", "parse", "same"]
