"""Options of networks that hold widths: positive integers, which arrive from a spec as floats."""

from __future__ import annotations

from collections.abc import Sequence

from fairprune.errors import SpecError


def whole(what: str, widths: Sequence[float], counts: Sequence[int]) -> list[int]:
    """The widths as integers. Raises SpecError unless they are positive, whole, and as many as one of `counts`."""
    right = isinstance(widths, Sequence) and not isinstance(widths, str) and len(widths) in counts
    if not right or any(not float(width).is_integer() or width < 1 for width in widths):
        shown = list(widths) if isinstance(widths, Sequence) else widths
        raise SpecError(f"{what} must be {' or '.join(map(str, counts))} positive integers, got {shown}")
    return [int(width) for width in widths]


def inner_widths(
    inner: Sequence[float] | None, stages: Sequence[tuple[int, int]], convolutions: int = 1
) -> list[list[list[int]]]:
    """The widths inside residual blocks: stage -> block -> inner convolution.

    `stages` holds width and number of blocks of each; `convolutions` is the number of inner ones, all but the last of
    a block. `inner` is one width per stage, per block or per inner convolution, in the order in which the network
    runs; None: the width of the stage. Raises SpecError for another number of widths.
    """
    blocks = sum(count for _, count in stages)
    counts = sorted({len(stages), blocks, blocks * convolutions})
    widths = whole("inner", inner, counts) if inner is not None else [width for width, _ in stages]
    if len(widths) == len(stages):
        widths = [width for width, (_, count) in zip(widths, stages, strict=True) for _ in range(count)]
    if len(widths) == blocks:
        widths = [width for width in widths for _ in range(convolutions)]
    left = iter(widths)
    return [[[next(left) for _ in range(convolutions)] for _ in range(count)] for _, count in stages]
