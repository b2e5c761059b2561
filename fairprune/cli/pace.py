"""How long a running study will still take: by the images that its stages train on."""

from __future__ import annotations

from collections.abc import Mapping

SETTLED_AFTER = 3.0  # seconds, before which nothing is foretold


class Pace:
    """Images that are trained on, counted as stages go on; where nothing trains, stages are counted.

    What came from the store, or from workers of another process, is done but tells nothing of the speed.
    """

    def __init__(self, images: Mapping[str, float]) -> None:
        trains = any(images.values())
        self._weights = images if trains else dict.fromkeys(images, 1.0)
        self._left = sum(self._weights.values())
        self._parts: dict[str, float] = {}  # running stage -> the part of it that is done
        self._begun: dict[str, float] = {}  # and the part that was done when it began, saved by an earlier run
        self._computed = 0.0
        self._since: float | None = None

    def start(self, key: str, now: float) -> None:
        """A stage is computed from now on."""
        self._since = now if self._since is None else self._since
        self._parts[key] = 0.0

    def epoch(self, key: str, epoch: float, epochs: float) -> None:
        """So many of its epochs are done."""
        if key in self._parts and epochs > 0:
            self._begun.setdefault(key, max(epoch - 1, 0.0) / epochs if epoch > 1 else 0.0)
            self._parts[key] = min(epoch / epochs, 1.0)

    def settle(self, key: str) -> None:
        """It is done, or has failed."""
        weight = self._weights.get(key, 0.0)
        self._left -= weight
        if key in self._parts:
            del self._parts[key]
            self._computed += weight * (1 - self._begun.pop(key, 0.0))

    def seconds_left(self, now: float) -> float | None:
        """None where nothing can be said yet."""
        running = {key: self._weights.get(key, 0.0) for key in self._parts}
        computed = sum(weight * (self._parts[key] - self._begun.get(key, 0.0)) for key, weight in running.items())
        left = self._left - sum(weight * self._parts[key] for key, weight in running.items())
        computed += self._computed
        if self._since is None or now - self._since < SETTLED_AFTER or computed <= 0:
            return None
        return max(left, 0.0) * (now - self._since) / computed
