"""A penalty factor that grows step by step: the schedule of GReg (Wang et al. 2021, arXiv:2012.09243) and TPP.

As published, the factor of a filter grows by 1e-4 every 5 steps (CIFAR: 10) up to 1, at a learning rate of 1e-3, and
is held there for 40,000 (CIFAR: 10,000) steps; then the filters are removed. Learning rate and number of steps are
those of the stage here. So by default the factor grows evenly, at every step, and reaches its ceiling after the
fraction `grown` of the training, whatever its length (published: 0.91 on CIFAR, 0.56 on ImageNet); `every` > 0 asks
for the published stairs. The released code also stops growing once kept filters are a thousand times as large as the
others in every layer; here growth goes on to the ceiling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fairprune.errors import PruneError


@dataclass(frozen=True)
class Stairs:
    """A penalty factor by step: from step `first` on `delta` more every `every` steps, from `low` to at most `high`.

    `end` is the step before which the highest stair has been held for `every` steps.
    """

    first: int
    end: int
    every: int
    delta: float
    low: float
    high: float

    def __call__(self, step: int) -> float:
        """The factor at a step from `first` on. The first stair is one `delta` above `low`."""
        return min(self.low + self.delta * ((step - self.first) // self.every + 1), self.high)


def stairs(
    first: int, low: float, high: float, *, share: float, steps: int, every: int = 0, delta: float = 0.0
) -> Stairs:
    """Stairs from step `first` on: evenly up to the `share` of all `steps`, or by `delta` every `every` steps.

    Raises PruneError for numbers that mean nothing, and for a training that is over before the last stair.
    """
    if not 0 <= low <= high or not 0 <= share <= 1 or every < 0 or (every and not delta > 0):
        raise PruneError(
            f"a penalty from {low:g} to {high:g} over {share:g} of the training, by {delta:g} every {every} steps: "
            f"expected one that grows from 0 or more, over a fraction of at most 1"
        )
    if not every:
        end = max(round(share * steps), first)
        return Stairs(first, end, 1, (high - low) / max(end - first, 1), low, high)
    end = first + every * math.ceil(round((high - low) / delta, 6))
    if end > steps:
        raise PruneError(
            f"a penalty that grows by {delta:g} every {every} steps is at {high:g} after {end} steps, but the training "
            f"has {steps}: train longer, lower the ceiling, or set every = 0 to grow evenly"
        )
    return Stairs(first, end, every, delta, low, high)
