"""Learning-rate schedules, drawn: rate over epochs, on a logarithmic scale."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

from fairprune.schedules import Schedule
from fairprune.schedules.values import epochs_text, short_rate

_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 480, 160, 56, 28  # of the picture and its margins, in pixels


def drawn(schedule: Schedule, width: int = 60, height: int = 6) -> str:
    """Rows of block characters, `width` columns for the whole schedule; a column has the rate of its middle."""
    if not schedule.total:
        return "(0 epochs: nothing is trained)"
    rates = [schedule.at((column + 0.5) * schedule.total / width) for column in range(width)]
    low, high = _range(rates)
    eighths = [round((1 + _share(rate, low, high) * (height * 8 - 1)) if rate > 0 else 0) for rate in rates]
    rows = ["".join(_BLOCKS[min(max(level - 8 * row, 0), 8)] for level in eighths) for row in reversed(range(height))]
    labels = [short_rate(high), *[""] * (height - 2), short_rate(low)] if height > 1 else [""]
    margin = max(map(len, labels))
    end = epochs_text(schedule.total)
    lines = [f"{label:>{margin}} {row}" for label, row in zip(labels, rows, strict=True)]
    return "\n".join([*lines, f"{'':{margin}} 0{end:>{width - 1}}"])


def svg(schedule: Schedule, points: int = 480) -> str:
    """A picture of its own, with axes; colours follow the page's text. A schedule of 0 epochs has no line."""
    epochs = [schedule.total * index / points for index in range(points + 1)] if schedule.total else []
    rates = [schedule.at(min(epoch, math.nextafter(schedule.total, 0))) for epoch in epochs]
    low, high = _range(rates)
    across, down = _WIDTH - _LEFT - 8, _HEIGHT - _BOTTOM - 8
    line = " ".join(
        f"{_LEFT + across * epoch / schedule.total:.1f},{8 + down * (1 - _share(rate, low, high)):.1f}"
        for epoch, rate in zip(epochs, rates, strict=True)
        if rate > 0
    )
    bottom = _HEIGHT - _BOTTOM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" font-family="sans-serif" '
        f'font-size="11" fill="currentColor"><title>{escape(str(schedule))}</title>'
        f'<path d="M{_LEFT} 8V{bottom}H{_WIDTH - 8}" fill="none" stroke="currentColor" opacity=".4"/>'
        f'<text x="{_LEFT - 6}" y="14" text-anchor="end">{short_rate(high)}</text>'
        f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end">{short_rate(low)}</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 10}">0</text>'
        f'<text x="{_WIDTH - 8}" y="{_HEIGHT - 10}" text-anchor="end">{epochs_text(schedule.total)} epochs</text>'
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.8"/></svg>\n'
    )


def _range(rates: list[float]) -> tuple[float, float]:
    known = [rate for rate in rates if rate > 0]
    return (min(known), max(known)) if known else (1.0, 1.0)


def _share(rate: float, low: float, high: float) -> float:
    """Where a rate lies between the lowest and the highest, by its logarithm; 1 where they are equal."""
    return math.log(rate / low) / math.log(high / low) if high > low else 1.0
