# SPDX-License-Identifier: Apache-2.0
"""Small plots as SVG, to stand inside a page: bars, a histogram, a curve. Colours come from the page's style sheet."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Final

__all__ = ["bars", "curve", "histogram"]

_WIDTH: Final = 760
_LABEL: Final = 250
_ROW: Final = 40


def bars(rows: Sequence[tuple[str, int, int]], show: Callable[[int], str]) -> str:
    """Return two bars for each row: before, and after.

    Parameters
    ----------
    rows : sequence of (label, before, after)
    show : callable
        Writes a number for a person.
    """
    most = max((max(before, after) for _, before, after in rows), default=0) or 1
    room = _WIDTH - _LABEL - 90
    parts = []
    for number, (label, before, after) in enumerate(rows):
        top = number * _ROW
        short = label if len(label) <= 34 else f"{label[:33]}…"
        parts.append(
            f'<text class="label" x="{_LABEL - 10}" y="{top + 20}" text-anchor="end">{escape(short)}'
            f"<title>{escape(label)}</title></text>"
        )
        for name, value, at in (("before", before, top + 4), ("after", after, top + 19)):
            width = max(1.0, room * value / most)
            parts.append(
                f'<rect class="{name}" x="{_LABEL}" y="{at}" width="{width:.1f}" height="12" rx="2"/>'
                f'<text class="value" x="{_LABEL + width + 6:.1f}" y="{at + 10}">{escape(show(value))}</text>'
            )
    return _svg(len(rows) * _ROW, parts)


def histogram(bins: Sequence[tuple[str, int]], *, title: str) -> str:
    """Return a column for each (label, count), with a title below."""
    most = max((count for _, count in bins), default=0) or 1
    height, left = 220, 20
    step = (_WIDTH - 2 * left) / max(1, len(bins))
    parts = []
    for number, (label, count) in enumerate(bins):
        tall = 150 * count / most
        x = left + number * step
        parts.append(
            f'<rect class="after" x="{x + 2:.1f}" y="{170 - tall:.1f}" width="{max(1.0, step - 4):.1f}" '
            f'height="{tall:.1f}" rx="2"><title>{escape(label)}: {count}</title></rect>'
        )
        if count:
            parts.append(
                f'<text class="value" x="{x + step / 2:.1f}" y="{164 - tall:.1f}" text-anchor="middle">{count}</text>'
            )
        parts.append(
            f'<text class="label" x="{x + step / 2:.1f}" y="188" text-anchor="middle">{escape(label)}</text>'
        )
    parts.append(f'<text class="value" x="{_WIDTH / 2}" y="212" text-anchor="middle">{escape(title)}</text>')
    return _svg(height, parts)


def curve(points: Sequence[tuple[float, int]], *, labels: tuple[str, str, str]) -> str:
    """Return a curve from the first point's time to the last's.

    Parameters
    ----------
    points : sequence of (time, value)
    labels : (str, str, str)
        What stands at the left end, at the right end, and at the top.
    """
    height, left, low, high = 220, 20, 180, 30
    first, last = points[0][0], points[-1][0]
    most = max(value for _, value in points) or 1
    span = (last - first) or 1.0
    places = [
        (left + (_WIDTH - 2 * left) * (time - first) / span, low - (low - high) * value / most)
        for time, value in points
    ]
    if len(places) == 1:
        places.append((_WIDTH - left, places[0][1]))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    begin, end, top = map(escape, labels)
    return _svg(
        height,
        [
            f'<polygon class="area" points="{left},{low} {path} {places[-1][0]:.1f},{low}"/>',
            f'<polyline class="line" points="{path}"/>',
            f'<line class="axis" x1="{left}" y1="{low}" x2="{_WIDTH - left}" y2="{low}"/>',
            f'<text class="label" x="{left}" y="200">{begin}</text>',
            f'<text class="label" x="{_WIDTH - left}" y="200" text-anchor="end">{end}</text>',
            f'<text class="value" x="{_WIDTH - left}" y="20" text-anchor="end">{top}</text>',
        ],
    )


def _svg(height: int, parts: list[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img">{"".join(parts)}</svg>'
