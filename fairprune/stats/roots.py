"""The root of a function of one number: what scipy.optimize has costs half a second to import."""

from __future__ import annotations

from collections.abc import Callable


def root(of: Callable[[float], float], low: float, high: float, *, within: float = 1e-10) -> float:
    """Where a continuous function that has opposite signs at both ends is 0, by false position (Illinois).

    Raises ValueError where the signs are equal.
    """
    at_low, at_high = of(low), of(high)
    if at_low * at_high > 0:
        raise ValueError(f"expected opposite signs at {low} and {high}, not {at_low} and {at_high}")
    while at_high and abs(high - low) > within:
        middle = high - at_high * (high - low) / (at_high - at_low)
        moved, found = abs(middle - high), of(middle)
        if found * at_high < 0:
            low, at_low = high, at_high
        else:
            at_low /= 2
        high, at_high = middle, found
        if moved <= within:
            break
    return high
