"""What training costs while a method changes what is multiplied."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from fairprune.train.course import Course


class Meter:
    """Adds up the multiply-adds of steps under a hook: three passes under its masks, and its overhead.

    Without a hook it does nothing: the cost of a step does not change, so the ledger multiplies.
    """

    def __init__(self, course: Course, work: float) -> None:
        self.work = work
        self._course = course
        self._masks: Mapping[str, Tensor] | None = None
        self._macs = 0.0
        self._dense = course.macs({}) if course.hook else 0.0

    def charge(self, step: int, samples: int) -> None:
        """Count one step, with the masks that were in force when it was made."""
        hook = self._course.hook
        if hook is None:
            return
        masks = hook.masks()
        if masks is not self._masks:
            self._masks, self._macs = masks, self._course.macs(masks)
        self.work += samples * (3 * self._macs + hook.overhead(step) * self._dense)

    def row(self) -> dict[str, float]:
        """Multiply-adds of one sample at the end of an epoch, for the curve."""
        return {"macs": self._macs} if self._course.hook else {}
